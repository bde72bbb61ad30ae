"""What broke in a source: judged by the column, not by how much of a model's input it is."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from components.comparison.compare import DataComparison, compare_profiles
from components.diagnosis.newest.source_changes import broken
from tests.components.profiles.profiled import LINEAGE, Column, rows, since, window

MANY = replace(LINEAGE, features=(*LINEAGE.features, *(f"other_{number}" for number in range(40))))


def emptied(every: int) -> DataComparison:
    """A week in which every so many amounts are NULL, in a model of forty more features."""

    def change(number: int) -> dict[str, Column | None]:
        values = np.asarray(rows(number)["amount"])
        return {"amount": pa.array([None if place % every == 0 else float(value) for place, value in enumerate(values)])}

    return compare_profiles(window("before", 0, 20), window("after", 21, 27, since(21, change)), MANY, partition_field="day")


@pytest.mark.parametrize(("every", "names"), [(2, "amount"), (3, "amount"), (20, None)])
def test_a_column_that_is_a_fifth_emptier_is_broken_however_many_features_there_are(every: int, names: str | None) -> None:
    fault = broken(emptied(every))
    assert (fault.name if fault else None) == names


@pytest.mark.parametrize("is_in_the_older", [False, True])
def test_a_feature_that_only_one_source_sql_makes_is_no_fault_of_the_source(is_in_the_older: bool) -> None:
    made = since(0, lambda number: {"ratio": rows(number + 1000)["amount"]})
    older, newer = (made, None) if is_in_the_older else (None, made)
    before, after = window("a", 0, 20, features=older), window("b", 7, 27, features=newer)
    compared = compare_profiles(before, after, replace(LINEAGE, features=(*LINEAGE.features, "ratio")), partition_field="day")
    assert [difference.name for difference in compared.differences if difference.leads][:1] == ["ratio"]
    assert broken(compared) is None
