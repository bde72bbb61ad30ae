"""The commands about snapshots of data: what was pinned, what uses it, and how long it is kept."""

import click

from pipelines.cli.options import as_json, ready_settings


@click.command()
@click.argument("model")
@as_json
def snapshots(model: str, as_json: bool) -> None:
    """List the recorded snapshots of MODEL's data, newest last."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.google import bigquery_client
    from components.registry.snapshot_use import list_snapshots
    from components.snapshot.pinned import pinned_tables
    from pipelines.cli import snapshots_text
    from pipelines.cli.text import to_json

    with make_engine(settings).connect() as connection:
        found = list_snapshots(connection, model)
    tables = pinned_tables(bigquery_client(settings), settings, [snapshot.snapshot_table for snapshot in found])
    if as_json:
        click.echo(to_json([snapshots_text.snapshot_json(snapshot, tables) for snapshot in found]))
    else:
        snapshots_text.show_snapshots(model, found, tables)


@click.group()
def snapshot() -> None:
    """Look into one snapshot of data, and let those expire that nothing uses."""


@snapshot.command()
@click.argument("id")
@as_json
def show(id: str, as_json: bool) -> None:  # noqa: A002 - click names the argument so
    """Show what snapshot ID pinned, what used it, and what its source has rewritten since. ID may be its first 6 digits or more."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.google import bigquery_client
    from components.registry.snapshot_use import read_snapshot_story
    from components.snapshot.document import snapshot_from
    from components.snapshot.pinned import pinned_tables
    from pipelines.cli import snapshots_text
    from pipelines.cli.text import to_json

    with make_engine(settings).connect() as connection:
        story = read_snapshot_story(connection, id)
    client, pinned = bigquery_client(settings), snapshot_from(story.snapshot.document)
    told = snapshots_text.Story(
        recorded=story,
        pinned=pinned,
        table=snapshots_text.table_state(pinned.snapshot_table, pinned_tables(client, settings, [pinned.snapshot_table])),
        source=snapshots_text.compare_source(client, settings, pinned),
    )
    if as_json:
        click.echo(to_json(snapshots_text.story_json(told)))
    else:
        snapshots_text.show_story(told)


@snapshot.command()
@click.argument("model")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
def expire(model: str, dry_run: bool, as_json: bool) -> None:
    """Let the pinned tables of MODEL expire that nothing uses any more, as [snapshots] of model.toml says."""
    settings = ready_settings()
    from dataclasses import asdict
    from datetime import UTC, datetime

    from components.database.engine import make_engine
    from components.google import bigquery_client
    from components.registry.expiry import apply_expiry, plan_expiry
    from pipelines.cli import snapshots_text
    from pipelines.cli.text import to_json

    client, do = bigquery_client(settings), plan_expiry if dry_run else apply_expiry
    with make_engine(settings).connect() as connection:
        done = do(connection, client, settings=settings, model=model, now=datetime.now(UTC))
    if as_json:
        click.echo(to_json({"dry_run": dry_run, "tables": [asdict(table) for table in done]}))
    else:
        snapshots_text.show_expiry(done, dry_run=dry_run)
