"""TFDV's statistics of examples, kept by span: a window's are merged from its spans', so a window that slides by a span looks at one.

What is equal to TFX's StatisticsGen, and what is an approximation there and here: docs/gate.md.
"""

import pickle
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from components.canonical import fingerprint
from components.columns.decoded import read_decoded
from components.errors import SourceError
from components.files import file_sha256, kept
from components.runs.provenance import environment_digest

FORMAT = 1
"""Change it when the same examples would give other statistics, so that nothing kept before is taken."""
ROWS = 16_384
"""Decoded and counted at a time."""
COUNTED_VALUES = 16_384
"""Different values of a feature that are counted exactly."""
STATISTICS = "FeatureStats.pb"
"""In the folder of a split, where TFX looks for it."""


def write_statistics(examples: Path, statistics: Path, splits: Sequence[str], *, cache: Path) -> None:
    """Write `statistics`/Split-SPLIT/FeatureStats.pb of every split, as StatisticsGen does.

    Args:
        examples: the folder of Split-SPLIT/*.gz, a file for each span, whose names are in the order of the spans.
        statistics: the folder to write into.
        splits: which.
        cache: the folder of what is kept of spans that were counted before.

    Raises:
        SourceError: a column has numbers in one span and text in another.
    """
    for split in splits:
        spans = sorted((examples / f"Split-{split}").iterdir())
        merged = _merge(_kept(span, cache) for span in spans)
        folder = statistics / f"Split-{split}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STATISTICS).write_bytes(merged.SerializeToString(deterministic=True))


def _kept(span: Path, cache: Path) -> bytes:
    """The accumulators of a span's examples, which depend on the examples and on the locked packages."""
    return kept(cache / fingerprint([FORMAT, ROWS, environment_digest(), file_sha256(span)]), lambda: _count(span))


def _generators() -> list[Any]:
    """Those of StatisticsGen, but that values are counted in sketches, which merge: larger ones than TFDV's, so that more is exact."""
    from tensorflow_data_validation.statistics import stats_impl, stats_options
    from tensorflow_data_validation.statistics.generators.top_k_uniques_sketch_stats_generator import TopKUniquesSketchStatsGenerator

    options = stats_options.StatsOptions()
    counts = TopKUniquesSketchStatsGenerator(
        num_top_values=options.num_top_values,
        num_rank_histogram_buckets=options.num_rank_histogram_buckets,
        frequency_threshold=options.frequency_threshold,
        weighted_frequency_threshold=options.weighted_frequency_threshold,
        num_misragries_buckets=COUNTED_VALUES,
        num_kmv_buckets=COUNTED_VALUES,
    )
    found = stats_impl.get_generators(options, in_memory=True)
    return [counts if isinstance(generator, TopKUniquesSketchStatsGenerator) else generator for generator in found]


def _count(span: Path) -> bytes:
    """The accumulators of one span's examples, pickled."""
    generators = _generators()
    accumulators = [generator.create_accumulator() for generator in generators]
    for table in read_decoded([span], ROWS):
        accumulators = [generator.add_input(one, table) for generator, one in zip(generators, accumulators, strict=True)]
    return pickle.dumps([generator.compact(one) for generator, one in zip(generators, accumulators, strict=True)])


def _merge(spans: Iterable[bytes]) -> Any:
    """The DatasetFeatureStatisticsList of all spans, merged in their order."""
    from tensorflow_data_validation.statistics import stats_impl

    generators = _generators()
    accumulators = [generator.create_accumulator() for generator in generators]

    def merge(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        return [generator.merge_accumulators([one, other]) for generator, one, other in zip(generators, left, right, strict=True)]

    try:
        merged = reduce(merge, map(pickle.loads, spans), accumulators)
    except TypeError as error:
        raise SourceError(
            f"the spans of the window do not fit together: {error} Correct source.sql, which decides its columns' types"
        ) from error
    return stats_impl.extract_statistics_output(merged, generators)
