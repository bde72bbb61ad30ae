"""The commands that show what the registry knows of models and versions."""

import click

from components.database.engine import make_engine
from components.registry import deployments, retirements
from components.registry.history import list_versions, read_version
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, ready_settings, reason_option
from pipelines.cli.text import versions as text
from pipelines.cli.version import version_argument, version_number


@click.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that have versions: how many, the newest, and which are live on which target."""
    with make_engine(ready_settings()).connect() as connection:
        summaries = deployments.list_models(connection)
    text.show_models(summaries, as_json=as_json)


@click.command()
@click.argument("model")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many of the newest to list.")
@as_json
def versions(model: str, limit: int, as_json: bool) -> None:
    """List the newest versions of MODEL."""
    with make_engine(ready_settings()).connect() as connection:
        summaries = list_versions(connection, model, limit=limit)
    if as_json:
        click.echo(to_json([text.version_json(version) for version in summaries]))
    else:
        text.show_versions(model, summaries)
        if summaries and (older := summaries[0].number - 1):
            click.echo(f"{'':{len(model)}}  and {older} older: --limit {older + len(summaries)} shows all")


@click.command()
@click.argument("model")
@version_argument
@click.option("--live", is_flag=True, help="Show how it did while it served, day by day.")
@as_json
def show(model: str, version: int | str, live: bool, as_json: bool) -> None:
    """Show everything that the registry knows of VERSION of MODEL."""
    settings = ready_settings()
    number = version_number(settings, model, version)
    if live:
        from pipelines.cli.text.monitoring import show_live

        show_live(settings, model, number, as_json=as_json)
        return
    with make_engine(settings).connect() as connection:
        story = read_version(connection, model, number)
    if as_json:
        click.echo(to_json(text.story_json(story)))
    else:
        text.show_story(story)


@click.command()
@click.argument("model")
@version_argument
@as_json
def lineage(model: str, version: int | str, as_json: bool) -> None:
    """Show where VERSION of MODEL comes from and where it went: data, code, examples, evaluations, deployments."""
    settings = ready_settings()
    from pipelines.cli.text.lineage import show_lineage

    number = version_number(settings, model, version)
    with make_engine(settings).connect() as connection:
        story = read_version(connection, model, number)
    show_lineage(settings, story, as_json=as_json)


@click.command()
@click.argument("model")
@click.option("--target", help="List the deployments to this target only.")
@click.option("--last", type=click.IntRange(min=1), default=100, show_default=True, help="How many of the newest to list.")
@as_json
def history(model: str, target: str | None, last: int, as_json: bool) -> None:
    """List the deployments of MODEL, newest last: target, time, version, the version it replaced, who and why."""
    settings = ready_settings()
    from components.deployment.request import require_target
    from components.storage.objects import require_model_name

    with make_engine(settings).connect() as connection:
        events = deployments.history(connection, require_model_name(model), target, limit=last)
        before = deployments.versions_before(connection, model)
    if target is not None and not events:
        require_target(settings, target)
    text.show_history(model, events[::-1], before, as_json=as_json)


@click.command()
@click.argument("model")
@version_argument
@reason_option
@as_json
def retire(model: str, version: int | str, reason: str, as_json: bool) -> None:
    """Retire VERSION of MODEL: it can never be deployed again.

    A version that is live on a target, or that a rollback would go to, is refused.
    """
    settings = ready_settings()
    from components.deployment.request import actor
    from components.reason import require_reason
    from components.storage.objects import require_model_name

    number = version_number(settings, model, version)
    with make_engine(settings).begin() as connection:
        retired = retirements.retire(connection, require_model_name(model), number, actor=actor(settings), reason=require_reason(reason))
    text.show_retirement(model, retired, as_json=as_json)
