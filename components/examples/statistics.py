"""What TFDV's statistics say of each feature of the splits."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    NumericStatistics,
    StringStatistics,
)

from components.examples.distributions import Distribution, distribution

TOP_VALUES = 5


@dataclass(frozen=True)
class NumericFeature:
    """A numeric feature of the train split. Shares are of its rows; numbers may be NaN where the data held NaN or infinity."""

    name: str
    missing: float | None
    zeros: float | None
    min: float
    median: float
    mean: float
    std: float
    max: float
    distribution: Distribution | None
    is_empty: bool


@dataclass(frozen=True)
class TopValue:
    """A value and the share of rows that have it. An eval split that is not there gives None."""

    value: str
    train: float
    evaluation: float | None


@dataclass(frozen=True)
class TextFeature:
    """A categorical feature of the train split, or one of another type, of which only the missing rows are known."""

    name: str
    missing: float | None
    unique: int
    top_values: tuple[TopValue, ...]
    is_empty: bool


@dataclass(frozen=True)
class FeatureTables:
    """Every feature of the train split, in the order of the statistics."""

    numeric: tuple[NumericFeature, ...]
    text: tuple[TextFeature, ...]
    missing_in_eval: tuple[str, ...]
    has_eval: bool
    """Whether there are statistics of the eval split."""


def feature_tables(train: DatasetFeatureStatisticsList | None, evaluation: DatasetFeatureStatisticsList | None) -> FeatureTables:
    """The rows of both tables. The lists hold one data set each, as TFDV writes them."""
    trained, evaluated = _features(train), _features(evaluation)
    pairs = [(name, feature, evaluated.get(name)) for name, feature in trained.items()]
    return FeatureTables(
        numeric=tuple(_numeric(*pair) for pair in pairs if pair[1].HasField("num_stats")),
        text=tuple(_text(*pair) for pair in pairs if not pair[1].HasField("num_stats")),
        missing_in_eval=tuple(name for name in trained if evaluated and name not in evaluated),
        has_eval=evaluation is not None,
    )


def _features(statistics: DatasetFeatureStatisticsList | None) -> Mapping[str, FeatureNameStatistics]:
    datasets = statistics.datasets[:1] if statistics is not None else []
    return {feature.name or ".".join(feature.path.step): feature for dataset in datasets for feature in dataset.features}


def _numeric(name: str, train: FeatureNameStatistics, evaluation: FeatureNameStatistics | None) -> NumericFeature:
    numbers: NumericStatistics = train.num_stats
    common: CommonStatistics = numbers.common_stats
    is_empty = common.num_non_missing == 0
    return NumericFeature(
        name=name,
        missing=_missing(common),
        zeros=_share(numbers.num_zeros, common.tot_num_values or common.num_non_missing),
        min=numbers.min,
        median=numbers.median,
        mean=numbers.mean,
        std=numbers.std_dev,
        max=numbers.max,
        distribution=None if is_empty else distribution(train, evaluation),
        is_empty=is_empty,
    )


def _text(name: str, train: FeatureNameStatistics, evaluation: FeatureNameStatistics | None) -> TextFeature:
    strings: StringStatistics = train.string_stats
    common = _common(train)
    return TextFeature(
        name=name,
        missing=_missing(common),
        unique=strings.unique,
        top_values=tuple(_top_values(strings, evaluation)),
        is_empty=common.num_non_missing == 0,
    )


def _common(feature: FeatureNameStatistics) -> CommonStatistics:
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats if kind else CommonStatistics()


def _top_values(train: StringStatistics, evaluation: FeatureNameStatistics | None) -> Iterable[TopValue]:
    """TFDV's rank histogram knows 1,000 values by default, so a value that is not in the eval split's has a share of about 0."""
    trained, evaluated = _frequencies(train), _frequencies(evaluation.string_stats) if evaluation is not None else {}
    rows = train.common_stats.tot_num_values or train.common_stats.num_non_missing
    evaluated_rows = evaluation.string_stats.common_stats.num_non_missing if evaluation is not None else 0
    for value in sorted(trained, key=lambda value: -trained[value])[:TOP_VALUES]:
        yield TopValue(value, _share(trained[value], rows) or 0.0, _share(evaluated.get(value, 0.0), evaluated_rows))


def _frequencies(strings: StringStatistics) -> dict[str, float]:
    ranked = {bucket.label: bucket.sample_count for bucket in strings.rank_histogram.buckets}
    return ranked | {top.value: top.frequency for top in strings.top_values}


def _missing(common: CommonStatistics) -> float | None:
    return _share(common.num_missing, common.num_missing + common.num_non_missing)


def _share(part: float, whole: float) -> float | None:
    """None where there are no rows, or TFDV counted none."""
    return part / whole if 0 < whole < math.inf else None
