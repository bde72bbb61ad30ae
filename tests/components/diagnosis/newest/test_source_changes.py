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


def test_a_feature_that_has_one_value_on_each_day_did_not_die_on_the_last() -> None:
    made = since(0, lambda number: {"ratio": [float(number // 20)] * len(np.asarray(rows(number)["amount"]))})
    features = replace(LINEAGE, features=(*LINEAGE.features, "ratio"))
    compared = compare_profiles(window("a", 0, 20, features=made), window("b", 7, 27, features=made), features, partition_field="day")
    assert broken(compared) is None
    died = since(26, lambda number: {"ratio": [3.0] * len(np.asarray(rows(number)["amount"]))})
    varying = since(0, lambda number: {"ratio": rows(number + 1000)["amount"]})
    fault = broken(
        compare_profiles(window("a", 0, 20, features=varying), window("b", 7, 27, features=died), features, partition_field="day")
    )
    assert fault is not None and fault.name == "ratio"
