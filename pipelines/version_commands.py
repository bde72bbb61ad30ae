"""The commands about versions of models: what they are, and how two of them differ."""

import click

from pipelines.options import as_json, ready_settings


@click.command()
@click.argument("model")
@as_json
def versions(model: str, as_json: bool) -> None:
    """List the versions of MODEL."""
    settings = ready_settings()
    from components.registry.engine import make_engine
    from components.registry.history import list_versions
    from pipelines import summary

    with make_engine(settings).connect() as connection:
        found = list_versions(connection, model)
    if as_json:
        click.echo(summary.to_json([summary.version_json(version) for version in found]))
    else:
        summary.show_versions(model, found)


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@as_json
def show(model: str, version: int, as_json: bool) -> None:
    """Show everything that is known of VERSION of MODEL."""
    settings = ready_settings()
    from components.registry.engine import make_engine
    from components.registry.history import read_version
    from pipelines import summary

    with make_engine(settings).connect() as connection:
        story = read_version(connection, model, version)
    if as_json:
        click.echo(summary.to_json(summary.story_json(story)))
    else:
        summary.show_story(story)
