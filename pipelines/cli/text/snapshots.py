"""What the command line shows of snapshots of data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import click
from google.cloud import bigquery

from components.errors import SourceError
from components.registry.expiry import Change, TableExpiry
from components.registry.snapshot_use import SHOWN, SnapshotStory, SnapshotSummary, VersionUse
from components.settings import Settings
from components.snapshot import document
from components.snapshot.rewritten import SchemaChange, SourceChanges, source_changes

LAST = 10
"""The number of partitions that are printed; JSON has all."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TableState:
    """Whether a pinned table exists, and when it expires: None means never."""

    exists: bool
    expires: datetime | None = None

    @property
    def text(self) -> str:
        """The state in words."""
        if not self.exists:
            return "gone"
        return f"until {self.expires:%Y-%m-%d %H:%M}" if self.expires else "kept"


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the registry and BigQuery know of a snapshot."""

    recorded: SnapshotStory
    pinned: document.Snapshot
    table: TableState
    source: SourceChanges | str
    """A sentence where the source cannot be compared any more."""


def table_state(table: str, tables: Mapping[str, datetime | None]) -> TableState:
    """The state of a table. `tables` has the expiration of every table that exists."""
    return TableState(table in tables, tables.get(table))


def compare_source(client: bigquery.Client, settings: Settings, pinned: document.Snapshot) -> SourceChanges | str:
    """Find what the source has rewritten since. Returns a sentence where this cannot be known.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    try:
        return source_changes(client, settings, pinned)
    except SourceError as error:
        return str(error)


def snapshot_json(snapshot: SnapshotSummary, tables: Mapping[str, datetime | None]) -> dict[str, Any]:
    """A snapshot as a JSON object; `partition_to` is exclusive, `last_partition` is its last day."""
    state = table_state(snapshot.snapshot_table, tables)
    return asdict(snapshot) | {
        "last_partition": snapshot.partition_to - ONE_DAY,
        "table_exists": state.exists,
        "table_expires": state.expires,
    }


def show_snapshots(model: str, snapshots: Sequence[SnapshotSummary], tables: Mapping[str, datetime | None]) -> None:
    """Print a table of a model's snapshots."""
    click.echo(f"{model}: snapshot      from        to          rows        spans  versions    table                   recorded")
    for one in snapshots:
        versions = ", ".join(map(str, one.versions)) or "-"
        click.echo(
            f"{'':{len(model)}}  {one.snapshot_id[:SHOWN]}  {one.partition_from}  {one.partition_to - ONE_DAY}  {one.row_count:<10,}  "
            f"{len(one.spans):<5}  {versions:<10}  {table_state(one.snapshot_table, tables).text:<22}  {one.created_at:%Y-%m-%d %H:%M}"
        )


def story_json(story: Story) -> dict[str, Any]:
    """Everything about a snapshot as a JSON object."""
    recorded, compared = story.recorded, not isinstance(story.source, str)
    return {
        "snapshot_id": recorded.snapshot.snapshot_id,
        **asdict(story.pinned),
        "columns": dict(story.pinned.columns),
        "snapshot_table": story.pinned.snapshot_table,
        "table_exists": story.table.exists,
        "table_expires": story.table.expires,
        "row_count": recorded.snapshot.row_count,
        "created_at": recorded.created_at,
        "versions": [asdict(version) for version in recorded.versions],
        "runs": [asdict(run) for run in recorded.runs],
        "source_changes": asdict(story.source) if isinstance(story.source, SourceChanges) else None,
        "source_error": None if compared else story.source,
    }


def show_story(story: Story) -> None:
    """Print everything about a snapshot."""
    recorded, pinned = story.recorded, story.pinned
    lines = {
        "recorded": f"{recorded.created_at:%Y-%m-%d %H:%M:%S}",
        "source": f"{pinned.source_table}, by {pinned.partition_field}",
        "pinned table": f"{pinned.snapshot_table}: {story.table.text}",
        "query": f"SHA-256 {pinned.query_sha256}",
        "columns": ", ".join(f"{name} {kind}" for name, kind in pinned.columns),
        "spans": f"{len(pinned.spans)}: {', '.join(map(str, pinned.spans))}",
        "partitions": f"{len(pinned.partitions)}: {pinned.partitions[0].day} to {pinned.partitions[-1].day}, {pinned.source_rows:,} rows",
    }
    click.echo(f"snapshot {recorded.snapshot.snapshot_id} of {pinned.model}")
    for label, text in lines.items():
        click.echo(f"  {label:<13} {text}")
    if earlier := pinned.partitions[:-LAST]:
        click.echo(f"    … {len(earlier)} earlier ones: --json has all")
    for partition in pinned.partitions[-LAST:]:
        click.echo(f"    {partition.day}  {partition.rows:>10,} rows  checksum {partition.checksum}")
    for version in recorded.versions:
        click.echo(f"  {'version':<13} {_version_text(version)}")
    for run in recorded.runs:
        click.echo(f"  {'run':<13} {run.role}: {run.run_id} of {run.model}, {run.started_at:%Y-%m-%d %H:%M}, {run.state}")
    _show_source(story)


def _version_text(version: VersionUse) -> str:
    """Describe a version and how it used the snapshot."""
    role = "trained on it" if version.is_trained_on_it else "evaluated on it"
    return f"{version.model} {version.number}: {role}{', live on ' if version.live_on else ''}{', '.join(version.live_on)}"


def _show_source(story: Story) -> None:
    label, source, pinned = f"  {'source now':<13}", story.source, story.pinned
    if isinstance(source, str):
        click.echo(f"{label} not known: {source}")
        return
    if not source.partitions:
        click.echo(f"{label} every pinned partition is as it was pinned")
    else:
        click.echo(f"{label} {len(source.partitions)} of {len(pinned.partitions)} pinned partitions are not as they were pinned:")
    for partition in source.partitions:
        now = f"REWRITTEN, {partition.rows:,} now" if partition.rows else "VANISHED"
        click.echo(f"    {partition.day}  {partition.pinned_rows:>10,} rows pinned, {now}")
    for column in source.columns:
        click.echo(f"    column {_column_text(column)}")


def _column_text(column: SchemaChange) -> str:
    """Describe how a column changed."""
    if column.pinned is None:
        return f"{column.name} {column.now} is new"
    return f"{column.name} was {column.pinned} and is {column.now or 'gone'}"


def show_expiry(tables: Sequence[TableExpiry], *, dry_run: bool) -> None:
    """Print a line for each pinned table: what was done, or would be."""
    words = {Change.NONE: "unchanged", Change.SET: "set", Change.CLEARED: "cleared", Change.GONE: "gone"}
    if dry_run:
        words |= {Change.SET: "would set", Change.CLEARED: "would clear"}
    for table in tables:
        until = "" if table.change == Change.GONE else f"expires {table.expires:%Y-%m-%d %H:%M}" if table.expires else "never expires"
        click.echo(f"{table.table}  {words[table.change]:<11}  {until:<24}  {table.reason}")
