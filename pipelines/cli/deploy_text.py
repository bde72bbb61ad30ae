"""What the command line says of deployments, models and retirements."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click

from components.deployment.deploy import Deployed
from components.deployment.target import config_uri
from components.registry.deployments import Action, Event, ModelSummary, Request, Retirement
from components.registry.publish import published_uri
from components.settings import Settings


def _print_json(value: object) -> None:
    from pipelines.cli.text import to_json  # which brings all of KFP

    click.echo(to_json(value))


def show_deployed(settings: Settings, request: Request, done: Deployed, *, as_json: bool) -> None:
    """What came of a deployment or a rollback."""
    event, version = done.event, done.event.version
    addresses = {
        "uri": None if version is None else published_uri(settings.bucket, event.model, version),
        "config": config_uri(settings.bucket, event.target),
    }
    if as_json:
        _print_json(asdict(event) | addresses | {"changed": done.is_new, "repaired": done.repaired, "seconds": done.seconds})
        return
    if done.repaired:
        click.echo(f"put right: {done.repaired}")
    if not done.is_new:
        again = (
            f"this request was carried out on {event.created_at:%Y-%m-%d %H:%M:%S}" if event.request_id == request.request_id else "already"
        )
        click.echo(f"{event.model} on {event.target}: {again}: {event.sentence}; nothing was changed")
        return
    forced = ", forced" if event.forced else ""
    click.echo(f"{event.model} {version} is live on {event.target} ({event.action}, seq {event.seq}{forced})")
    lines = {
        "bytes": f"{addresses['uri']}, every SHA-256 as the registry has it",
        "smoke test": smoke_text(event.smoke),
        "switch": addresses["config"],
        "request": f"{event.request_id} of {event.actor}: {event.reason}",
        "seconds": ", ".join(f"{step} {seconds:.2f}" for step, seconds in done.seconds.items()),
    }
    for label, text in lines.items():
        click.echo(f"  {label:<11} {text}")


def smoke_text(smoke: Mapping[str, object]) -> str:
    """What the smoke test measured, for a person."""
    if not smoke.get("rows"):
        return "it loads; no answers are recorded with it"
    difference, milliseconds, limit = (smoke[name] for name in ("largest_difference", "median_milliseconds", "limit_milliseconds"))
    return f"{smoke['rows']} recorded rows, largest difference {difference:.2g}, {milliseconds:.2g} ms a row (limit {limit:g} ms)"


def show_history(model: str, events: Sequence[Event], before: Mapping[tuple[str, int], int | None], *, as_json: bool) -> None:
    """The events, in the order that they are given in."""
    if as_json:
        _print_json([asdict(event) | {"replaced": before[event.target, event.seq]} for event in events])
        return
    if not events:
        click.echo(f"{model} was never deployed there: `perennial deploy {model} VERSION --target TARGET --reason …`")
        return
    widths = [max(len(text) for text in texts) for texts in (["target", *(e.target for e in events)], ["who", *(e.actor for e in events)])]
    click.echo(f"{model}: {'target':<{widths[0]}}  seq  when                 what                  {'who':<{widths[1]}}  why")
    for event in events:
        what = f"{event.action} {_change(before[event.target, event.seq], event)}{'!' if event.forced else ''}"
        click.echo(
            f"{'':{len(model)}}  {event.target:<{widths[0]}}  {event.seq:>3}  {event.created_at:%Y-%m-%d %H:%M:%S}  {what:<20}  "
            f"{event.actor:<{widths[1]}}  {event.reason}"
        )
    if any(event.forced for event in events):
        click.echo("! forced: no gate had let it through, or it was not tested in full, or was too slow")


def _change(before: int | None, event: Event) -> str:
    after = "nothing" if event.action == Action.UNDEPLOY else str(event.version)
    return after if before is None else f"{before} → {after}"


def show_models(models: Sequence[ModelSummary], *, as_json: bool) -> None:
    """A table of models."""
    if as_json:
        _print_json([asdict(model) for model in models])
        return
    if not models:
        click.echo("no model has a version yet: `perennial train MODEL` makes the first")
        return
    width = max(len(name) for name in ("model", *(model.name for model in models)))
    click.echo(f"{'model':<{width}}  versions  newest            live on")
    for model in models:
        live = ", ".join(f"{target} {version}" for target, version in sorted(model.live.items())) or "-"
        newest = f"{model.newest_at:%Y-%m-%d %H:%M}" if model.newest_at else "-"
        click.echo(f"{model.name:<{width}}  {model.versions:>8}  {newest:<16}  {live}")


def show_retirement(model: str, retirement: Retirement, *, as_json: bool) -> None:
    """That a version is retired."""
    if as_json:
        _print_json({"model": model, **asdict(retirement)})
    else:
        when = f"{retirement.created_at:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{model} {retirement.version} is retired since {when} by {retirement.actor}: {retirement.reason}")
