"""Features that are served with other values than they are trained on."""

from pathlib import Path

import pyarrow as pa
import pytest

from components.checks.skew import _check_skew
from components.looks.data_check import DataCheck, Severity
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles
from components.profiles.profiling import profile_batch
from tests.components.checks.corruptions import SPANS, Columns, shop_model, span_profiles, spans_of


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return shop_model(tmp_path)


def served(columns: Columns) -> ColumnProfiles:
    return profile_batch(pa.RecordBatch.from_pydict({name: columns[name] for name in ("spend", "visits", "region", "band")}))


def test_what_is_served_as_it_is_trained_on_has_no_skew(model: Model) -> None:
    spans = spans_of()
    assert _check_skew(model, span_profiles(model, spans), served(spans[SPANS[-1]])) == []


def test_a_feature_that_is_served_with_other_values_is_named(model: Model) -> None:
    spans = spans_of()
    last = spans[SPANS[-1]]
    logged = served(last | {"spend": [value / 100 for value in last["spend"]], "visits": [None] * 150 + last["visits"][150:]})
    findings = _check_skew(model, span_profiles(model, spans), logged)
    assert [(f.check, f.column, f.severity) for f in findings] == [
        (DataCheck.SKEW, "spend", Severity.WARNS),
        (DataCheck.SKEW, "visits", Severity.WARNS),
    ]
    assert findings[0].what.startswith("is served with other values than it is trained on (Jensen-Shannon 0.9")
    assert findings[1].sentence == "column visits is NULL in 10.0% of what is served"
