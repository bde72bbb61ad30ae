"""The commands about what the gate before training finds: accept a finding by name, and list what was accepted."""

from datetime import UTC, date, datetime

import click

from components.checks.record import Acceptance, accept_finding, findings_that_blocked, list_acceptances
from components.database.engine import make_engine
from pipelines.cli.json_text import to_json
from pipelines.cli.options import Day, as_json, ready_settings, reason_option


@click.group()
def gate() -> None:
    """Accept single findings of the gate before training, and list what was accepted."""


@gate.command()
@click.argument("model")
@click.argument("finding")
@reason_option
@click.option("--until", type=Day(), required=True, help="The last day on which it is accepted, YYYY-MM-DD.")
@as_json
def accept(model: str, finding: str, reason: str, until: date, as_json: bool) -> None:
    """Accept FINDING of MODEL: it is told and blocks no run until a day, unless it gets half as bad again.

    `perennial gate list MODEL` shows the names of findings.
    """
    settings = ready_settings()
    from components.deployment.request import actor
    from components.reason import require_reason
    from components.storage.objects import require_model_name

    if until < _today():
        raise click.UsageError(f"--until {until} has passed: name a day from {_today()} on")
    name, why = require_model_name(model), require_reason(reason)
    with make_engine(settings).begin() as connection:
        found = accept_finding(connection, name, finding, until=until, actor=actor(settings), reason=why)
    if as_json:
        click.echo(to_json({"model": name, "finding": finding, "until": until, "reason": why, "run": found.run_id}))
        return
    click.echo(f"{finding} of {name} is accepted until {until}: {found.sentence}")
    click.echo(f"  train again          perennial train {name}")


@gate.command("list")
@click.argument("model")
@as_json
def list_(model: str, as_json: bool) -> None:
    """List what blocked runs of MODEL, and what of it is accepted until when, by whom and why."""
    settings = ready_settings()
    from components.storage.objects import require_model_name

    with make_engine(settings).connect() as connection:
        found = findings_that_blocked(connection, require_model_name(model))
        accepted = list_acceptances(connection, model)
    if as_json:
        click.echo(to_json({"found": [vars(one) for one in found], "accepted": [vars(one) for one in accepted]}))
        return
    if not found:
        click.echo(f"no run of {model} was blocked by its data")
    for one in found:
        click.echo(f"{one.finding}\n  {one.sentence} (run {one.run_id})")
        for acceptance in accepted:
            if acceptance.finding == one.finding:
                click.echo(f"  {_words(acceptance)}")


def _words(acceptance: Acceptance) -> str:
    ended = " (ended)" if acceptance.until < _today() else ""
    return f"accepted until {acceptance.until}{ended} by {acceptance.actor}: {acceptance.reason}"


def _today() -> date:
    return datetime.now(UTC).date()
