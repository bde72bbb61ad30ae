"""Two versions' predictions side by side, and which rows are sampled."""

import numpy as np
import pyarrow as pa
import pytest

from components.diagnosis.newest.predictions import Predicted, in_bands, side_by_side
from components.diagnosis.newest.sample import HASH_BUCKETS, Sampler, key_texts
from components.examples.keys import split_buckets

GONE = float("nan")


def binary(*scores: float) -> Predicted:
    return Predicted(classes=("0", "1"), scores=np.array(scores, np.float32)[:, None])


def test_agreement_distribution_confusion_and_the_slice_that_moved() -> None:
    rows = pa.table({"device": ["phone"] * 20 + ["desk"] * 20, "pages": list(range(40))})
    before, after = binary(*[0.2] * 40), binary(*[0.3] * 20, *[0.7] * 20)
    found = side_by_side(before, after, rows, [("device",), ("nowhere",)])
    assert found is not None
    assert (found.rows, found.agreement) == (40, 0.5)
    assert found.confusion == ((20, 20), (0, 0))
    assert found.score_difference == pytest.approx(0.3, abs=1e-6)
    assert [(dict(one.slice), one.distance, one.agreement) for one in found.slices] == [
        ({"device": "desk"}, 1.0, 0.0),
        ({"device": "phone"}, 0.0, 1.0),
    ]
    assert (before.shares, after.shares) == ({"0": 1.0, "1": 0.0}, {"0": 0.5, "1": 0.5})


def test_classes_are_compared_by_name_and_refused_rows_are_left_out() -> None:
    rows = pa.table({"device": ["phone"] * 3})
    before = Predicted(classes=("few", "many"), scores=np.array([[0.9, 0.1], [0.1, 0.9], [GONE, GONE]], np.float32))
    after = Predicted(classes=("none", "few", "many"), scores=np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], np.float32))
    found = side_by_side(before, after, rows, [])
    assert found is not None
    assert (found.rows, found.agreement, found.score_difference) == (2, 0.5, None)
    assert found.confusion == ((0, 1, 0), (1, 0, 0))
    assert before.refused == pytest.approx(1 / 3)
    nothing = Predicted(classes=("few", "many"), scores=np.full((3, 2), GONE, np.float32))
    assert side_by_side(nothing, after, rows, []) is None


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_sample_is_the_same_however_rows_arrive(size: int) -> None:
    rows = pa.table({"key": pa.array([*range(999), None])})
    sampler = Sampler("key", 100)
    for batch in rows.to_batches(max_chunksize=size):
        sampler.add(batch)
    found = sampler.sample()
    hashes = split_buckets(key_texts(rows.column("key").combine_chunks()), HASH_BUCKETS)
    expected = set(np.array(rows.column("key").to_pylist(), object)[np.argsort(hashes, kind="stable")[:100]])
    assert set(found.rows.column("key").to_pylist()) == expected
    assert (found.total, found.is_whole) == (1000, False)


def test_a_sample_of_no_rows_is_empty() -> None:
    found = Sampler("key", 100).sample()
    assert (found.rows.num_rows, found.total, found.is_whole) == (0, 0, True)


def numbers(*scores: float) -> Predicted:
    return Predicted(classes=("number",), scores=np.array(scores, np.float32)[:, None], bounds=())


def test_numbers_are_put_into_bands_of_a_fifth_each() -> None:
    like = np.arange(0, 101, dtype=np.float32)
    banded = in_bands(numbers(*range(101)), like)
    assert banded.classes == ("below 20", "20 to 40", "40 to 60", "60 to 80", "80 and more")
    assert [round(share, 2) for share in banded.shares.values()] == [0.2, 0.2, 0.2, 0.2, 0.21]
    moved = in_bands(numbers(*[500.0] * 9, float("nan")), like)
    assert moved.shares == {"below 20": 0, "20 to 40": 0, "40 to 60": 0, "60 to 80": 0, "80 and more": 1}
    assert (moved.refused, moved.mean_score, moved.part) == (0.1, 500.0, "band")


def test_numbers_that_are_all_alike_have_two_bands() -> None:
    banded = in_bands(numbers(7.0, 7.0, 6.0), np.full(9, 7, np.float32))
    assert banded.shares == {"below 7": pytest.approx(1 / 3), "7 and more": pytest.approx(2 / 3)}


def test_classes_and_numbers_without_anything_to_go_by_stay_as_they_are() -> None:
    binary = Predicted(classes=("0", "1"), scores=np.array([[0.2], [0.7]], np.float32))
    assert in_bands(binary, np.arange(9.0)) is binary
    alone = numbers(1.0, 2.0)
    assert in_bands(alone, np.array([np.nan])) is alone
    assert alone.shares == {"number": 1.0}


def test_two_versions_agree_where_their_numbers_are_in_the_same_band() -> None:
    like = np.arange(0, 101, dtype=np.float32)
    one, other = (in_bands(numbers(*scores), like) for scores in ((5, 30, 90), (7, 50, 99)))
    both = side_by_side(one, other, pa.table({"n": [1, 2, 3]}), [])
    assert both is not None
    assert (both.part, both.agreement) == ("band", 2 / 3)
    assert both.score_difference == pytest.approx(31 / 3)
