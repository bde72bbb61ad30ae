"""The commands that look after models: watch them, and say what was decided."""

import sys
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path

import click

from components.errors import ModelFolderError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, read_model
from components.settings import Settings
from pipelines.cli.options import Day, as_json, ready_settings, reason_option


@click.command()
@click.argument("models", nargs=-1)
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--dry-run", is_flag=True, help="Look once, and only tell what would be decided.")
@click.option("--on", type=click.Choice(["local", "kubeflow"]), default="local", show_default=True, help="Where trainings run.")
@click.option("--every", type=click.IntRange(1, 86_400), default=300, show_default=True, help="Seconds from one look to the next.")
def watch(models: tuple[str, ...], once: bool, dry_run: bool, on: str, every: int) -> None:
    """Look at MODELS, or all that have a policy: decide, train, deploy by policy, and record why.

    However many watchers there are, and however they end, a decision is carried out once. With --once, the command ends when the trainings
    that it began on this machine have; the exit code is 1 if a model could not be read, or was not looked at to the end.
    """
    settings = ready_settings()
    from pipelines.cli.text.continuous import show_decision, tell
    from pipelines.watch.model_pass import look
    from pipelines.watch.models import each_watched, new_watcher, watch_once, watch_to_the_end

    with new_watcher(settings, on, tell) as watcher:

        def show(model: Model, policy: ContinuousSection) -> bool:
            show_decision(model.name, look(watcher, model, policy))
            return True

        if dry_run:
            sys.exit(0 if each_watched(watcher, models, show) else 1)
        if once:
            sys.exit(0 if watch_to_the_end(watcher, models) else 1)
        while True:
            watch_once(watcher, models)
            if not watcher.wait(every):
                time.sleep(every)


@click.command()
@click.argument("model")
@click.option("--since", type=Day(), help="Only decisions from that day on, YYYY-MM-DD (UTC).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write them as a page.")
@as_json
def decisions(model: str, since: date | None, limit: int, html: Path | None, as_json: bool) -> None:
    """List what was decided about MODEL, newest first: why, also why not, and what came of it.

    At the end it says what trainings came to by what had asked for them, and what was seen live of them since.
    """
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.decisions.record import read_decisions
    from pipelines.cli.text.continuous import show_decisions

    read_model(settings.models_folder, model)
    begin = datetime.combine(since, time_of_day(0), UTC) if since else None
    with make_engine(settings).connect() as connection:
        found = read_decisions(connection, model, since=begin, limit=limit)
    if html and found:
        from components.decisions.page import write_decisions_page

        write_decisions_page(model, found, html)
    show_decisions(model, found, as_json=as_json)
    if html and found and not as_json:
        click.echo(f"\n  page        {html}")


@click.command()
@click.argument("decision", type=click.IntRange(1, 2**62))
@click.option("--target", help="The target. Default: all where the version waits.")
@reason_option
@as_json
def approve(decision: int, target: str | None, reason: str, as_json: bool) -> None:
    """Deploy the version that DECISION has made where it waits for approval.

    The exit code is 1 if it was refused on a target, or a newer version is live there.
    """
    settings = ready_settings()
    from components.cloud import Cloud
    from components.decisions.record import DONE, read_decision
    from components.reason import require_reason
    from pipelines.cli.text.continuous import show_approved
    from pipelines.watch.deploying import approve as approve_version

    cloud = Cloud(settings)
    why = require_reason(reason)
    with cloud.engine.connect() as connection:
        found = read_decision(connection, decision)
    outcomes = approve_version(cloud, found, target, reason=why)
    show_approved(found, outcomes, as_json=as_json)
    sys.exit(0 if all(one.result == DONE for one in outcomes) else 1)


@click.command()
@click.argument("model")
@reason_option
def pause(model: str, reason: str) -> None:
    """Let the watcher start no training of MODEL. A version on probation is rolled back all the same."""
    _order(ready_settings(), model, "pause", reason)
    click.echo(f"{model} is paused; go on with `perennial resume {model}`")


@click.command()
@click.argument("model")
@reason_option
def resume(model: str, reason: str) -> None:
    """Let the watcher train MODEL again, and deploy at once again where it has rolled back."""
    _order(ready_settings(), model, "resume", reason)
    click.echo(f"{model} is watched again")


def _order(settings: Settings, model: str, action: str, reason: str) -> None:
    from components.database.engine import make_engine
    from components.decisions.orders import give_order
    from components.deployment.request import actor
    from components.reason import require_reason

    read_model(settings.models_folder, model)
    with make_engine(settings).begin() as connection:
        give_order(connection, model, action, actor=actor(settings), reason=require_reason(reason))


@click.command()
@click.argument("model")
@reason_option
@click.option("--source", default="perennial", show_default=True, help="Who sends the event: `source` of a CloudEvent.")
@click.option("--id", "event_id", help="The event's id: one that comes again is the same request. Default: a new one.")
def request(model: str, reason: str, source: str, event_id: str | None) -> None:
    """Ask for a training of MODEL: the watcher trains as soon as nothing but quiet hours or a cooldown speaks against it."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.decisions.orders import request_training
    from components.deployment.request import actor
    from components.reason import require_reason

    policy = read_model(settings.models_folder, model).continuous
    if policy is None or "person" not in policy.triggers:
        lacks = "has no section [continuous]" if policy is None else 'does not have "person" among continuous.triggers'
        raise ModelFolderError(f"no watcher would hear of it: model.toml of {model!r} {lacks}; add it, or run `perennial train {model}`")
    with make_engine(settings).begin() as connection:
        is_new = request_training(connection, model, actor=actor(settings), reason=require_reason(reason), source=source, event_id=event_id)
    click.echo(f"a training of {model} is {'' if is_new else 'already '}asked for: `perennial watch` decides")
