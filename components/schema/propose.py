"""Propose a schema from the rows of a window, and find where they break the pinned one. schema.pbtxt is never written."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from components.cloud import Cloud
from components.errors import SourceError
from components.examples.read import read_examples
from components.files import private_folder
from components.model.folder import Model
from components.schema.anomalies import Anomaly, list_anomalies
from components.settings import Settings
from components.snapshot.columns import KEY_TYPES, NUMERIC_TYPES, read_features
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition, pin
from components.snapshot.query import check_query, dry_run

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, FeatureNameStatistics

ALL_SPLITS = "*"
FEW_VALUES = 100
"""A domain is proposed for a column of text with at most so many values: TFDV's own bound."""
BEAM_ARGS: tuple[str, ...] = Settings.model_fields["beam_args"].default
"""Whatever runner the settings name, these rows are processed on this machine."""


@dataclass(frozen=True)
class WindowRows:
    """The examples of a pinned window, in a folder."""

    folder: Path
    snapshot: Snapshot
    through: date
    rows: int


@dataclass(frozen=True)
class ObservedValues:
    """The values that the rows of a window have in a column."""

    fraction: float
    """The share of rows that have a value."""
    least: float | None
    most: float | None
    """The least and the largest number; None for text."""
    values: tuple[str, ...]
    """Texts, the most frequent first: all of them, or the first 1,000."""
    distinct: int
    """How many distinct texts there are; 0 for numbers."""


@dataclass(frozen=True)
class Proposal:
    """A schema proposed from the rows of a window, with the values that it was inferred from."""

    schema: "Schema"
    seen: Mapping[str, ObservedValues]
    """The observed values by feature."""


@contextmanager
def read_window(settings: Settings, model: Model, through: date | None) -> Iterator[WindowRows]:
    """Pin and read what a run through that date would train on. The folder is deleted when the block ends. None is the last partition.

    Raises:
        SourceError: the window is outside the data or empty, or its rows cannot be trained on.
        AccessError: BigQuery refuses or does not answer.
    """
    cloud = Cloud(settings)
    last = through or latest_partition(cloud, model)
    snapshot = pin(cloud, model, last)
    _check_rows(cloud, model, snapshot)
    cache = settings.caches  # the same file system as the spans', which are linked
    private_folder(cache)
    with tempfile.TemporaryDirectory(prefix="schema-", dir=cache) as folder:
        counts = read_examples(cloud, model, snapshot, Path(folder))
        yield WindowRows(Path(folder), snapshot, last, sum(count.rows for count in counts))


def _check_rows(cloud: Cloud, model: Model, snapshot: Snapshot) -> None:
    """Check what rows need under any schema. `check_query` would also require the columns of the present schema.pbtxt."""
    rows = model.rows
    job = dry_run(cloud, model, table=snapshot.snapshot_table, window=snapshot.window)
    types = {column.name: column.field_type for column in job.schema}
    for name, accepted in ((rows.key, KEY_TYPES), (rows.span, ("DATE",)), (rows.label, NUMERIC_TYPES)):
        if types.get(name) not in accepted:
            raise SourceError(
                f"column {name!r} of source.sql of model {model.name!r} is {types.get(name, 'missing')}, model.toml needs it "
                f"{' or '.join(accepted)}: correct source.sql or [rows] in model.toml"
            )


def check_pinned(settings: Settings, model: Model, window: WindowRows) -> None:
    """Check the columns of source.sql as a training does: schema.pbtxt may let pass what cannot be trained on.

    Raises:
        SourceError: a column is missing, or of a type that nothing can be trained on.
    """
    check_query(Cloud(settings), model, table=window.snapshot.snapshot_table, window=window.snapshot.window)


def window_statistics(folder: Path, split: str = ALL_SPLITS) -> "DatasetFeatureStatisticsList":
    """Compute TFDV's statistics of the examples of one split, or of all."""
    import tensorflow_data_validation as tfdv
    from apache_beam.options.pipeline_options import PipelineOptions

    with tempfile.TemporaryDirectory() as written:
        return tfdv.generate_statistics_from_tfrecord(
            f"{folder}/Split-{split}/*.gz", output_path=f"{written}/statistics", pipeline_options=PipelineOptions(list(BEAM_ARGS))
        )


def propose(statistics: "DatasetFeatureStatisticsList", *, label: str, labels: int = 2) -> Proposal:
    """Propose what TFDV infers, and ranges, which it leaves out: the label's, and at least 0 for numbers that never were negative.

    The largest value of a window is not proposed as a bound: the next window would break it. Nor is a domain if most rows have a
    value of their own.
    """
    import tensorflow_data_validation as tfdv

    (dataset,) = statistics.datasets
    schema = tfdv.infer_schema(statistics, max_string_domain_size=min(FEW_VALUES, dataset.num_examples // 2))
    seen = {_name(column): _seen(column, dataset.num_examples) for column in dataset.features}
    for feature in schema.feature:
        _add_range(feature, seen[feature.name], labels=labels if feature.name == label else 0)
    _drop_placeholders(schema)
    return Proposal(schema, seen)


def _name(column: "FeatureNameStatistics") -> str:
    return ".".join(column.path.step) or column.name


def _seen(column: "FeatureNameStatistics", rows: int) -> ObservedValues:
    kind = column.WhichOneof("stats")
    stats = getattr(column, kind)
    is_number = kind == "num_stats"
    return ObservedValues(
        fraction=stats.common_stats.num_non_missing / rows if rows else 0.0,
        least=stats.min if is_number else None,
        most=stats.max if is_number else None,
        values=() if is_number else tuple(bucket.label for bucket in stats.rank_histogram.buckets),
        distinct=0 if is_number else stats.unique,
    )


def _add_range(feature: "Feature", seen: ObservedValues, *, labels: int) -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    if seen.least is None or (feature.WhichOneof("domain_info") and not labels):  # TFDV takes what is only 0 and 1 for a bool
        return
    is_float = feature.type == schema_pb2.FLOAT
    domain = feature.float_domain if is_float else feature.int_domain
    if labels:
        domain.min, domain.max = 0, labels - 1
    elif seen.least >= 0:
        domain.min = 0
    if is_float:
        domain.disallow_nan = domain.disallow_inf = True


def _drop_placeholders(schema: "Schema") -> None:
    """TFDV keeps no long or binary values: their placeholders in its statistics are not in the data."""
    from tensorflow_data_validation import constants

    placeholders = {constants.LARGE_BYTES_PLACEHOLDER, constants.NON_UTF8_PLACEHOLDER}
    dropped = {domain.name for domain in schema.string_domain if placeholders.intersection(domain.value)}
    for feature in schema.feature:
        if feature.domain in dropped:
            feature.ClearField("domain")
    for domain in [domain for domain in schema.string_domain if domain.name in dropped]:
        schema.string_domain.remove(domain)


def read_pinned(model: Model) -> "Schema":
    """The model's schema.pbtxt.

    Raises:
        ModelFolderError: it does not parse, or a feature's type is none that an example can hold.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    read_features(model)  # refuses with a clear sentence what is not a schema
    return text_format.Parse(model.text("schema.pbtxt"), schema_pb2.Schema())


def find_anomalies(statistics: "DatasetFeatureStatisticsList", pinned: "Schema", *, split: str) -> tuple[Anomaly, ...]:
    """Find where the rows of a split break the schema: one anomaly for each reason, by column."""
    import tensorflow_data_validation as tfdv

    return list_anomalies(tfdv.validate_statistics(statistics, pinned), split=split, each_reason=True)
