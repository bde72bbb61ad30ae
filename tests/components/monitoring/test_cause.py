"""What a feature that is served otherwise is laid to, where nothing broke."""

from dataclasses import replace
from datetime import date

import pytest

from components.comparison.compare import Side, compare_profiles
from components.looks.data_check import DataCheck
from components.model.column_lineage import Lineage
from components.monitoring.alarms import AlarmKind
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.record import FeatureDay, InputFinding
from components.monitoring.troubles import Trouble
from components.policy.facts import Cause
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
