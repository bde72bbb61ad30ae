"""Profiles add up: that of all rows is the sum of those of any parts."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from components.profiles.profile import (
    GAMMA,
    KEPT_VALUES,
    SOURCE_TABLE,
    ColumnProfile,
    ProfileKey,
    bucket_keys,
    bucket_middle,
    count_keys,
    label_population,
    most_common,
    profiles_by_day,
    profiles_by_span,
    sum_column,
    sum_profiles,
)
from components.profiles.profiling import _profile_column

RNG = np.random.default_rng(1)
NUMBERS = np.concatenate([RNG.lognormal(0, 4, 500), -RNG.lognormal(0, 4, 300), np.zeros(50)])
MIXED = pa.array([*map(str, NUMBERS[:300]), "n/a", "NaN", "inf", None, "", "Ã¼", *(f"v{number % 7}" for number in range(200))])


def same(one: ColumnProfile, other: ColumnProfile) -> bool:
    scalars = ("type", "rows", "nulls", "numbers", "texts", "nans", "infinities", "times", "low", "high", "others", "longest", "damaged")
    return (
        all(getattr(one, name) == getattr(other, name) for name in scalars)
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("keys", "counts", "hours", "weekdays"))
        and one.values == other.values
        and one.total == pytest.approx(other.total)
    )


@pytest.mark.parametrize(
    "column", [pa.array(NUMBERS), MIXED, pa.array([date(2026, 1, day) for day in range(1, 29)])], ids=["numbers", "texts", "days"]
)
@pytest.mark.parametrize("cut", [1, 7, 20])
def test_the_profile_of_parts_is_that_of_the_whole(column: pa.Array, cut: int) -> None:
    parts = [_profile_column(column.slice(start, cut)) for start in range(0, len(column), cut)]
    assert same(sum_column(parts), _profile_column(column))


def test_every_row_is_counted_once() -> None:
    found = _profile_column(MIXED)
    assert found.rows == found.nulls + found.numbers + found.texts + found.nans + found.infinities + found.times == len(MIXED)
    assert sum(found.values.values()) + found.others == found.filled


def test_a_bucket_is_never_wider_than_two_percent() -> None:
    some = NUMBERS[NUMBERS != 0]
    middles = np.array([bucket_middle(key) for key in bucket_keys(some)])
    assert (np.sign(middles) == np.sign(some)).all()
    assert np.abs(middles / some - 1).max() <= GAMMA - 1
    assert bucket_keys(np.zeros(3)).tolist() == [0, 0, 0]


def test_buckets_are_in_the_order_of_their_numbers() -> None:
    ordered = np.sort(NUMBERS)
    assert (np.diff(bucket_keys(ordered)) >= 0).all()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_quantile_is_right_to_a_bucket(share: float) -> None:
    found = _profile_column(pa.array(NUMBERS[:500])).quantile(share)
    assert found is not None
    below = np.quantile(NUMBERS[:500], share - 0.01), np.quantile(NUMBERS[:500], share + 0.01)
    assert below[0] / GAMMA <= found <= below[1] * GAMMA


def test_nothing_has_no_quantile_and_no_mean() -> None:
    empty = _profile_column(pa.nulls(3, pa.float64()))
    assert (empty.quantile(0.5), empty.mean, empty.filled, empty.is_numeric) == (None, None, 0, False)


def test_a_text_of_any_kind_is_open_and_a_category_is_not() -> None:
    assert _profile_column(pa.array([f"v{number}" for number in range(KEPT_VALUES + 1)])).has_uncounted_values
    assert not _profile_column(pa.array([f"v{number}" for number in range(KEPT_VALUES)])).has_uncounted_values


def test_the_commonest_values_stay_and_equal_ones_are_in_their_order() -> None:
    assert most_common({"b": 1, "a": 1, "c": 5, "d": 1}, 3) == ({"c": 5, "a": 1, "b": 1}, 1)
    assert count_keys(np.array([], np.int64))[0].size == 0


def test_levels_are_told_apart_and_labels_are_put_together() -> None:
    one, two = _profile_column(pa.array([1, 2])), _profile_column(pa.array([3]))
    day = date(2026, 1, 5)
    profiles = {
        ProfileKey(label_population(0), day, "a"): {"x": one},
        ProfileKey(label_population(1), day, "a"): {"x": two},
        ProfileKey(SOURCE_TABLE, day, "b"): {"y": one},
    }
    assert list(profiles_by_day(profiles, SOURCE_TABLE)) == [day]
    assert (profiles_by_span(profiles)[day]["x"].rows, profiles_by_span(profiles)[day]["x"].high) == (3, 3.0)


def test_a_column_that_only_some_parts_have_is_kept() -> None:
    found = sum_profiles(
        [{"x": _profile_column(pa.array([1]))}, {"x": _profile_column(pa.array([2])), "y": _profile_column(pa.array(["a"]))}]
    )
    assert {name: column.rows for name, column in found.items()} == {"x": 2, "y": 1}


def test_a_column_whose_type_changed_keeps_both_kinds_of_values() -> None:
    found = sum_column([_profile_column(pa.array([1.5, 2.5])), _profile_column(pa.array(["2.5", "n/a"]))])
    assert (found.type, found.numbers, found.texts, dict(found.non_numeric_samples)) == ("STRING", 3, 1, {"n/a": 1})
