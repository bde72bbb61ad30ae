"""What a loaded version takes for a value, as pandas and BigQuery's rows have them, and what it refuses."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import SourceError
from components.serving.loading import open_version
from perennial.scoring import LoadedModel
from tests.components.serving.house import save_house

ROWS = {"area": [100.5, 50.0], "colour": ["red", "bl:ue"], "floor": [3, 2], "rooms": [4, 1]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    """Scores are area + 10 rooms + 1000 floors + 10000 if blue."""
    with LoadedModel("house", 1, *open_version(save_house(tmp_path_factory.mktemp("house") / "1"), "house 1"), ()) as house:
        yield house


@pytest.mark.parametrize(
    ("changes", "scores"),
    [
        ({}, [3140.5, 12060.0]),
        ({"other": [object(), None]}, [3140.5, 12060.0]),
        ({"area": [Decimal("100.5"), Decimal(50)]}, [3140.5, 12060.0]),
        ({"area": np.array([100.5, 50], "float32")}, [3140.5, 12060.0]),
        ({"area": [100, 50]}, [3140.0, 12060.0]),
        ({"rooms": [True, True]}, [3110.5, 12060.0]),
        ({"rooms": [4.0, 1.0], "floor": [np.nan, 2.0]}, [140.5, 12060.0]),
        ({"floor": [None, True]}, [140.5, 11060.0]),
        ({"floor": pd.array([pd.NA, False], "boolean")}, [140.5, 10060.0]),
        ({"colour": pd.Categorical(["red", "bl:ue"])}, [3140.5, 12060.0]),
        ({"floor": pd.Categorical([3.0, np.nan])}, [3140.5, 10060.0]),
    ],
)
def test_values_are_taken_as_pandas_and_bigquery_have_them(house: LoadedModel, changes: dict[str, object], scores: list[float]) -> None:
    assert house(pd.DataFrame(ROWS | changes)).tolist() == scores


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"area": [100.5, "50.0 m"]}, "row 2.area is '50.0 m': expected a number"),
        ({"area": [100.5, Decimal("NaN")]}, "row 2.area is null: expected a number"),
        ({"area": [100.5, False]}, "row 2.area is False: expected a number"),
        ({"floor": [3, 1e19]}, "row 2.floor is 10000000000000000000: expected a whole number"),
        ({"floor": [float(2**53), None]}, "floor is 9007199254740992 as a float, which may have been rounded: give the column as Int64"),
        ({"floor": [3.0, 2.5]}, "row 2.floor is 2.5: expected a whole number"),
        ({"rooms": [4, [1, 2]]}, "row 2.rooms is [1, 2]: expected a whole number"),
        ({"colour": ["red", 7]}, "row 2.colour is 7: expected a text"),
        ({"colour": ["red", pd.Timestamp("2026-03-01")]}, "row 2.colour is Timestamp('2026-03-01 00:00:00'): expected a text"),
    ],
)
def test_any_other_value_is_refused_with_row_and_column(house: LoadedModel, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        house(pd.DataFrame(ROWS | changes))
    assert str(refused.value).startswith(sentence)


def test_rows_without_any_column_lack_the_first(house: LoadedModel) -> None:
    with pytest.raises(SourceError, match=r"^row 1 lacks the field "):
        house(pd.DataFrame({"other": [1]}), allow_missing=True)


def test_a_column_that_is_misspelt_missing_or_there_twice_is_refused(house: LoadedModel) -> None:
    rows = pd.DataFrame(ROWS)
    with pytest.raises(SourceError, match=r"^the DataFrame has no column 'floor': is it 'Floor'\? Rename it"):
        house(rows.rename(columns={"floor": "Floor"}))
    assert house(rows.drop(columns="floor"), allow_missing=True).tolist() == [140.5, 10060.0]
    with pytest.raises(SourceError, match="^the DataFrame has the column 'area' 2 times: keep one"):
        house(pd.concat([rows, rows[["area"]]], axis=1))


def test_columns_of_scores_are_named_by_classes_or_quantiles(tmp_path: Path) -> None:
    version = open_version(save_house(tmp_path / "1"), "house 1")
    with LoadedModel("house", 1, *version, ("low", "high")) as of_classes:
        assert (of_classes.classes, of_classes.score_names) == (("low", "high"), ("low", "high"))
    of_quantiles = LoadedModel("house", 1, *version, (), (0.1, 0.5, 0.9))
    assert (of_quantiles.classes, of_quantiles.score_names) == ((), ("0.1", "0.5", "0.9"))
