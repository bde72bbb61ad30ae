"""Load jobs into a table that exists: text is read by the table's schema, not by guessing types from the file."""

import contextlib
from collections.abc import Iterable

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.jobs import load as original
from local_bigquery.models import JobConfigurationLoad, JobStatistics3, TableFieldSchema

from bigquery.failures import not_supported
from bigquery.jobs import objects
from bigquery.tables import partitions

original_run = original.run

UNREADABLE = frozenset({"JSON", "RANGE", "INTERVAL", "GEOGRAPHY"})


def run(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationLoad, upload: str | None) -> JobStatistics3:
    """Run a load job. Without this, the text `007` would become the number 7 on its way into a column of text."""
    told = _with_schema(config)
    if told.schema_ and (told.sourceFormat or "CSV") in original.TEXT_FORMATS:
        _refuse_types(told.schema_.fields or [])
    with objects.fetching() if config.sourceUris else contextlib.nullcontext():
        return original_run(cursor, told, upload)


def _refuse_types(fields: Iterable[TableFieldSchema]) -> None:
    """Rows of these types are read wrongly, or taken for broken ones."""
    for field in fields:
        if (field.type or "").upper() in UNREADABLE:
            raise not_supported(f"loads of text into columns of the type {field.type} (field: {field.name})")
        _refuse_types(field.fields or [])


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
