"""The commands about versions of models: what they are, how two of them differ, and whether one can be made again."""

import sys

import click

from pipelines.cli.options import as_json, ready_settings


@click.command()
@click.argument("model")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many, the newest.")
@as_json
def versions(model: str, limit: int, as_json: bool) -> None:
    """List the newest versions of MODEL."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.registry.history import list_versions
    from pipelines.cli import text as summary

    with make_engine(settings).connect() as connection:
        found = list_versions(connection, model, limit=limit)
    if as_json:
        click.echo(summary.to_json([summary.version_json(version) for version in found]))
    else:
        summary.show_versions(model, found)
        if found and (older := found[0].number - 1):
            click.echo(f"{'':{len(model)}}  and {older} older: --limit {older + len(found)} shows all")


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@as_json
def show(model: str, version: int, as_json: bool) -> None:
    """Show everything that is known of VERSION of MODEL."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.registry.history import read_version
    from pipelines.cli import text as summary

    with make_engine(settings).connect() as connection:
        story = read_version(connection, model, version)
    if as_json:
        click.echo(summary.to_json(summary.story_json(story)))
    else:
        summary.show_story(story)


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@click.option("--cold", is_flag=True, help="Import TFX anew for every step, as a cluster does.")
@as_json
def reproduce(model: str, version: int, cold: bool, as_json: bool) -> None:
    """Train VERSION of MODEL again from its pinned rows with its own code, and say what came out equal.

    It makes no version. The exit code is 0 when all is equal, 2 when something differs, 1 when it could not be done.
    """
    settings = ready_settings()
    from contextlib import nullcontext

    from pipelines.run.local import fork_server

    with nullcontext() if cold or sys.platform != "linux" else fork_server() as server:
        from pipelines.cli import reproduction_text
        from pipelines.cli import text as summary
        from pipelines.run.reproduce import reproduce as train_again

        progress = summary.Progress(quiet=as_json)
        result = train_again(settings, model, version, server, on_start=progress.start, on_end=progress.end)
    sys.exit(reproduction_text.show(result, as_json=as_json))
