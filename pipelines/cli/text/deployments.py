"""What the command line shows of a deployment that was just made."""

from collections.abc import Mapping
from dataclasses import asdict

import click

from components.deployment.deploy import DeploymentResult
from components.deployment.target import config_uri
from components.registry.deployments import Request
from components.registry.publish import published_uri
from components.settings import Settings
from pipelines.cli.json_text import to_json


def show_deployed(settings: Settings, request: Request, done: DeploymentResult, *, as_json: bool) -> None:
    """Print the result of a deployment or a rollback."""
    event, version = done.event, done.event.version
    addresses = {
        "uri": None if version is None else published_uri(settings.bucket, event.model, version),
        "config": config_uri(settings, event.target),
    }
    if as_json:
        click.echo(to_json(asdict(event) | addresses | {"changed": done.is_new, "repaired": done.repaired, "seconds": done.seconds}))
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
        "smoke test": _smoke_text(event.smoke),
        "switch": addresses["config"],
        "request": f"{event.request_id} of {event.actor}: {event.reason}",
        "seconds": ", ".join(f"{step} {seconds:.2f}" for step, seconds in done.seconds.items()),
    }
    for label, text in lines.items():
        click.echo(f"  {label:<11} {text}")


def _smoke_text(smoke: Mapping[str, object]) -> str:
    """Describe what the smoke test measured."""
    if not smoke.get("rows"):
        return "it loads; no answers are recorded with it"
    difference, milliseconds, limit = (smoke[name] for name in ("largest_difference", "median_milliseconds", "limit_milliseconds"))
    return f"{smoke['rows']} recorded rows, largest difference {difference:.2g}, {milliseconds:.2g} ms a row (limit {limit:g} ms)"
