"""One picture of a numeric feature, from TFDV's two histograms."""

import math
import random

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics, Histogram, NumericStatistics

from components.examples.distributions import DRAWN_BINS, distribution
from tests.components.tfdv_statistics import numeric


def test_few_whole_numbers_get_a_bin_each() -> None:
    orders = [0] * 50 + [1] * 30 + [2] * 15 + [3] * 5
    drawn = distribution(numeric("orders", orders), None)
    assert drawn is not None
    assert drawn.train == pytest.approx((0.5, 0.3, 0.15, 0.05), abs=0.001)
    assert drawn.evaluation == ()
    assert not drawn.logarithmic


def test_evenly_spread_values_get_even_bins() -> None:
    drawn = distribution(numeric("share", [step / 10_000 for step in range(10_001)]), None)
    assert drawn is not None
    assert drawn.train == pytest.approx([1 / DRAWN_BINS] * DRAWN_BINS, rel=0.02)
    assert not drawn.logarithmic


def test_a_skewed_feature_gets_a_logarithmic_axis_on_which_its_bulk_is_spread() -> None:
    chance = random.Random(3)
    drawn = distribution(numeric("spend", [chance.lognormvariate(3, 1.2) for _ in range(5000)]), None)
    assert drawn is not None
    assert drawn.logarithmic
    assert max(drawn.train) < 0.2
    assert sum(drawn.train) == pytest.approx(1)


def test_both_splits_share_their_bins_even_if_one_reaches_further() -> None:
    train = numeric("age", [0, 1, 2, 3])
    drawn = distribution(train, numeric("age", [2, 3, 4, 5]))
    assert drawn is not None
    assert drawn.train == pytest.approx((0.25, 0.25, 0.25, 0.25, 0, 0), abs=0.01)
    assert drawn.evaluation == pytest.approx((0, 0, 0.25, 0.25, 0.25, 0.25), abs=0.01)


def test_a_constant_is_one_bin() -> None:
    drawn = distribution(numeric("constant", [7.5, 7.5, 7.5]), None)
    assert drawn is not None
    assert drawn.train == (1.0,)


@pytest.mark.parametrize("values", [[1e20, 1e20], [-1e99, 1e99], [1e-300, 2e-300], [0.0, 1e99]])
def test_extreme_values_do_not_overflow(values: list[float]) -> None:
    drawn = distribution(numeric("extreme", values), None)
    assert drawn is not None
    assert sum(drawn.train) == pytest.approx(1)


def test_infinite_values_count_as_rows_but_are_not_drawn() -> None:
    edges = [(0.0, 1.0, 60), (1.0, 2.0, 30), (math.inf, math.inf, 10)]
    buckets = [Histogram.Bucket(low_value=low, high_value=high, sample_count=rows) for low, high, rows in edges]
    feature = FeatureNameStatistics(name="x", num_stats=NumericStatistics(max=math.inf, histograms=[Histogram(buckets=buckets)]))
    drawn = distribution(feature, None)
    assert drawn is not None
    assert sum(drawn.train) == pytest.approx(0.9)


def test_a_feature_without_finite_values_has_no_picture() -> None:
    only_nan = Histogram(num_nan=5, buckets=[Histogram.Bucket(low_value=math.inf, high_value=math.inf, sample_count=5)])
    for histograms in ([], [Histogram()], [only_nan]):
        assert distribution(FeatureNameStatistics(name="x", num_stats=NumericStatistics(histograms=histograms)), None) is None


def test_an_eval_split_without_the_feature_leaves_the_train_split() -> None:
    drawn = distribution(numeric("age", [1, 2]), FeatureNameStatistics(name="age", num_stats=NumericStatistics()))
    assert drawn is not None
    assert drawn.evaluation == ()
