"""Windows that no training asked for: any days of the source, and days of what was logged in serving."""

import hashlib
from datetime import date, datetime

from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.errors import ModelFolderError, SourceError
from components.model import Model
from components.settings import Settings
from components.snapshot.answers import answers
from components.snapshot.columns import read_features
from components.snapshot.document import Snapshot
from components.snapshot.partitions import PartitionRange, current_time, read_partitions
from components.snapshot.profile import ColumnProfile, Level, Part
from components.snapshot.source import read_table
from components.snapshot.source_profile import profile_source


def describe_days(client: bigquery.Client, settings: Settings, model: Model, first: date, last: date) -> tuple[Snapshot, datetime]:
    """The partitions of the source from `first` to `last`, without spans, and the instant they were described at. Writes nothing.

    Raises:
        SourceError: there is no such partition, or the table is not as model.toml says.
        AccessError: BigQuery refuses or does not answer.
    """
    return _describe(client, settings, model, read_table(client, settings, model), model.source.partition_field, first, last)


def profile_log(
    client: bigquery.Client, reader: BigQueryReadClient, settings: Settings, model: Model, first: date, last: date
) -> dict[Part, dict[str, ColumnProfile]]:
    """The profiles of the features that were logged from `first` to `last`, by day, as rows of source.sql whose label is not known.

    Raises:
        ModelFolderError: model.toml names no log.
        SourceError: nothing was logged on these days.
        AccessError: BigQuery refuses or does not answer.
    """
    serving = model.serving
    if serving.log is None or serving.log_partition_field is None:
        raise ModelFolderError(
            f"model {model.name!r} has no log of predictions: add log and log_partition_field to [serving] of model.toml"
        )
    name = f"{settings.project}.{serving.log}"
    with answers(settings, f"log {name} of model {model.name!r}", remedy="correct serving.log in model.toml"):
        table = client.get_table(name, timeout=30)
    snapshot, as_of = _describe(client, settings, model, table, serving.log_partition_field, first, last)
    features = read_features(model)
    found = profile_source(reader, settings, snapshot, {}, as_of=as_of)
    return {
        Part(Level.NEGATIVE, part.day, part.fingerprint): {column: profile for column, profile in columns.items() if column in features}
        for part, columns in found.items()
    }


def _describe(
    client: bigquery.Client, settings: Settings, model: Model, table: bigquery.Table, field: str, first: date, last: date
) -> tuple[Snapshot, datetime]:
    name = f"{table.project}.{table.dataset_id}.{table.table_id}"
    with answers(settings, f"partitions of {name}", remedy="correct model.toml"):
        as_of = current_time(client)
        partitions = read_partitions(client, settings, PartitionRange(name, field, first, last), as_of)
    if not partitions:
        raise SourceError(f"{name} has no rows from {first} to {last}: choose other days")
    snapshot = Snapshot(
        model=model.name,
        source_table=name,
        partition_field=field,
        columns=tuple(sorted((column.name, column.field_type) for column in table.schema)),
        partitions=partitions,
        spans=(),
        query_sha256=hashlib.sha256(model.text("source.sql").encode()).hexdigest(),
    )
    return snapshot, as_of
