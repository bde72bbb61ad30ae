"""Rows over REST: of a partition, and of the table of a table's partitions that the client's list_partitions reads."""

import json
from collections.abc import Sequence

from local_bigquery.catalog import tabledata, tables
from local_bigquery.engine import database, results
from local_bigquery.engine.results import Page
from local_bigquery.models import TableFieldSchema

from bigquery.tables import catalogue, partitions, sizes, streaming, versions
from bigquery.tables.catalogue import SUMMARY_FIELDS
from bigquery.tables.partitions import SUMMARY, UNPARTITIONED, Reference
from bigquery.tables.sizes import Measured
from bigquery.tables.streaming import Streamed
from bigquery.tables.versions import Times

original_list_rows = tabledata.list_rows


def list_rows(
    project: str, dataset: str, table: str, max_results: int | None, start: int, selected_fields: str | None, int64_timestamps: bool
) -> tuple[Page, list[TableFieldSchema]]:
    """One page of the rows of a table or a partition, and the fields that were selected."""
    reference, partition_id = partitions.split((project, dataset, table))
    if partition_id is None:
        return original_list_rows(*reference, max_results, start, selected_fields, int64_timestamps)
    fields = catalogue.columns(project, dataset, table)
    if selected_fields:
        selected = {name.strip().casefold() for name in selected_fields.split(",")}
        fields = [field for field in fields if field.name.casefold() in selected]
    names = [field.name.casefold() for field in fields]
    with database.cursor() as cursor:
        return results.page(cursor, _source(reference, partition_id), max_results, start, names, int64_timestamps), fields


def _source(reference: Reference, partition_id: str) -> str:
    """A subquery with a column `rowid`, by which pages are cut."""
    if partition_id != SUMMARY:
        condition = catalogue.partitioned(reference, partition_id).condition(partition_id)
        stored = streaming.outside(streaming.buffer.of(reference))
        return f"(SELECT rowid, * FROM {tables.name(*reference)} WHERE {condition} AND {stored})"
    rows = [[m.id, times.created_ms, times.modified_ms] for m, times in partition_facts(reference)]
    document = json.dumps([dict(zip(SUMMARY_FIELDS, row, strict=True)) for row in rows])
    shape = json.dumps([dict(zip(SUMMARY_FIELDS, ("VARCHAR", "BIGINT", "BIGINT"), strict=True))])
    return f"(SELECT row_number() OVER () AS rowid, * FROM (SELECT unnest(from_json('{document}', '{shape}'), recursive := true)))"


def partition_facts(reference: Reference) -> list[tuple[Measured, Times]]:
    """Size and times of each partition that has rows, by id; nothing for a table without partitions."""
    version = versions.version(reference)
    if version is None or partitions.of_table(reference) is None:
        return []
    times = versions.partition_times(reference[0], version.table_id)
    streamed = streaming.buffer.of(reference)
    measured = sizes.measure(reference, streaming.outside(streamed))
    facts = [(partition, times[partition.id]) for partition in measured if partition.id]
    return [*facts, _unpartitioned(reference, streamed)] if streamed else facts


def _unpartitioned(reference: Reference, streamed: Sequence[Streamed]) -> tuple[Measured, Times]:
    parts = sizes.measure(reference, f"NOT ({streaming.outside(streamed)})")
    columns = {column for part in parts for column in part.column_bytes}
    column_bytes = {column: sum(part.column_bytes[column] for part in parts) for column in columns}
    moments = [int(one.entered_at * 1000) for one in streamed]
    return Measured(UNPARTITIONED, sum(part.rows for part in parts), column_bytes), Times(min(moments), max(moments))
