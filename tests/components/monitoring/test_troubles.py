"""When a metric is worse than it was: on enough days, by enough, and by more than chance and the usual differences of days."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from components.evaluation.metric import Metric
from components.measurement.score_counts import ScoreCounts, SliceScores
from components.model.sections import Threshold
from components.monitoring.alarms import AlarmKind
from components.monitoring.inputs import COVERAGE, range_text
from components.monitoring.judging import _days_before, _serving
from components.monitoring.live_metrics.past import EarlierVersion, Past
from components.monitoring.record import DayState, FeatureDay, InputFinding, LiveDay, Operation, ServedDay
from components.monitoring.troubles import Trouble, find_troubles

FIRST = date(2013, 1, 1)
REFERENCE = (Metric("auc", {}, 0.70, 0.68, 0.72), Metric("auc", {"hour": "9"}, 0.71, 0.66, 0.76))
UNTRAINED = InputFinding(check=COVERAGE, measure=0.5, rows=500, what="is 15-16 in 50.0% of rows, which …", values=("15", "16"))


def served(number: int, *metrics: Metric, inputs: Sequence[FeatureDay] = (), state: DayState = DayState.SETTLED) -> LiveDay:
    return LiveDay(
        served=ServedDay(FIRST + timedelta(days=number), 1, "live"),
        state=state,
        through=FIRST + timedelta(days=number + 1),
        rows=1000,
        labelled=1000,
        contradicting=0,
        fingerprint="f",
        operation=Operation(predictions=1000, latency_microseconds=(1, 2, 3)),
        scores=(),
        inputs=tuple(inputs),
        metrics=metrics,
    )


def auc(value: float, slice_: Mapping[str, str] | None = None, half: float = 0.03, rows: int = 1000) -> Metric:
    return Metric("auc", slice_ or {}, value, value - half, value + half, rows)


def troubles(*values: float) -> list[Trouble]:
    return find_troubles(REFERENCE, [served(number, auc(value)) for number, value in enumerate(values)])


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ((0.70, 0.70, 0.70), None),
        ((0.70, 0.70, 0.50), None),
        ((0.70, 0.50, 0.50), 1),
        ((0.50, 0.50), 0),
        ((0.50, 0.50, 0.70), None),
        ((0.70, 0.685, 0.685, 0.685, 0.685), None),
        ((0.50, 0.70, 0.70, 0.70, 0.70, 0.50), None),
    ],
    ids=["as it was", "one bad day", "two bad days", "since the first day", "good again", "within chance", "two bad days, far apart"],
)
def test_a_metric_is_worse_from_the_second_bad_day_of_five(values: Sequence[float], since: int | None) -> None:
    found = troubles(*values)
    assert [one.since for one in found] == ([] if since is None else [FIRST + timedelta(days=since)])


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (None, []),
        (Threshold(metric="mean_absolute_error", at_most=5), [("mean_absolute_error", {})]),
        (Threshold(metric="mean_absolute_error", at_most=5, slice={"shop": "north"}), [("mean_absolute_error", {"shop": "north"})]),
        (Threshold(metric="mean_label", at_most=5), []),
    ],
    ids=["none", "of all rows", "of a slice", "of what is no quality"],
)
def test_what_model_toml_bounds_is_judged_too(bound: Threshold | None, expected: list[tuple[str, Mapping[str, str]]]) -> None:
    def metrics(error: float) -> list[Metric]:
        names: list[tuple[str, dict[str, str], float, float]] = [("r_squared", {}, 0.6, 0.05), ("mean_label", {}, error, 0.01)]
        names += [("mean_absolute_error", slice_, error, 0.05) for slice_ in ({}, {"shop": "north"})]
        return [Metric(name, slice_, value, value - half, value + half, 1000) for name, slice_, value, half in names]

    days = [served(number, *metrics(4.0 if number < 1 else 6.4)) for number in range(6)]
    found = find_troubles(metrics(4.0), days, [bound] if bound else [])
    assert [(one.subject, one.slice) for one in found] == expected
    assert [(one.since, round(one.loss, 2)) for one in found] == [(FIRST + timedelta(days=1), 0.6)] * len(expected)


def test_an_error_that_is_less_or_grows_by_a_little_is_no_trouble() -> None:
    bound = Threshold(metric="root_mean_squared_error", at_most=900)
    for now in (500.0, 760.0):
        days = [served(number, Metric("root_mean_squared_error", {}, now, now - 1, now + 1, 1000)) for number in range(5)]
        assert find_troubles([Metric("root_mean_squared_error", {}, 700.0, 699.0, 701.0, 1000)], days, [bound]) == []


def test_the_sentence_has_the_metric_then_and_now() -> None:
    (found,) = troubles(0.70, 0.50, 0.54)
    assert found.sentence == "auc of all rows is 0.5200, it was 0.7000 when the version was made"
    assert (found.kind, found.subject, found.rows) == (AlarmKind.METRIC, "auc", 2000)
    assert found.loss == pytest.approx(0.18)


def test_days_that_have_always_differed_as_much_raise_nothing() -> None:
    days = [0.70, 0.52] * 10
    assert troubles(*days, 0.52, 0.52) == []
    assert len(troubles(*[0.70, 0.68] * 10, 0.52, 0.52)) == 1


def test_how_far_days_differ_is_known_from_versions_before() -> None:
    values = [0.72, 0.54] * 10
    before = Past([EarlierVersion(REFERENCE, [served(number, auc(value)) for number, value in enumerate(values)])])
    now = [served(number, auc(0.52)) for number in range(30, 33)]
    assert len(find_troubles(REFERENCE, now)) == 1
    assert find_troubles(REFERENCE, now, (), before) == []
    steady = Past([EarlierVersion(REFERENCE, [served(number, auc(0.70)) for number in range(20)])])
    assert len(find_troubles(REFERENCE, [served(number, auc(0.61)) for number in range(30, 33)], (), steady)) == 1
    assert find_troubles(REFERENCE, [served(number, auc(0.64)) for number in range(30, 33)]) == [], "how far days differ is not known"


@pytest.mark.parametrize(("days_each", "known"), [(1, 0), (2, 0), (3, 12), (12, 12)])
def test_a_version_that_served_for_a_day_or_two_does_not_tell_how_far_days_differ(days_each: int, known: int) -> None:
    days = [served(number, auc(value)) for number, value in enumerate([0.72, 0.54] * 6)]
    before = Past([EarlierVersion(REFERENCE, days[first : first + days_each]) for first in range(0, 12, days_each)])
    _, freedom = before.usual(("auc", ""), is_beside=False).of_days(())
    assert freedom == 16 + known
    now = [served(number, auc(0.64)) for number in range(30, 33)]
    assert find_troubles(REFERENCE, now, (), before) == [], "as long as that is not known, caution counts"


@pytest.mark.parametrize(
    ("version", "role", "counts"),
    [(6, "live", True), (7, "live", False), (8, "live", False), (6, "canary", False), (6, "shadow", False)],
)
def test_only_days_on_which_an_earlier_version_was_live_tell_how_far_days_differ(version: int, role: str, counts: bool) -> None:
    day = replace(served(1, auc(0.70)), served=ServedDay(FIRST, version, role))
    assert _days_before([day], 7) == ({version: [day]} if counts else {})


def test_a_year_without_change_gives_at_most_one_alarm() -> None:
    rng = np.random.default_rng(13)
    found = set()
    values = 0.70 + 0.03 * rng.standard_normal(365) / 1.96 + 0.015 * rng.standard_normal(365)
    for last in range(1, 365):
        days = [served(number, auc(value)) for number, value in enumerate(values[:last])][-60:]
        found |= {one.since for one in find_troubles(REFERENCE, days)}
    assert len(found) <= 1


def calibrated(number: int, score: float, share: float, of_slice: tuple[int, int] = (0, 0)) -> LiveDay:
    """A day of 700 rows by their mean score and the share of the label; of some of these rows, which are a slice, all have the label."""

    def counts(rows: int, positives: int) -> ScoreCounts:
        return ScoreCounts(rows=(rows,), labelled=(rows,), positives=(positives,))

    whole, slice_ = score / share, {"hour": "9"}
    half = 1.96 * whole * ((1 - share) / share / 700) ** 0.5
    day = served(number, Metric("calibration", {}, whole, whole - half, whole + half, 700))
    day = replace(day, scores=(counts(700, round(700 * share)),))
    rows, in_tenths = of_slice
    small = Metric("calibration", slice_, in_tenths / 10, in_tenths / 10 - 0.01, in_tenths / 10 + 0.01, rows)
    scores = (SliceScores(slice=slice_, counts=counts(rows, rows)),)
    return replace(day, metrics=(*day.metrics, small), slice_scores=scores) if rows else day


@pytest.mark.parametrize(
    ("scored", "share", "is_told"),
    [
        (0.44, 0.74, True),
        (0.56, 0.26, True),
        (0.44, 0.18, True),
        (0.56, 0.82, True),
        (0.05, 0.15, True),
        (0.95, 0.85, True),
        (0.44, 0.50, False),
        (0.56, 0.50, False),
        (0.05, 0.06, False),
        (0.95, 0.94, False),
    ],
)
def test_a_label_that_becomes_more_or_less_common_than_scores_say_is_told_on_the_third_day(
    scored: float, share: float, *, is_told: bool
) -> None:
    """Of a label and of its opposite alike: a ratio of a common label has no room to fall."""
    reference = calibrated(0, scored, scored).metrics
    noise = (0.02, -0.02, 0.01, -0.01)
    days = [calibrated(number, scored, scored + noise[number % 4] * min(1, 10 * scored * (1 - scored))) for number in range(12)]
    days += [calibrated(number, scored, share) for number in range(12, 15)]
    assert [(one.subject, one.since) for one in find_troubles(reference, days)] == (
        [("calibration", FIRST + timedelta(days=12))] if is_told else []
    )


def test_a_label_that_swings_to_both_sides_is_no_trouble_though_each_day_is_off() -> None:
    shares = [0.25, 0.65, 0.65, 0.25, 0.25, 0.25, 0.65, 0.25, 0.65, 0.65, 0.25, 0.65, 0.65, 0.65, 0.25, 0.65]
    days = [calibrated(number, 0.44, share) for number, share in enumerate(shares)]
    assert [one for last in range(len(days)) for one in find_troubles(calibrated(0, 0.44, 0.44).metrics, days[: last + 1])] == []


def test_a_few_rows_that_all_have_the_label_are_no_trouble() -> None:
    reference = (*calibrated(0, 0.6, 0.6).metrics, Metric("calibration", {"hour": "9"}, 1.0, 0.9, 1.1, 700))
    assert find_troubles(reference, [calibrated(number, 0.6, 0.6, (25, 6)) for number in range(14)]) == []


def test_slices_of_a_column_that_are_worse_are_one_trouble() -> None:
    hours = {"9": 0.70, "15": 0.50, "16": 0.52, "17": 0.50}
    days = [served(number, auc(0.69), *(auc(value, {"hour": hour}, 0.05, 600) for hour, value in hours.items())) for number in range(4)]
    (found,) = find_troubles(REFERENCE, days)
    assert (found.slice, found.rows) == ({"hour": "15-17"}, 4 * 3 * 600)
    assert found.values == {"hour": frozenset({"15", "16", "17"})}
    assert found.sentence.startswith("auc of hour 15-17 is 0.5067, it was 0.7000")


@pytest.mark.parametrize(("rows", "value"), [(4, 0.0), (19, 0.0), (30, 0.45)])
def test_a_few_rows_that_happen_to_be_ranked_wrong_are_no_trouble(rows: int, value: float) -> None:
    days = [served(number, auc(0.69), auc(value, {"hour": "9"}, 0.0, rows)) for number in range(3)]
    assert find_troubles(REFERENCE, days) == []


def test_where_all_rows_are_worse_slices_are_told_only_if_they_are_worse_by_far() -> None:
    def days(far: float) -> list[LiveDay]:
        slices = [auc(0.55, {"hour": "9"}, 0.03, 500), auc(far, {"hour": "15"}, 0.03, 500)]
        return [served(number, auc(0.55), *slices) for number in range(4)]

    assert [one.slice for one in find_troubles(REFERENCE, days(0.55))] == [{}]
    assert [one.slice for one in find_troubles(REFERENCE, days(0.20))] == [{}, {"hour": "15"}]


def test_rows_that_were_never_trained_on_are_told_with_what_they_cost() -> None:
    inputs = [FeatureDay(name="hour", nulls=0.0, distance=0.4, findings=(UNTRAINED,))]
    slices = [auc(0.5, {"hour": hour}, 0.04, 250) for hour in ("15", "16")]
    (unlabelled,) = find_troubles(REFERENCE, [served(0, inputs=inputs)])
    assert (unlabelled.kind, unlabelled.slice, unlabelled.loss) == (AlarmKind.COVERAGE, {"hour": "15-16"}, 0.5)
    (labelled,) = find_troubles(REFERENCE, [served(number, auc(0.69), *slices, inputs=inputs) for number in range(3)])
    assert (labelled.kind, labelled.identity) == (AlarmKind.COVERAGE, unlabelled.identity)
    assert labelled.loss == pytest.approx(0.2)
    assert labelled.sentence.startswith("auc of hour 15-16 is 0.5000, it was 0.7000 when the version was made; feature hour is 15-16")


def test_rows_never_trained_on_are_held_against_the_others_while_too_few_days_are_labelled_and_drift_with_them_is_said_once() -> None:
    drift = InputFinding(check="drift", measure=0.4, rows=1000, what="is served with other values")
    inputs = [
        FeatureDay(name="hour", nulls=0.0, distance=0.4, findings=(UNTRAINED,)),
        FeatureDay(name="minute", nulls=0.0, distance=0.4, findings=(drift,)),
    ]
    slices = [auc(0.55, {"hour": "15"}, 0.06, 300), auc(0.61, {"hour": "16"}, 0.06, 300), auc(0.70, {"hour": "9"}, 0.06, 400)]
    (found,) = find_troubles(REFERENCE, [served(0, auc(0.66), *slices, inputs=inputs)])
    assert found.sentence.startswith("auc of hour 15-16 is 0.5800, and 0.7000 elsewhere; feature hour is 15-16")
    assert found.loss == pytest.approx(0.12)
    alone = [replace(one, findings=one.findings if one.name == "minute" else ()) for one in inputs]
    assert [one.subject for one in find_troubles(REFERENCE, [served(0, inputs=alone)])] == ["minute"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("12", "13", "14", "5"), "5, 12-14"),
        (("23",), "23"),
        (("b", "a"), "a, b"),
        (("-1", "0", "7"), "-1-0, 7"),
        (("²", "1"), "1, ²"),
        (("--5",), "--5"),
        (("01001", "01002"), "01001, 01002"),
    ],
)
def test_values_are_written_as_stretches(values: Sequence[str], text: str) -> None:
    assert range_text(values) == text


def test_a_day_that_cannot_be_judged_does_not_end_what_is_wrong() -> None:
    bad = [served(number, auc(0.50)) for number in range(3)]
    alone = replace(served(3, Metric("auc", {}, float("nan"), None, None, 1)), labelled=1)
    first = replace(served(3, auc(0.69, half=0.2, rows=60), state=DayState.PROVISIONAL), labelled=60)
    for day in (alone, first):
        assert [one.subject for one in find_troubles(REFERENCE, [*bad, day])] == ["auc"]
    most = replace(served(3, auc(0.69), state=DayState.PROVISIONAL), labelled=600)
    assert find_troubles(REFERENCE, [*bad, most]) == []


@pytest.mark.parametrize(("of_gold", "subjects"), [(0.8, ["macro_auc"]), (float("nan"), [])], ids=["a worse model", "a class has no row"])
def test_a_mean_over_classes_is_not_judged_where_one_has_no_row(of_gold: float, subjects: list[str]) -> None:
    def metrics(macro: float, gold: float) -> tuple[Metric, ...]:
        return Metric("macro_auc", {}, macro, macro - 0.03, macro + 0.03, 1000), Metric("auc_of_gold", {}, gold, gold - 0.03, gold + 0.03)

    found = find_troubles(metrics(0.8, 0.8), [served(number, *metrics(0.53, of_gold)) for number in range(3)])
    assert [one.subject for one in found] == subjects


@pytest.mark.parametrize(("delay", "first"), [(0, 40), (90, 0)])
def test_days_are_judged_back_to_those_whose_labels_are_known(delay: int, first: int) -> None:
    (own,) = _serving([served(number) for number in range(220)], delay).values()
    assert own[0].served.day == FIRST + timedelta(days=first)


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ((0, 0, 0, 0), None),
        ((0, 0, 0, 300), None),
        ((0, 0, 300, 300), (2, "23.1% of the rows that are asked for are refused, 0% on other days")),
        ((0, 0, 15, 15), None),
    ],
    ids=["none", "on one day", "from a day on", "hardly any"],
)
def test_rows_that_are_refused_are_an_alarm_where_there_were_fewer(refused: Sequence[int], told: tuple[int, str] | None) -> None:
    days = [served(number) for number in range(len(refused))]
    days = [replace(one, operation=replace(one.operation, refused_rows=rows)) for one, rows in zip(days, refused, strict=True)]
    found = [(one.kind, one.since, one.sentence) for one in find_troubles((), days)]
    assert found == ([(AlarmKind.SERVICE, FIRST + timedelta(days=told[0]), told[1])] if told else [])


@pytest.mark.parametrize(
    ("asked", "refused", "is_told"),
    [((1000, 1000, 0, 0), 1, False), ((1000, 1000, 5, 5), 9, False), ((1000, 1000, 5, 5), 10, True)],
    ids=["the only row", "eighteen rows", "twenty rows"],
)
def test_a_few_rows_that_are_refused_are_no_alarm_however_few_were_asked_for(asked: Sequence[int], refused: int, is_told: bool) -> None:
    days = [served(number) for number in range(len(asked))]
    wrong = [0] * (len(asked) - 2) + [refused] * 2
    days = [
        replace(day, rows=rows, operation=replace(day.operation, predictions=float(rows), refused_rows=count))
        for day, rows, count in zip(days, asked, wrong, strict=True)
    ]
    assert [one.kind for one in find_troubles((), days)] == ([AlarmKind.SERVICE] if is_told else [])
