"""The commands about snapshots of data: what was pinned, what uses it, and how long it is kept."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from components.cloud import Cloud
from components.registry.expiry import apply_expiry, plan_expiry
from components.registry.snapshot_use import list_snapshots, read_snapshot_story
from components.snapshot.document import snapshot_from
from components.snapshot.pinned import pinned_tables
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, ready_settings
from pipelines.cli.text import snapshots as text


@click.command()
@click.argument("model")
@as_json
def snapshots(model: str, as_json: bool) -> None:
    """List the recorded snapshots of MODEL's data, newest last."""
    cloud = Cloud(ready_settings())
    with cloud.engine.connect() as connection:
        summaries = list_snapshots(connection, model)
    tables = pinned_tables(cloud.warehouse, cloud.settings, [summary.snapshot_table for summary in summaries])
    if as_json:
        click.echo(to_json([text.snapshot_json(summary, tables) for summary in summaries]))
    else:
        text.show_snapshots(model, summaries, tables)


@click.group()
def snapshot() -> None:
    """Show one snapshot of data, and let unused ones expire."""


@snapshot.command()
@click.argument("id")
@as_json
def show(id: str, as_json: bool) -> None:  # noqa: A002 - click names the argument so
    """Show what snapshot ID pinned, what used it, and what its source has rewritten since.

    ID may be abbreviated to its first 6 digits or more.
    """
    cloud = Cloud(ready_settings())
    with cloud.engine.connect() as connection:
        recorded = read_snapshot_story(connection, id)
    pinned = snapshot_from(recorded.snapshot.document)
    story = text.Story(
        recorded=recorded,
        pinned=pinned,
        table=text.table_state(pinned.snapshot_table, pinned_tables(cloud.warehouse, cloud.settings, [pinned.snapshot_table])),
        source=text.compare_source(cloud.warehouse, cloud.settings, pinned),
    )
    if as_json:
        click.echo(to_json(text.story_json(story)))
    else:
        text.show_story(story)


@snapshot.command()
@click.argument("model")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@as_json
def expire(model: str, dry_run: bool, as_json: bool) -> None:
    """Let the pinned tables of MODEL expire that nothing uses any more, as [snapshots] of model.toml says."""
    cloud, expiry = Cloud(ready_settings()), plan_expiry if dry_run else apply_expiry
    with cloud.engine.connect() as connection:
        tables = expiry(connection, cloud.warehouse, settings=cloud.settings, model=model, now=datetime.now(UTC))
    if as_json:
        click.echo(to_json({"dry_run": dry_run, "tables": [asdict(table) for table in tables]}))
    else:
        text.show_expiry(tables, dry_run=dry_run)
