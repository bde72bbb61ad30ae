"""Which alarms of features and columns open, which go on, and which are over: it takes days that were looked at to end one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from components.checks.findings import Finding
from components.comparison.compare import DataComparison, Side, compare_profiles
from components.diagnosis.whole_days import _is_whole
from components.looks.data_check import DataCheck, Severity
from components.model.column_lineage import Lineage
from components.monitoring.alarms import AlarmKind
from components.monitoring.cause import CauseEvidence
from components.monitoring.live_inputs.sifting import alarming, lingering
from components.monitoring.record import FeatureDay, InputFinding, LiveDay
from components.monitoring.troubles import Identity, Trouble, find_troubles
from tests.components.monitoring.test_troubles import served

SPEND: Identity = (AlarmKind.INPUT, "spend", frozenset())
COLUMN: Identity = (AlarmKind.INPUT, "price", frozenset())
DRIFT = InputFinding(check=DataCheck.DRIFT.value, measure=0.5, rows=500, what="is served with other values")
NULLS = InputFinding(check=DataCheck.NULLS.value, measure=0.5, rows=500, what="is NULL in 50% of rows")


@dataclass
class Newest:
    """What is known of the newest data."""

    is_measured: bool = True
    findings: Sequence[Finding] | None = ()
    own: Sequence[LiveDay] = field(default_factory=list)
    data: DataComparison | None = None

    @property
    def evidence(self) -> CauseEvidence:
        return CauseEvidence(untrained={}, data=self.data, table="shop.orders", before=(), own=self.own, unreadable="no such table")


def days(*skews: float | None, found: Sequence[InputFinding] = ()) -> list[LiveDay]:
    """Days with what the service was given beside source.sql; the findings are those of the last one."""
    features = [FeatureDay(name="spend", nulls=0.0, distance=0.0, skew=one) for one in skews]
    features[-1] = replace(features[-1], findings=tuple(found))
    return [served(number, inputs=[one]) for number, one in enumerate(features)]


def told(own: Sequence[LiveDay], known: set[Identity]) -> list[Trouble]:
    return alarming(find_troubles((), own), known, Newest(own=own), own)


@pytest.mark.parametrize(
    ("skews", "is_measured", "goes_on"),
    [
        ((0.5, 0.0, 0.0, 0.0), False, True),
        ((0.5, None, None, None), True, True),
        ((0.5, 0.0, 0.0), True, True),
        ((0.5, 0.0, None, 0.0), True, True),
        ((0.5, 0.0, 0.0, 0.0), True, False),
        ((0.5, 0.0, None, 0.0, None, 0.0), True, False),
    ],
    ids=["nothing new", "not compared", "two days", "two days and one not compared", "three days", "three days and others"],
)
def test_that_a_service_is_given_something_else_is_over_after_three_days_that_say_so(
    skews: Sequence[float | None], is_measured: bool, goes_on: bool
) -> None:
    assert lingering({SPEND}, Newest(is_measured=is_measured), days(*skews)) == ({SPEND} if goes_on else set())


def test_a_day_on_which_nothing_was_answered_ends_no_alarm() -> None:
    own = [*days(0.5), replace(served(1), rows=0)]
    assert [one.identity for one in told(own, {SPEND})] == [SPEND], "the day before says so"
    assert lingering({SPEND, COLUMN}, Newest(is_measured=False), own) == {SPEND, COLUMN}


def test_what_a_look_found_is_over_after_three_days_that_were_looked_at_though_nothing_could_be_compared() -> None:
    own = days(None, found=[NULLS])
    for number in range(1, 4):
        own.append(replace(served(number), rows=0))
        assert lingering({SPEND}, Newest(), own) == {SPEND}
    own += [replace(days(None)[0], served=served(number).served) for number in range(4, 7)]
    assert lingering({SPEND}, Newest(), own[:-1]) == {SPEND}
    assert lingering({SPEND}, Newest(), own) == set()


@pytest.mark.parametrize(("findings", "goes_on"), [((), False), (None, True)], ids=["mended", "not readable"])
def test_an_alarm_of_the_source_ends_only_where_the_source_can_be_read(findings: Sequence[Finding] | None, goes_on: bool) -> None:
    assert lingering({COLUMN}, Newest(findings=findings), days(0.0)) == ({COLUMN} if goes_on else set())


@pytest.mark.parametrize(("severity", "is_told"), [(Severity.BLOCKS, True), (Severity.WARNS, False)])
def test_a_column_of_the_source_is_told_of_which_the_gate_would_let_nothing_through(severity: Severity, *, is_told: bool) -> None:
    nothing = Side(name="", source={}, rows={})
    data = compare_profiles(nothing, nothing, Lineage(features=("spend",), values={"price": frozenset({"spend"})}))
    found = Finding(check=DataCheck.NULLS, severity=severity, level="source", column="price", days=1, what="is …", remedy="")
    own = days(0.0)
    assert [one.identity for one in alarming([], set(), Newest(findings=[found], data=data), own)] == ([COLUMN] if is_told else [])


def test_drift_waits_until_its_day_can_be_held_against_source_sql() -> None:
    own = days(0.0, None, found=[DRIFT])
    assert told(own, set()) == []
    assert [one.identity for one in told(days(None, None, found=[DRIFT]), set())] == [SPEND], "source.sql gives nothing of any day"


def test_a_caller_that_gives_something_else_is_told_though_no_look_found_anything() -> None:
    (trouble,) = told(days(0.0, 0.5), set())
    assert (trouble.identity, trouble.sentence) == (SPEND, "the service is given another spend than source.sql computes")
    assert told(days(0.0, 0.1), set()) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [({}, False), ({7: 100}, False), ({0: 100}, False), ({0: 100, 7: 49}, False), ({0: 100, 6: 900, 7: 50}, True), ({6: 90, 7: 100}, True)],
    ids=["nothing", "no day before", "no partition", "half loaded", "as on such a weekday", "as the day before"],
)
def test_a_day_is_whole_if_it_has_about_as_many_rows_as_such_days_have(rows: dict[int, int], expected: bool) -> None:
    assert _is_whole(date(2026, 3, 8), {date(2026, 3, 1 + number): count for number, count in rows.items()}) is expected
