"""What a feature that is served otherwise is laid to, where nothing broke."""

from dataclasses import replace
from datetime import date

import pytest

from components.checks.findings import Finding
from components.comparison.compare import Side, compare_profiles
from components.looks.data_check import DataCheck, Severity
from components.model.column_lineage import Lineage
from components.monitoring.alarms import AlarmKind
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.record import FeatureDay, InputFinding
from components.monitoring.troubles import Trouble
from components.policy.facts import Cause
from components.profiles.profile import ColumnProfile, ProfileKey, label_population
from tests.components.monitoring.test_troubles import served

TROUBLE = Trouble(
    kind=AlarmKind.INPUT, subject="spend", slice={}, since=date(2013, 3, 1), loss=0.5, rows=60, sentence="feature spend is …", values={}
)
CALLER = "the service is given another spend than source.sql computes"


@pytest.mark.parametrize(
    ("history_days", "check", "cause", "sentence"),
    [
        (1, DataCheck.DRIFT, Cause.SERVING_FAULT, CALLER),
        (730, DataCheck.CONSTANT, Cause.SERVING_FAULT, CALLER),
        (730, DataCheck.DRIFT, Cause.UNKNOWN, "not known: no column of shop.orders says why spend, which may sum up many days, is another"),
    ],
    ids=["of a row of the source", "one value everywhere", "of a customer's years"],
)
def test_a_feature_that_no_column_explains_is_the_callers_unless_it_may_sum_up_what_moved(
    history_days: int, check: DataCheck, cause: Cause, sentence: str
) -> None:
    nothing = compare_profiles(Side(name="then", source={}, rows={}), Side(name="now", source={}, rows={}), Lineage(features=("spend",)))
    finding = InputFinding(check=check.value, measure=0.5, rows=60, what="is …")
    day = served(0, inputs=[FeatureDay(name="spend", nulls=0.0, distance=0.5, findings=(finding,))])
    evidence = CauseEvidence(untrained={}, data=nothing, table="shop.orders", before=(), own=[day], history_days=history_days)
    found = find_cause(TROUBLE, evidence)
    assert (found.kind, found.column, found.sentence) == (cause, "spend", sentence)


def beside(trouble: Trouble, *features: FeatureDay) -> tuple[Cause, str | None, str]:
    """The cause of a trouble where nothing of the source has changed, by what the service was given on the last day."""
    names = tuple(one.name for one in features)
    nothing = compare_profiles(Side(name="then", source={}, rows={}), Side(name="now", source={}, rows={}), Lineage(features=names))
    own = [served(59, inputs=features)]
    found = find_cause(trouble, CauseEvidence(untrained={}, data=nothing, table="shop.orders", before=(), own=own))
    return found.kind, found.column, found.sentence


def test_where_only_a_part_of_the_rows_is_served_nobody_is_to_blame_for_other_values() -> None:
    part = FeatureDay(name="spend", nulls=0.0, distance=0.5, is_part=True)
    sentence = "not known: only a part of the rows of source.sql is served, and their spend is another than that of the rest"
    assert beside(TROUBLE, part) == (Cause.UNKNOWN, "spend", sentence)
    assert beside(TROUBLE, replace(part, skew=0.02, is_part=False))[0] is Cause.CHANGED_WORLD
    assert beside(TROUBLE, replace(part, skew=None, is_part=False)) == (Cause.SERVING_FAULT, "spend", CALLER)


def test_what_is_worse_is_laid_to_the_feature_that_differs_most() -> None:
    features = [FeatureDay(name=name, nulls=0.0, distance=0.0, skew=skew) for name, skew in [("age", 0.2), ("spend", 0.9), ("zip", 0.3)]]
    metric = replace(TROUBLE, kind=AlarmKind.METRIC, subject="auc")
    assert beside(metric, *features) == (Cause.SERVING_FAULT, "spend", CALLER)


def untrained(values: tuple[str, ...], *findings: Finding, skew: float | None = None) -> tuple[Cause, str | None, str]:
    """The cause of carriers that were never trained on: the version knows UA, AA and DL, which the column `airline` feeds."""

    def side(*carriers: str) -> Side:
        counts = dict.fromkeys(carriers, 300)
        column = ColumnProfile(type="STRING", rows=300 * len(carriers), texts=300 * len(carriers), values=counts)
        return Side(name="", source={}, rows={ProfileKey(label_population(0), date(2013, 3, 1), "f"): {"carrier": column}})

    data = compare_profiles(
        side("UA", "AA", "DL"), side("UA", *values), Lineage(features=("carrier",), values={"airline": frozenset({"carrier"})})
    )
    own = [served(59, inputs=[FeatureDay(name="carrier", nulls=0.0, distance=0.5, skew=skew)])]
    trouble = replace(TROUBLE, kind=AlarmKind.COVERAGE, subject="carrier", values={"carrier": frozenset(values)})
    evidence = CauseEvidence(untrained=dict(trouble.values), data=data, table="air.flights", before=(), own=own, findings=findings)
    found = find_cause(trouble, evidence)
    return found.kind, found.column, found.sentence


def finding(check: DataCheck, severity: Severity = Severity.BLOCKS, column: str = "airline") -> Finding:
    return Finding(check=check, severity=severity, level="source", column=column, days=1, what="is …", remedy="")


NEVER = (Cause.COVERAGE, "carrier")
SOURCE = (Cause.BROKEN_SOURCE, "airline")


@pytest.mark.parametrize(
    ("values", "findings", "skew", "cause"),
    [
        (("ZZ",), [finding(DataCheck.UNSEEN)], None, NEVER),
        (("ZZ",), [finding(DataCheck.DRIFT), finding(DataCheck.COVERAGE), finding(DataCheck.RANGE)], None, NEVER),
        (("ua", " AA", "dl"), [finding(DataCheck.UNSEEN)], None, SOURCE),
        (("ZZ", "YY", "ua"), [finding(DataCheck.UNSEEN)], None, NEVER),
        (("ZZ",), [finding(DataCheck.TIME_ZONE, Severity.WARNS)], None, SOURCE),
        (("ZZ",), [finding(DataCheck.TIME_ZONE, Severity.WARNS, "gate")], None, NEVER),
        (("0.6",), [finding(DataCheck.UNIT)], None, SOURCE),
        (("0.6",), [finding(DataCheck.UNIT, Severity.WARNS)], None, NEVER),
        (("ua", "aa"), [], None, (Cause.SERVING_FAULT, "carrier")),
        (("ua", "aa"), [], 1.0, (Cause.SERVING_FAULT, "carrier")),
        (("ua", "aa"), [], 0.0, NEVER),
        (("ZZ",), [], 1.0, NEVER),
    ],
    ids=[
        "a new carrier",
        "a new carrier, by all that it moves",
        "in another spelling",
        "one of several in another spelling",
        "a clock that was moved, on its first day",
        "a clock that feeds nothing of it",
        "another unit",
        "what may be another unit",
        "in another spelling by the caller",
        "in another spelling than source.sql gives",
        "in another spelling as source.sql gives",
        "a new carrier that source.sql does not give",
    ],
)
def test_values_that_were_never_trained_on_are_a_fault_if_they_are_known_ones_that_were_spoilt(
    values: tuple[str, ...], findings: list[Finding], skew: float | None, cause: tuple[Cause, str]
) -> None:
    assert untrained(values, *findings, skew=skew)[:2] == cause


def test_a_caller_that_spells_otherwise_is_told_so() -> None:
    assert untrained(("ua", "aa"))[2] == "the service is given another carrier than source.sql computes: 'aa' for 'AA'"
