"""What a training would read of BigQuery, by dry runs of its queries: they cost nothing."""

from datetime import date

from components.cloud import Cloud
from components.errors import SourceError
from components.google import table_name
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.partitions import PartitionRange, partitions_bytes
from components.snapshot.query import dry_run
from components.snapshot.source import History, read_source_table
from components.snapshot.window import resolve_window

COUNTS = 2
"""A training counts its partitions in the source, and in the table that it has pinned."""


def training_bytes(cloud: Cloud, model: Model, through: date, history: History) -> int:
    """How many bytes a training through a day would read at most: examples that are kept from before are not read again.

    Raises:
        SourceError: BigQuery refuses a query of it, or one would read more than `maximum_bytes_billed`.
        AccessError: BigQuery refuses the credentials, or does not answer.
    """
    table, limit = read_source_table(cloud, model), cloud.settings.maximum_bytes_billed
    window = resolve_window(model, through, first=history.first, last=history.latest)
    types = {column.name: column.field_type for column in table.schema}
    days, field = (window.first_partition, window.last_partition), model.source.partition_field
    wanted = PartitionRange(table_name(table), field, *days, tuple(types), kind=types.get(field, "DATE"))
    with bigquery_errors(cloud.settings, f"partitions of {wanted.table}", remedy="correct model.toml"):
        counted = partitions_bytes(cloud.warehouse, wanted)
    rows = dry_run(cloud, model, table=wanted.table, window=window).total_bytes_processed or 0
    if max(counted, rows) > limit:
        raise SourceError(
            f"a query of it would read {max(counted, rows):,} bytes, and PERENNIAL_MAXIMUM_BYTES_BILLED is {limit:,}: "
            f"narrow the window or raise the limit"
        )
    return COUNTS * counted + rows
