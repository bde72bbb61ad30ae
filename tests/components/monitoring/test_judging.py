"""Alarms of real days of predictions: one for each thing that is wrong, with its cause, from the first day to the last."""

from datetime import date
from typing import Any

import pytest

from components.monitoring.alarms import AlarmKind, AlarmState, all_alarms
from components.policy.facts import Cause
from tests.components.monitoring.served import TARGET, Served, trained, visits  # noqa: F401
from tests.components.visits import day

Row = dict[str, Any]


def turned(row: Row) -> Row:
    """A score that knows nothing."""
    return row | {"score": 0.5 + row["visitor"] * 7919 % 200 / 1000 - 0.1}


def emptied(row: Row) -> Row:
    return row | {"seconds": 9000.0}


def serve(one: Served, number: int, rows: list[Row], labels: list[Row] | None = None) -> None:
    one.serve(rows)
    one.label(number, rows if labels is None else labels)


def test_days_as_they_were_raise_no_alarm(trained: Served) -> None:  # noqa: F811
    for number in range(8, 12):
        serve(trained, number, visits(number))
    assert len(trained.monitor(12)) == 4
    assert trained.alarms() == ()
    assert [feature.findings for one in trained.days() for feature in one.inputs] == [()] * 12
    assert {feature.name for feature in trained.days()[0].inputs} == {"device", "pages", "seconds"}


def test_a_level_shift_is_one_alarm_from_the_second_day_until_it_is_over(trained: Served) -> None:  # noqa: F811
    for number in range(8, 21):
        serve(trained, number, visits(number, turned if 9 <= number < 16 else dict))
    trained.monitor(9)
    assert trained.alarms() == (), "one bad day may be a storm"
    trained.monitor(10)
    (alarm,) = [one for one in trained.alarms() if not one.subject.slice and one.subject.subject == "auc"]
    assert (alarm.subject.kind, alarm.subject.since, alarm.standing.state) == (AlarmKind.METRIC, day(9), AlarmState.OPEN)
    assert alarm.standing.cause.kind is Cause.CHANGED_WORLD
    assert alarm.headline.startswith("auc of all rows is 0.4") or alarm.headline.startswith("auc of all rows is 0.5")
    assert "it was 0.7" in alarm.headline
    trained.monitor(10)
    trained.monitor(12)
    same = [one for one in trained.alarms() if one.alarm_id == alarm.alarm_id]
    assert [(one.seq, one.standing.day) for one in same] == [(1, alarm.standing.day)], "nothing new to tell"
    trained.monitor(15)
    (settled,) = [one for one in trained.alarms() if one.alarm_id == alarm.alarm_id]
    assert settled.standing.state is AlarmState.SETTLED
    trained.monitor(17)
    assert [one.subject for one in trained.alarms() if one.alarm_id == alarm.alarm_id] == [alarm.subject], "one good day ends nothing"
    trained.monitor(21)
    assert trained.alarms() == ()
    with trained.engine.connect() as connection:
        known = all_alarms(connection, trained.model.name, TARGET)
    assert {one.standing.state for one in known} == {AlarmState.CLOSED}
    assert len([one for one in known if one.subject == alarm.subject]) == 1


def test_a_shadow_is_measured_and_raises_no_alarm(trained: Served) -> None:  # noqa: F811
    rows = visits(8, lambda row: row | {"device": "watch"} if row["visitor"] > 150 else row)
    trained.serve(rows, role="shadow")
    (measured,) = trained.monitor(8)
    assert [feature.name for feature in measured.inputs if feature.findings] == ["device"]
    assert trained.alarms() == ()


def test_values_that_are_all_written_otherwise_are_a_broken_source_and_no_new_ground(trained: Served) -> None:  # noqa: F811
    for number in (8, 9):
        serve(trained, number, visits(number, lambda row: row | {"device": row["device"].upper()}))
    trained.monitor(9)
    (cause,) = [one.standing.cause for one in trained.alarms() if one.subject.kind is AlarmKind.COVERAGE]
    assert (cause.kind, cause.column, cause.since) == (Cause.BROKEN_SOURCE, "device", day(8))
    assert cause.sentence.startswith("the source broke: column device of ")


def test_alarms_of_a_version_that_only_shadows_any_longer_are_closed(trained: Served) -> None:  # noqa: F811
    trained.serve(visits(8, lambda row: row | {"device": "watch"} if row["visitor"] > 150 else row))
    trained.label(7, visits(7))
    trained.monitor(8)
    assert len(trained.alarms()) == 1
    trained.serve(visits(12), role="shadow")
    trained.monitor(12)
    assert trained.alarms() == ()


def test_values_that_were_never_trained_on_are_told_before_any_label(trained: Served) -> None:  # noqa: F811
    rows = visits(8, lambda row: row | {"device": "watch"} if row["visitor"] > 150 else row)
    trained.serve(rows)
    trained.label(7, visits(7))
    trained.monitor(8)
    (alarm,) = trained.alarms()
    assert (alarm.subject.kind, alarm.subject.subject, alarm.subject.slice) == (AlarmKind.COVERAGE, "device", {"device": "watch"})
    assert alarm.headline == (
        "feature device is watch in 25.0% of rows, which the version was never trained on (50 rows since 2026-03-08): "
        "never trained on device watch"
    )
    assert alarm.standing.cause.kind is Cause.COVERAGE


@pytest.mark.parametrize(
    ("in_source", "cause"), [(True, Cause.BROKEN_SOURCE), (False, Cause.SERVING_FAULT)], ids=["the source broke", "the caller is wrong"]
)
def test_a_broken_feature_is_laid_to_the_source_or_to_the_caller(trained: Served, in_source: bool, cause: Cause) -> None:  # noqa: F811
    for number in (8, 9):
        broken = visits(number, emptied) if number == 9 else visits(number)
        serve(trained, number, broken, broken if in_source else visits(number))
    trained.monitor(9)
    (alarm,) = trained.alarms()
    assert (alarm.subject.kind, alarm.subject.subject, alarm.subject.since) == (AlarmKind.INPUT, "seconds", day(9))
    assert (alarm.standing.cause.kind, alarm.standing.cause.column) == (cause, "seconds")
    if in_source:
        assert alarm.standing.cause.since == date(2026, 3, 9)
        assert f"the source broke: column seconds of {trained.model.source.table}" in alarm.headline


@pytest.mark.parametrize(
    ("is_shadowed", "expected"),
    [(False, [*[Cause.UNKNOWN] * 3, *[Cause.BAD_VERSION] * 2]), (True, [Cause.CHANGED_WORLD] * 5)],
    ids=["known of other days", "asked the same, and no better"],
)
def test_a_version_is_to_blame_as_soon_as_enough_days_of_it_say_so(trained: Served, is_shadowed: bool, expected: list[Cause]) -> None:  # noqa: F811
    for number in range(8, 13):
        serve(trained, number, visits(number))
    trained.monitor(13)
    second = trained.train({number: visits(number) for number in range(1, 8)})
    causes = []
    for number in range(13, 19):
        trained.serve(visits(number, turned), version=second)
        if is_shadowed:
            trained.serve(visits(number, turned), role="shadow")
        trained.label(number, visits(number))
        trained.monitor(number + 1)
        causes += [one.standing.cause.kind for one in trained.alarms() if one.subject.subject == "auc" and not one.subject.slice]
    assert causes == expected


@pytest.mark.parametrize(
    ("is_shadowed", "cause"), [(True, Cause.BAD_VERSION), (False, Cause.CHANGED_WORLD)], ids=["asked the same", "known of other days"]
)
def test_a_version_is_to_blame_if_the_one_before_does_better_on_the_same_days(
    trained: Served,  # noqa: F811
    is_shadowed: bool,
    cause: Cause,
) -> None:
    serve(trained, 8, visits(8))
    trained.monitor(9)
    second = trained.train({number: visits(number) for number in range(1, 8)})
    for number in (12, 13):
        trained.serve(visits(number, turned), version=second)
        if is_shadowed:
            trained.serve(visits(number), role="shadow")
        trained.label(number, visits(number))
    trained.monitor(14)
    (alarm,) = [one for one in trained.alarms() if one.subject.subject == "auc" and not one.subject.slice]
    assert (alarm.subject.version, alarm.standing.cause.kind) == (second, cause)
    assert ("version 1 was better on such rows" in alarm.headline) is is_shadowed


def longer(row: Row) -> Row:
    return row | {"seconds": row["seconds"] * 2}


@pytest.mark.parametrize(
    ("in_source", "expected"), [(True, []), (False, [Cause.SERVING_FAULT])], ids=["the world has them", "the caller alone"]
)
def test_other_values_are_an_alarm_only_if_source_sql_does_not_give_them(trained: Served, in_source: bool, expected: list[Cause]) -> None:  # noqa: F811
    rows = visits(8, longer)
    serve(trained, 8, rows, rows if in_source else visits(8))
    (measured,) = trained.monitor(8)
    assert [feature.name for feature in measured.inputs if feature.findings] == ["seconds"], "the page shows it"
    assert [one.standing.cause.kind for one in trained.alarms()] == expected
    assert all("the service is given another seconds than source.sql computes" in one.headline for one in trained.alarms())


def test_an_alarm_of_the_caller_goes_on_where_nothing_new_is_measured(trained: Served) -> None:  # noqa: F811
    serve(trained, 8, visits(8, longer), visits(8))
    trained.monitor(8)
    (alarm,) = trained.alarms()
    assert trained.monitor(8) == [], "a second run on the same day"
    assert [(one.alarm_id, one.seq) for one in trained.alarms()] == [(alarm.alarm_id, 1)]
    for number in range(9, 12):
        serve(trained, number, visits(number))
        trained.monitor(number)
        assert [one.alarm_id for one in trained.alarms()] == ([alarm.alarm_id] if number < 11 else []), number


def test_a_day_is_held_against_source_sql_as_soon_as_the_source_has_all_of_it_and_once(trained: Served) -> None:  # noqa: F811
    serve(trained, 8, visits(8, longer), visits(8)[:90])
    (early,) = trained.monitor(8)
    assert early.compared == {}, "the source has less than half of the rows"
    trained.label(8, visits(8))
    (whole,) = trained.monitor(8)
    assert {name: one.is_skewed for name, one in whole.compared.items()} == {"device": False, "pages": False, "seconds": True}
    assert [one.compared.keys() for one in trained.monitor(9)] == [whole.compared.keys()], "its labels are mature"
    assert trained.monitor(30) == [], "it is too old to be compared again, and was"
