"""Check the dates of the source table's rows: missing, still to come, or far from all others. No window has such rows."""

from collections.abc import Sequence
from datetime import date

from google.cloud import bigquery

from components.checks.findings import Finding
from components.cloud import Cloud
from components.google import table_name
from components.looks.data_check import DataCheck, Severity
from components.model.folder import Model
from components.snapshot.source import History, count_undated, read_history, read_source_table
from components.wording import count, percent

LISTED_DAYS = 3


def check_source_dates(cloud: Cloud, model: Model) -> list[Finding]:
    """Find rows of the source table whose date keeps them out of every window.

    Raises:
        SourceError: the table is not there any more, or not as the model says.
        AccessError: BigQuery refuses or does not answer.
    """
    table = read_source_table(cloud, model)
    field = model.source.partition_field
    history = read_history(cloud, table, field)
    undated = count_undated(cloud, table, field) if history.has_undated else 0
    return [*_undated(model, table, undated), *_stray(model, table, history)]


def _undated(model: Model, table: bigquery.Table, rows: int) -> list[Finding]:
    if not rows:
        return []
    share, allowed = rows / max(table.num_rows or 0, rows), model.checks.null_share
    return [
        Finding(
            check=DataCheck.NULLS,
            severity=Severity.BLOCKS if share > allowed else Severity.WARNS,
            level="source",
            column=model.source.partition_field,
            days=0,
            what=f"of {table_name(table)} is NULL in {count(rows)} rows ({percent(share)} of the table), which are in no partition",
            remedy="fill it where the data are prepared; if such rows are to be left out, raise checks.null_share in model.toml",
            measure=share,
            threshold=allowed,
            touched=share,
        )
    ]


def _stray(model: Model, table: bigquery.Table, history: History) -> list[Finding]:
    """What the window leaves aside, which changes nothing of the data that are trained on."""
    used = f"the window uses {history.first} to {history.last}"
    kinds = (
        (history.future, f"after today; {used}", "correct the dates where the data are prepared"),
        (history.stray, f"far from all others; {used}", "correct the dates where the data are prepared, or choose --through one of them"),
    )
    return [
        Finding(
            check=DataCheck.DATE,
            severity=Severity.WARNS,
            level="source",
            column=model.source.partition_field,
            since=days[0],
            days=len(days),
            what=f"of {table_name(table)} is {_listed(days)}, {why}",
            remedy=remedy,
            touched=0.0,
        )
        for days, why, remedy in kinds
        if days
    ]


def _listed(days: Sequence[date]) -> str:
    more = len(days) - LISTED_DAYS
    return f"{', '.join(map(str, days[:LISTED_DAYS]))}{f' and {more} more days' if more > 0 else ''}"
