"""What a feature that is served otherwise is laid to, where nothing broke."""

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
    evidence = CauseEvidence(untrained={}, data=nothing, since=None, table="shop.orders", before=(), own=[day], history_days=history_days)
    found = find_cause(TROUBLE, evidence)
    assert (found.kind, found.column, found.sentence) == (cause, "spend", sentence)
