"""Days of predictions are measured by what was logged and by the labels that are known, each once, and again if these change."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.errors import SourceError
from components.model.folder import read_model
from components.monitoring.measuring import measure_due_days
from components.monitoring.record import DayState, read_days_of_version, read_live_days, record_live_day
from components.monitoring.watching import EARLY_DAYS, LATE_DAYS, write_due_days
from components.prediction_log.shipper import Shipper
from components.predictions.measuring import measure_predictions
from components.serving.loading import open_version
from components.serving.metrics import Metrics
from components.serving.remembering import LogOptions, Remembering
from components.serving.service import Service, Unanswered
from components.storage.manifest import CODE
from tests.components.monitoring.served import TARGET, VISITORS, Served, served, served_numbers, visits  # noqa: F401
from tests.components.serving.house import save_house
from tests.components.visits import day


def test_a_day_is_provisional_before_its_labels_are_mature_and_settled_after(served: Served) -> None:  # noqa: F811
    rows = visits(1)
    served.serve(rows)
    (first,) = served.monitor(1)
    assert (first.state, first.rows, first.labelled, first.metrics) == (DayState.PROVISIONAL, VISITORS, 0, ())
    served.label(1, rows[:50])
    (second,) = served.monitor(1)
    assert (second.state, second.labelled, second.attempt) == (DayState.PROVISIONAL, 50, 2)
    served.label(1, rows)
    (third,) = served.monitor(2)
    assert (third.state, third.labelled, third.attempt) == (DayState.SETTLED, VISITORS, 3)
    assert third.operation.latency_microseconds == (1500, 1500, 1500)
    assert third.operation.predictions == VISITORS
    assert [sum(counts) for counts in vars(third.scores[0]).values()] == [VISITORS, VISITORS, VISITORS // 2]
    assert {one.slice["device"] for one in third.slice_scores} == {"phone", "desk"}
    parts = [list(vars(one.counts).values()) for one in third.slice_scores]
    assert [np.sum(of_slices, axis=0).tolist() for of_slices in zip(*parts, strict=True)] == [
        list(one) for one in vars(third.scores[0]).values()
    ]


def test_metrics_are_those_of_the_evaluator_on_the_logged_scores(served: Served) -> None:  # noqa: F811
    rows = visits(1)
    served.serve(rows)
    served.label(1, rows)
    (measured,) = served.monitor(2)
    table = pa.Table.from_pylist([{name: row[name] for name in ("visitor", "returned", "device")} for row in rows])
    scores = np.array([[row["score"]] for row in rows], np.float32)
    expected = {(m.name, str(m.slice)): m for m in measure_predictions(served.model, table, scores, beam_args=())}
    found = {(m.name, str(m.slice)): m for m in measured.metrics}
    assert found.keys() == expected.keys()
    assert {str(m.slice) for m in measured.metrics} == {"{}", "{'device': 'phone'}", "{'device': 'desk'}"}
    for key, metric in expected.items():
        assert found[key].value == pytest.approx(metric.value, abs=1e-9, nan_ok=True)
        assert (found[key].ci_low, found[key].ci_high) == pytest.approx((metric.ci_low, metric.ci_high), abs=1e-9, nan_ok=True), key
        assert found[key].example_count == metric.example_count


def test_numbers_are_measured_as_they_are_and_not_as_classes(served_numbers: Served) -> None:  # noqa: F811
    rows = [row | {"score": 12 * row["score"] - 7} for row in visits(1)]
    served_numbers.serve(rows)
    served_numbers.label(1, rows)
    (measured,) = served_numbers.monitor(2)
    truth, said = np.array([10.5 * row["returned"] - 7.25 for row in rows]), np.array([row["score"] for row in rows], np.float32)
    found = {metric.name: metric.value for metric in measured.metrics if not metric.slice}
    assert found["mean_absolute_error"] == pytest.approx(float(np.abs(truth - said).mean()), rel=1e-6)
    assert found["r_squared"] == pytest.approx(1 - float(((truth - said) ** 2).mean()) / float(truth.var()), rel=1e-6)
    assert found["mean_label"] == float(truth.mean())
    assert (measured.state, measured.labelled, measured.scores) == (DayState.SETTLED, VISITORS, ())


def test_a_day_run_twice_changes_nothing_and_a_late_label_changes_its_day_alone(served: Served) -> None:  # noqa: F811
    for number in (1, 2):
        served.serve(visits(number))
        served.label(number, visits(number))
    assert [one.served.day for one in served.monitor(3)] == [day(1), day(2)]
    before = served.days()
    assert served.monitor(3) == []
    assert served.days() == before
    turned = [row | {"returned": 1 - row["returned"]} if row["visitor"] == 7 else row for row in visits(1)]
    served.label(1, turned)
    (again,) = served.monitor(3)
    assert (again.served.day, again.attempt) == (day(1), 2)
    assert served.days()[1] == before[1]
    assert [m.value for m in again.metrics] != [m.value for m in before[0].metrics]


def test_a_run_through_an_earlier_day_changes_nothing_of_what_is_known_since(served: Served) -> None:  # noqa: F811
    served.serve(visits(1))
    served.label(1, visits(1))
    assert [one.state for one in served.monitor(2)] == [DayState.SETTLED]
    assert served.monitor(1) == []


def test_a_settled_day_of_which_predictions_have_expired_stays_as_it_was_measured(served: Served) -> None:  # noqa: F811
    served.serve(visits(1))
    served.label(1, visits(1)[:60])
    assert [(one.rows, one.labelled) for one in served.monitor(2)] == [(VISITORS, 60)]
    log = f"`{served.site.settings.project}.predictions.{served.model.name}`"
    served.site.client.query_and_wait(f"DELETE FROM {log} WHERE instance >= 50")
    served.label(1, visits(1))
    assert served.monitor(3) == []


def test_a_day_is_told_by_target_where_a_version_serves_on_several(served: Served) -> None:  # noqa: F811
    served.serve(visits(1))
    (here,) = served.monitor(1)
    with served.engine.begin() as connection:
        record_live_day(connection, served.model.name, "prod", replace(here, rows=7, attempt=0), run_id=here.run_id)
        found = read_days_of_version(connection, served.model.name, 1)
        assert read_live_days(connection, served.model.name, "prod", since=day(2)) == ()
    assert [(one.target, one.rows) for one in found] == [("local", VISITORS), ("prod", 7)]


def test_any_text_may_be_served(served: Served) -> None:  # noqa: F811
    odd = {1: "x" * 600, 2: "a,b=c" * 20, 3: "a\0b"}
    served.serve([row | {"device": odd.get(row["visitor"], row["device"])} for row in visits(1)])
    served.label(1, visits(1))
    (measured,) = served.monitor(2)
    assert measured.labelled == VISITORS
    assert {metric.slice.get("device") for metric in measured.metrics} == {None, "desk", "phone", odd[2]}


def test_a_prediction_that_is_not_finite_is_not_measured(served: Served, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    wrong = {7: float("nan"), 8: float("inf")}
    served.serve([row | {"score": wrong.get(row["visitor"], row["score"])} for row in visits(1)])
    served.label(1, visits(1))
    (measured,) = served.monitor(2)
    assert (measured.rows, measured.labelled, sum(measured.scores[0].rows)) == (VISITORS, VISITORS - 2, VISITORS - 2)
    (line,) = [one.__dict__ for one in caplog.records if one.name == "components.monitoring.measuring"]
    assert (line["message"], line["rows"]) == ("predictions are NaN or infinite, and not measured", 2)


def test_a_number_that_is_not_finite_is_no_label(served_numbers: Served) -> None:  # noqa: F811
    label = served_numbers.model.folder / "label.sql"
    wrong = "CASE visitor WHEN 7 THEN CAST('NaN' AS FLOAT64) WHEN 8 THEN CAST('inf' AS FLOAT64) WHEN 9 THEN NULL ELSE returned * 10.5 END"
    label.write_text(label.read_text().replace("returned * 10.5", f"{wrong}"))
    served_numbers.serve(visits(1))
    served_numbers.label(1, visits(1))
    (measured,) = served_numbers.monitor(2)
    assert (measured.labelled, measured.contradicting) == (VISITORS - 3, 0)


def refuse(served: Served, tmp_path: Path) -> None:  # noqa: F811
    """Log today what was not answered: 4 rows that were refused, and a failure."""
    name = served.model.name
    remembering = Remembering(served.site.settings.model_copy(update={"state_folder": tmp_path}), TARGET, Metrics(), LogOptions())
    service = Service(Metrics(), opened=remembering.open)
    servable = service.servable(name, 1, *open_version(save_house(tmp_path / "house"), "house 1"))
    for number, (status, rows) in enumerate([(400, 3), (413, 1), (503, 4)]):
        remembering.refuse(Unanswered(name, f"r{number}", status, rows, 0.001))
    remembering.refuse(Unanswered("another", "r9", 400, 5, 0.001))
    remembering.close()
    servable.scorer.close()
    Shipper(served.site.cloud, remembering.folder).ship()


def test_requests_that_were_refused_or_failed_are_counted_with_the_day(served: Served, tmp_path: Path) -> None:  # noqa: F811
    today = (datetime.now(UTC).date() - day(1)).days + 1
    served.serve(visits(today))
    served.serve(visits(today - 1))
    refuse(served, tmp_path)
    before, now = (one.operation for one in served.monitor(today))
    assert (now.refused_requests, now.refused_rows, now.failed_requests) == (2, 4, 1)
    assert (before.refused_requests, before.failed_requests) == (0, 0)
    assert [one.operation for one in served.days()] == [before, now]


def test_requests_that_were_refused_are_counted_with_the_last_version_of_the_day_alone(served: Served, tmp_path: Path) -> None:  # noqa: F811
    second, today = served.register(), (datetime.now(UTC).date() - day(1)).days + 1
    rows = visits(today)
    served.serve(rows[:100])
    served.serve(rows[100:], version=second)
    refuse(served, tmp_path)
    assert [one.operation.refused_requests for one in served.monitor(today)] == [0, 2]
    served.label(today, rows[:100])
    assert [(one.served.version, one.operation.refused_requests) for one in served.monitor(today)] == [(1, 0)], "its labels have come"


def test_the_last_version_of_a_day_takes_its_refused_requests_with_it_however_late_its_rows_are_shipped(
    served: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    second, today = served.register(), (datetime.now(UTC).date() - day(1)).days + 1
    rows = visits(today)
    served.serve(rows[:100])
    refuse(served, tmp_path)
    assert [one.operation.refused_requests for one in served.monitor(today)] == [2]
    served.serve(rows[100:], version=second)
    assert [(one.served.version, one.operation.refused_requests) for one in served.monitor(today)] == [(1, 0), (second, 2)]
    assert served.monitor(today) == []


def test_a_day_on_which_every_request_was_refused_is_one_of_the_version_that_was_live_before(served: Served, tmp_path: Path) -> None:  # noqa: F811
    today = (datetime.now(UTC).date() - day(1)).days + 1
    served.serve(visits(today - 2))
    refuse(served, tmp_path)
    before, now = served.monitor(today)
    assert (now.served.day, now.served.version, now.rows, now.metrics) == (day(today), before.served.version, 0, ())
    assert (now.operation.predictions, now.operation.refused_rows) == (0, 4)
    assert served.monitor(today) == []


def test_predictions_that_are_shipped_late_are_measured_with_their_day(served: Served) -> None:  # noqa: F811
    rows = visits(1)
    served.label(1, rows)
    served.serve(rows[:120])
    assert [one.rows for one in served.monitor(3)] == [120]
    served.serve(rows[120:], hour=23)
    assert [(one.rows, one.labelled) for one in served.monitor(3)] == [(VISITORS, VISITORS)]


def test_rows_without_a_date_are_of_the_day_of_their_request(served: Served) -> None:  # noqa: F811
    rows = visits(1)
    served.label(1, rows)
    served.serve(rows, span=False)
    assert [(one.served.day, one.labelled) for one in served.monitor(2)] == [(day(1), VISITORS)]


def test_labels_that_contradict_are_counted_and_not_measured_and_equal_ones_count_once(served: Served) -> None:  # noqa: F811
    rows = visits(1)
    served.serve(rows)
    twice = [rows[0], rows[1] | {"returned": 1 - rows[1]["returned"]}]
    served.label(1, [*rows, *twice])
    (measured,) = served.monitor(2)
    assert (measured.rows, measured.labelled, measured.contradicting) == (VISITORS, VISITORS - 1, 1)


def test_rows_of_a_version_role_or_time_that_nobody_knows_are_named_and_left_out(
    served: Served,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    served.serve(visits(1))
    served.serve(visits(1)[:3], version=77)
    served.serve(visits(2)[:4], version=77)
    served.serve(visits(1)[:5], role="rehearsal")
    served.serve([visits(1)[0], *(row | {"day": "0001-01-01"} for row in visits(1)[1:4])])
    log = f"`{served.site.settings.project}.predictions.{served.model.name}`"
    served.site.client.query_and_wait(f"UPDATE {log} SET version = NULL WHERE role = 'rehearsal' AND instance = 4")
    (measured,) = served.monitor(2)
    assert (measured.served.day, measured.served.version, measured.served.role, measured.rows) == (day(1), 1, "live", VISITORS + 1)
    old, *lines = [one.__dict__ for one in caplog.records if one.name == "components.monitoring.watching"]
    assert (old["first_day"], old["rows"]) == ("0001-01-01", 3), "which is so long ago that nobody can look at the days before"
    assert {one["message"] for one in lines} == {"predictions of a version or role that the registry does not know are left out"}
    assert {(one["version"], one["role"], one["rows"]) for one in lines} == {(77, "live", 7), (1, "rehearsal", 4), (None, "rehearsal", 1)}
    assert served.monitor(2) == []


def test_a_day_of_years_ago_that_is_asked_for_again_is_measured(served: Served) -> None:  # noqa: F811
    served.serve([row | {"day": "2013-03-01"} for row in visits(1)])
    (measured,) = served.monitor(2)
    assert (measured.served.day, measured.rows) == (date(2013, 3, 1), VISITORS)


def test_a_version_is_measured_by_the_slices_and_features_of_its_own_model(served: Served) -> None:  # noqa: F811
    saved = served.folder / "saved"
    shutil.copytree(served.model.folder, saved / CODE)
    second = served.register(saved)
    toml, schema = served.model.folder / "model.toml", served.model.folder / "schema.pbtxt"
    toml.write_text(toml.read_text().replace('slices = [["device"]]', 'slices = [["pages"]]'))
    schema.write_text("".join(line for line in schema.read_text().splitlines(keepends=True) if "device" not in line))
    served.model = read_model(served.model.folder.parent, served.model.name)
    served.serve(visits(1))
    served.serve(visits(1), version=second, role="canary")
    served.label(1, visits(1))
    by = {one.served.version: one for one in served.monitor(2)}
    assert {name for metric in by[1].metrics for name in metric.slice} == {"pages"}, "its own is not kept: today's"
    assert {name for metric in by[second].metrics for name in metric.slice} == {"device"}
    assert {one.name for one in by[second].inputs} - {one.name for one in by[1].inputs} == {"device"}
    assert served.monitor(2) == []


def test_a_version_whose_label_is_another_one_is_not_held_against_todays(served: Served) -> None:  # noqa: F811
    saved = served.folder / "saved"
    shutil.copytree(served.model.folder, saved / CODE)
    toml = saved / CODE / "model.toml"
    toml.write_text(toml.read_text().replace('label = "returned"', 'label = "bought"'))
    second = served.register(saved)
    for version, role in ((1, "live"), (second, "canary")):
        served.serve(visits(1), version=version, role=role)
    served.label(1, visits(1))
    assert {one.served.version: one.labelled for one in served.monitor(2)} == {1: VISITORS, second: 0}


def test_only_the_partitions_of_the_log_that_may_have_changed_are_read(served: Served) -> None:  # noqa: F811
    log = f"{served.site.settings.project}.predictions.{served.model.name}"
    served.serve(visits(1))
    table = served.site.client.get_table(log)
    table.require_partition_filter = True
    served.site.client.update_table(table, ["require_partition_filter"])
    assert [one.served.day for one in served.monitor(1)] == [day(1)], "a log that nobody has looked at is read from its first day on"
    served.serve(visits(90))
    served.serve(visits(91), hour=3)
    assert [one.served.day for one in served.monitor(91)] == [day(1), day(90), day(91)], "day 1 is settled by now"
    read = [one for one in served.site.client.list_jobs(max_results=50) if "MIN(`event_date`)" in getattr(one, "query", "")]
    (first,) = [one.value for one in read[0].query_parameters if one.name == "first_logged"]
    assert first == day(1) - timedelta(days=1 + LATE_DAYS + EARLY_DAYS), "since the run before, and as long as labels and rows may be late"
    assert served.monitor(91) == []


def test_what_a_first_run_that_died_has_not_measured_is_measured_by_the_next(served: Served) -> None:  # noqa: F811
    for number in (1, 2, 90):
        served.serve(visits(number))
    step, due, last = served.step(day(91)), served.folder / "died.json", day(91).isoformat()
    write_due_days(step, TARGET, last, due)
    due.write_text(json.dumps(json.loads(due.read_text())[:1]))
    measure_due_days(step, TARGET, last, due, served.folder / "died.parquet")
    assert [one.served.day for one in served.days()] == [day(1)], "it died after its first day"
    assert [one.served.day for one in served.monitor(91)] == [day(2), day(90)]


def test_versions_and_roles_are_measured_apart(served: Served) -> None:  # noqa: F811
    second, rows = served.register(), visits(1)
    served.label(1, rows)
    served.serve(rows)
    served.serve([row | {"score": 1 - row["score"]} for row in rows], version=second, role="shadow")
    by = {(one.served.version, one.served.role): one for one in served.monitor(2)}
    assert set(by) == {(1, "live"), (second, "shadow")}
    live, shadow = ({m.name: m.value for m in one.metrics if not m.slice}["auc"] for one in by.values())
    assert live == pytest.approx(1 - shadow, abs=1e-3)
    assert live > 0.7


def test_without_label_sql_source_sql_gives_the_labels_of_days_that_are_mature(served: Served) -> None:  # noqa: F811
    (served.model.folder / "label.sql").unlink()
    rows = visits(1)
    served.serve(rows)
    served.label(1, rows)
    assert [one.labelled for one in served.monitor(1)] == [0]
    assert [one.labelled for one in served.monitor(2)] == [VISITORS]


def test_a_model_that_never_served_says_what_to_run(served: Served) -> None:  # noqa: F811
    with pytest.raises(SourceError, match=rf"predictions of {served.model.name} .* serve {served.model.name} first"):
        served.monitor(1)


def test_a_day_whose_predictions_have_expired_does_not_become_one_on_which_nothing_was_answered(served: Served, tmp_path: Path) -> None:  # noqa: F811
    today = (datetime.now(UTC).date() - day(1)).days + 1
    for number in (today - 1, today):
        served.serve(visits(number))
    served.monitor(today + 1)
    refuse(served, tmp_path)
    log = f"`{served.site.settings.project}.predictions.{served.model.name}`"
    served.site.client.query_and_wait(f"DELETE FROM {log} WHERE event_date = '{day(today)}'")
    assert served.monitor(today) == [], "a run has looked through a later day"
    assert served.monitor(today + 2) == [], "it was measured when its predictions were there"
    assert [one.rows for one in served.days()] == [VISITORS, VISITORS]
