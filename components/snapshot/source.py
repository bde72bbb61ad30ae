"""Check a model's source table and query with BigQuery before anything is written."""

from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.columns import check_columns
from components.snapshot.history import LOAD
from components.snapshot.query import dry_run
from components.snapshot.window import Window


def read_source_table(cloud: Cloud, model: Model) -> bigquery.Table:
    """Read the description of the source table.

    Raises:
        SourceError: it does not exist, or is not partitioned by day on the model's partition field.
        AccessError: BigQuery refuses or does not answer.
    """
    name = f"{cloud.settings.project}.{model.source.table}"
    with bigquery_errors(cloud.settings, f"source table {name} of model {model.name!r}", remedy=LOAD):
        table = cloud.warehouse.get_table(name, timeout=30)
    field, actual = model.source.partition_field, _partitioning(table)
    wanted = f"partitioned by DAY on the DATE column {field!r}"
    if actual != wanted and actual.casefold() == wanted.casefold():
        raise SourceError(f"model.toml of {model.name!r} writes {field!r} in another case than table {name} does: write it alike")
    if actual != wanted:
        raise SourceError(f"table {name} is {actual}; {model.name} needs it {wanted}: create it so and load it again")
    return table


def _partitioning(table: bigquery.Table) -> str:
    by_time = table.time_partitioning
    if by_time is None:
        return "without partitioning by day"
    if by_time.field is None:
        return f"partitioned by {by_time.type_} of its loading"
    column = next(field for field in table.schema if field.name.casefold() == by_time.field.casefold())
    return f"partitioned by {by_time.type_} on the {column.field_type} column {column.name!r}"


def check_query(cloud: Cloud, model: Model, *, table: str, window: Window) -> None:
    """Dry-run source.sql, and check its columns against schema.pbtxt.

    Raises:
        SourceError: it does not run, would read more than `maximum_bytes_billed`, or a column is missing or of another type.
        ModelFolderError: schema.pbtxt is not one.
        AccessError: BigQuery refuses or does not answer.
    """
    job = dry_run(cloud, model, table=table, window=window)
    if (job.total_bytes_processed or 0) > cloud.settings.maximum_bytes_billed:
        raise SourceError(
            f"source.sql of model {model.name!r} would read {job.total_bytes_processed:,} bytes, "
            f"PERENNIAL_MAXIMUM_BYTES_BILLED is {cloud.settings.maximum_bytes_billed:,}: narrow the window or raise the limit"
        )
    check_columns(model, job.schema)
