"""Statistics of features as TFDV writes them."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
    NumericStatistics,
    StringStatistics,
)


def _common(present: int, missing: int) -> CommonStatistics:
    return CommonStatistics(num_non_missing=present, num_missing=missing, tot_num_values=present, min_num_values=1, max_num_values=1)


def numeric(name: str, values: Sequence[float], *, missing: int = 0) -> FeatureNameStatistics:
    """What TFDV writes of these values, its two histograms of ten buckets among it."""
    ordered = sorted(values)
    low, high, rows = ordered[0], ordered[-1], len(ordered)
    mean = sum(ordered) / rows
    edges = [low + (high - low) * tenth / 10 for tenth in range(11)]
    even = [sum(1 for value in ordered if a < value <= b) + (ordered.count(low) if a == low else 0) for a, b in pairwise(edges)]
    deciles = [ordered[min(rows - 1, rows * tenth // 10)] for tenth in range(11)]
    is_whole = all(isinstance(value, int) for value in ordered)
    return FeatureNameStatistics(
        name=name,
        type=FeatureNameStatistics.INT if is_whole else FeatureNameStatistics.FLOAT,
        num_stats=NumericStatistics(
            common_stats=_common(rows, missing),
            mean=mean,
            std_dev=(sum((value - mean) ** 2 for value in ordered) / rows) ** 0.5,
            num_zeros=ordered.count(0),
            min=low,
            median=ordered[rows // 2],
            max=high,
            histograms=[_histogram(edges, even, Histogram.STANDARD), _histogram(deciles, [rows / 10] * 10, Histogram.QUANTILES)],
        ),
    )


def _histogram(edges: Sequence[float], counts: Sequence[float], kind: Histogram.HistogramType) -> Histogram:
    buckets = zip(edges, edges[1:], counts, strict=False)
    return Histogram(type=kind, buckets=[Histogram.Bucket(low_value=a, high_value=b, sample_count=n) for a, b, n in buckets])


def text(name: str, values: Sequence[str], *, missing: int = 0) -> FeatureNameStatistics:
    """What TFDV writes of these values."""
    ranked = Counter(values).most_common()
    return FeatureNameStatistics(
        name=name,
        type=FeatureNameStatistics.STRING,
        string_stats=StringStatistics(
            common_stats=_common(len(values), missing),
            unique=len(ranked),
            top_values=[StringStatistics.FreqAndValue(value=value, frequency=rows) for value, rows in ranked[:2]],
            rank_histogram={"buckets": [{"low_rank": i, "high_rank": i, "label": v, "sample_count": n} for i, (v, n) in enumerate(ranked)]},
        ),
    )


def statistics(*features: FeatureNameStatistics) -> DatasetFeatureStatisticsList:
    """One split's statistics, as TFDV writes them."""
    return DatasetFeatureStatisticsList(datasets=[DatasetFeatureStatistics(features=features)])
