"""Load jobs into a table that exists: text is read by the table's schema, not by guessing types from the file."""

import contextlib

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.jobs import load as original
from local_bigquery.models import JobConfigurationLoad, JobStatistics3

from bigquery import objects, partitions

original_run = original.run


def run(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationLoad, upload: str | None) -> JobStatistics3:
    """Run a load job. Without this, the text `007` would become the number 7 on its way into a column of text."""
    with objects.fetching() if config.sourceUris else contextlib.nullcontext():
        return original_run(cursor, _with_schema(config), upload)


def _with_schema(config: JobConfigurationLoad) -> JobConfigurationLoad:
    is_text = (config.sourceFormat or "CSV") in original.TEXT_FORMATS
    may_widen = "ALLOW_FIELD_ADDITION" in (config.schemaUpdateOptions or [])
    if config.schema_ or not is_text or may_widen:
        return config
    table, partition_id = partitions.split(tables.reference(config.destinationTable))
    if config.writeDisposition == "WRITE_TRUNCATE" and partition_id is None:
        return config
    if not tables.exists(*table):
        return config
    return config.replace(schema={"fields": [field.dump() for field in tables.columns(*table)]})
