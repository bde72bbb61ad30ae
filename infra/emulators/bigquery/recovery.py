"""Putting the state in order at start: what a crash left half done, and results that BigQuery would have forgotten."""

import shutil
import tempfile
import time
from pathlib import Path

from local_bigquery.catalog import metadata, tables
from local_bigquery.engine import database
from local_bigquery.engine.database import quote
from local_bigquery.models import Table

from bigquery.tables import catalogue, versions
from bigquery.tables.partitions import Reference

RESULT_LIFETIME_MS = 24 * 3600 * 1000


def put_in_order() -> None:
    """DuckLake keeps the rows, another database the resources; a process that dies between the two leaves them at odds."""
    for project in database.projects():
        known = {tables.reference(resource.tableReference): resource for resource in metadata.list_(Table, project)}
        present = set(
            database.fetch("SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE database_name = ?", [project])
        )
        for reference in known.keys() - present:
            _forget(reference, known[reference])
        for reference in present - known.keys():
            _drop_unanswered(reference)
        for dataset, table in {reference[1:] for reference in known.keys() & present} - versions.laid_out(project):
            catalogue.lay_out((project, dataset, table))
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
    Path(tempfile.gettempdir()).mkdir()
    database.execute("DELETE FROM emulator.jobs WHERE state <> 'DONE'")
    _forget_old_results()


def _forget(reference: Reference, resource: Table) -> None:
    """A resource whose table is gone, or was never made. A table without columns has only its resource, and a view has no table."""
    if (tables.fields(resource) or resource.type == "SNAPSHOT") and not database.objects(*reference):
        tables.forget(*reference)


def _drop_unanswered(reference: Reference) -> None:
    """A table without a resource, and without rows, is one whose making was never answered."""
    if not database.fetch(f"SELECT 1 FROM {quote(*reference)} LIMIT 1"):
        database.execute(f"DROP TABLE {quote(*reference)}")


def _forget_old_results() -> None:
    """Results live for a day."""
    oldest = int(time.time() * 1000) - RESULT_LIFETIME_MS
    query = """
        SELECT table_name FROM duckdb_tables()
        WHERE database_name = 'emulator' AND schema_name = ? AND table_name NOT IN (
            SELECT project_id || ':' || job_id FROM emulator.jobs WHERE creation_time >= ?)"""
    for (table,) in database.fetch(query, [tables.RESULTS, oldest]):
        database.execute(f"DROP TABLE {quote('emulator', tables.RESULTS, table)}")
