"""What is in TFDV's statistics of examples, for comparing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.profiles.statistics import STATISTICS

Feature = Any
"""A FeatureNameStatistics."""


def features(folder: Path, split: str) -> dict[str, Feature]:
    """By name."""
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString((folder / f"Split-{split}" / STATISTICS).read_bytes())
    return {feature.path.step[0]: feature for feature in found.datasets[0].features}


def exact(found: Mapping[str, Feature]) -> dict[str, Any]:
    """Every count, share, extreme and most frequent value, as text; means and deviations to 12 digits. Without quantiles."""
    result = {}
    for name, feature in found.items():
        kept = type(feature)()
        kept.CopyFrom(feature)
        numbers = kept.num_stats
        mean, deviation = numbers.mean, numbers.std_dev
        for field in ("histograms", "median", "mean", "std_dev"):
            numbers.ClearField(field)
        result[name] = (str(kept), f"{mean:.12g}", f"{deviation:.12g}")
    return result
