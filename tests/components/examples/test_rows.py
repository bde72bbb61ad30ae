"""Rows that no model can be trained on are refused by name."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.errors import SourceError
from components.examples.rows import RowCheck
from components.model.folder import Model, read_model
from tests.components.visits import write_model

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
NAN, INFINITY = float("nan"), float("inf")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    write_model(tmp_path)
    return read_model(tmp_path, "visits")


def rows(count: int = 4, *, start: int = 1, **columns: Any) -> pa.RecordBatch:
    plain: dict[str, Any] = {
        "as_of": pa.array([DAY] * count),
        "visitor": pa.array(range(start, start + count)),
        "seconds": pa.array([0.5] * count),
        "returned": pa.array([number % 2 for number in range(count)]),
    }
    return pa.RecordBatch.from_pydict(plain | columns)


def refused(model: Model, *batches: pa.RecordBatch) -> str:
    check = RowCheck(model)
    for batch in batches[:-1]:
        check.batch(batch)
    with pytest.raises(SourceError) as error:
        check.batch(batches[-1])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_good_rows_pass(model: Model) -> None:
    check = RowCheck(model)
    check.batch(rows())
    check.batch(rows(start=5, seconds=pa.array([1.5, None, -0.0, 3e38])))
    check.batch(rows(as_of=pa.array([NEXT] * 4)))
    check.batch(rows(1, start=5, returned=pa.array([True])))
    check.batch(rows(2, start=6, returned=pa.array([1.0, 0.0]), seconds=pa.array([Decimal("1.5"), None])))


@pytest.mark.parametrize(
    ("column", "kind"), [("returned", pa.int64()), ("visitor", pa.int64()), ("as_of", pa.date32())], ids=["label", "key", "span"]
)
def test_key_label_and_span_must_be_there(model: Model, column: str, kind: pa.DataType) -> None:
    whole = rows().column(column).to_pylist()
    missing = pa.array([*whole[:2], None, whole[3]], kind)
    key = "NULL" if column == "visitor" else "3"
    span = "NULL" if column == "as_of" else "2026-03-01"
    assert refused(model, rows(**{column: missing})) == (
        f"column {column!r} of source.sql of model 'visits' is NULL (every row needs one) for visitor {key} in span {span}: "
        f"{LATE if column == 'returned' else 'mend the source or source.sql'}"
    )


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([0, 1, 2, 3]), "2"),
        (pa.array([0, 1, -1, 3]), "-1"),
        (pa.array([0.0, 1.0, 0.5, 3.0]), "0.5"),
        (pa.array([0, 1, 2**62, 3]), str(2**62)),
        (pa.array([Decimal(0), Decimal(1), Decimal("0.1"), Decimal(1)]), "0.1"),
    ],
)
def test_a_label_must_be_zero_or_one(model: Model, values: pa.Array, shown: str) -> None:
    assert refused(model, rows(returned=values)) == (
        f"column 'returned' of source.sql of model 'visits' is {shown} (a label must be 0 or 1) for visitor 3 in span 2026-03-01: "
        f"mend the source or source.sql"
    )


@pytest.mark.parametrize(
    ("value", "shown", "why"),
    [
        (NAN, "nan", "which is not finite"),
        (INFINITY, "inf", "which is not finite"),
        (-INFINITY, "-inf", "which is not finite"),
        (1e300, "1e+300", "too large for the float32 of an example"),
        (-3.5e38, "-3.5e+38", "too large for the float32 of an example"),
    ],
)
@pytest.mark.parametrize("column", ["seconds", "returned"])
def test_a_number_must_be_finite(model: Model, column: str, value: float, shown: str, why: str) -> None:
    values = pa.array([1.0, 0.0, 1.0, value])
    assert refused(model, rows(**{column: values})) == (
        f"column {column!r} of source.sql of model 'visits' is {shown} ({why}) for visitor 4 in span 2026-03-01: "
        f"mend the source or source.sql"
    )


LATE = (
    "if it is known later, raise rows.label_delay_days of model.toml, which is 1; "
    "if it never is, leave such rows out (WHERE returned IS NOT NULL)"
)
TWICE = "(a key must be unique in its span, and it is there twice)"


def test_a_key_must_be_unique_in_its_span(model: Model) -> None:
    assert refused(model, rows(visitor=pa.array([1, 2, 2, 3]))) == (
        f"column 'visitor' of source.sql of model 'visits' is 2 {TWICE} for visitor 2 in span 2026-03-01: mend the source or source.sql"
    )


def test_a_key_must_be_unique_across_batches(model: Model) -> None:
    assert f"is 4 {TWICE}" in refused(model, rows(), rows(start=4))


def test_a_key_may_occur_in_every_span(model: Model) -> None:
    check = RowCheck(model)
    check.batch(rows(visitor=pa.array([7, 8, 7, 8]), as_of=pa.array([DAY, DAY, NEXT, NEXT])))
    check.batch(rows(visitor=pa.array([9, 10, 11, 12]), as_of=pa.array([NEXT] * 4)))


def test_keys_may_be_text(model: Model) -> None:
    hostile = "quote ' and \n line"
    keys = pa.array(["a", hostile, hostile, "z"])
    assert refused(model, rows(visitor=keys)).startswith(f"column 'visitor' of source.sql of model 'visits' is {hostile!r} {TWICE}")


def test_a_long_value_is_cut(model: Model) -> None:
    sentence = refused(model, rows(visitor=pa.array(["a", "x" * 10_000, "x" * 10_000, "z"])))
    assert f"is '{'x' * 79}… {TWICE}" in sentence
    assert len(sentence) < 500


def test_labels_of_several_classes_are_their_places(tmp_path: Path) -> None:
    toml = {
        'task = "binary_classification"': 'task = "multiclass_classification"',
        'label = "returned"': 'label = "returned"\nclasses = ["low", "middle", "high"]',
        'metric = "auc"': 'metric = "accuracy"',
    }
    write_model(tmp_path / "several", toml=toml)
    model = read_model(tmp_path / "several", "visits")
    RowCheck(model).batch(rows(returned=pa.array([0, 1, 2, 1])))
    RowCheck(model).batch(rows(returned=pa.array([0.0, 1.0, 2.0, 1.0])))
    for wrong in (3, -1):
        assert f"is {wrong} (a label must be a whole number from 0 to 2) for visitor 3" in refused(
            model, rows(returned=pa.array([0, 1, wrong, 1]))
        )
    assert "is 0.5 (a label must be" in refused(model, rows(returned=pa.array([0.0, 1.0, 0.5, 1.0])))


def test_labels_of_a_regression_are_any_finite_numbers(tmp_path: Path) -> None:
    toml = {'task = "binary_classification"': 'task = "regression"', 'metric = "auc"': 'metric = "mean_absolute_error"'}
    write_model(tmp_path / "numbers", toml=toml)
    model = read_model(tmp_path / "numbers", "visits")
    for values in ([-3, 0, 7, 12], [0.25, -1e30, 3.0, 0.0], [Decimal("0.1"), Decimal("-2"), Decimal(0), Decimal(5)]):
        RowCheck(model).batch(rows(returned=pa.array(values)))
    for wrong, why in ((NAN, "which is not finite"), (-INFINITY, "which is not finite"), (1e39, "too large for the float32 of an example")):
        assert f"is {wrong} ({why}) for visitor 3" in refused(model, rows(returned=pa.array([0.5, 1.0, wrong, 2.0])))
    assert "is NULL (every row needs one) for visitor 2" in refused(model, rows(returned=pa.array([0.5, None, 1.0, 2.0])))
