"""What the command line shows of a version that was trained again."""

from dataclasses import asdict
from typing import Any

import click

from components.reproduction.reproduced import Comparison
from components.runs.record import RunState
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.run.reproduce import Reproduction

EXIT_CODES = {RunState.SUCCEEDED: ExitCode.DONE, RunState.BLOCKED: ExitCode.DIFFERS}
"""A run in any other state failed."""


def show(reproduction: Reproduction, *, as_json: bool) -> int:
    """Print which parts are equal, and why the others are not. Returns the exit code: 0, 3 if a part differs, 1 if the run failed."""
    state = reproduction.run.state
    if as_json:
        click.echo(to_json(_document(reproduction)))
    elif reproduction.comparison is None:
        click.echo(f"\nError: {reproduction.run.error or f'the run ended {state}'}", err=True)
        _show_places(reproduction)
    else:
        version = reproduction.version
        click.echo(f"\n{version.model} version {version.number}, trained again with its own code from {version.snapshot.snapshot_table}")
        _show_parts(reproduction.comparison)
        _show_places(reproduction)
    return EXIT_CODES.get(state, ExitCode.FAILED)


def _document(reproduction: Reproduction) -> dict[str, Any]:
    version, run, comparison = reproduction.version, reproduction.run, reproduction.comparison
    return {
        "model": version.model,
        "version": version.number,
        "run": run.run.run_id,
        "state": run.state,
        "error": run.error,
        "is_equal": comparison is not None and not comparison.different,
        "parts": {part.name: asdict(part) for part in comparison.parts} if comparison else {},
        "reasons": comparison.reasons if comparison else (),
        "folder": reproduction.folder,
        "tasks": [{"name": task.name, "state": task.state, "seconds": round(task.seconds, 2)} for task in reproduction.tasks],
    }


def _show_parts(comparison: Comparison) -> None:
    for part in comparison.parts:
        click.echo(f"  {part.name:<20} {part.verdict}  ({part.detail})")
    for number, reason in enumerate(comparison.reasons):
        click.echo(f"  {'' if number else 'why':<20} {reason}")


def _show_places(reproduction: Reproduction) -> None:
    click.echo(f"  {'run':<20} {reproduction.run.run.run_id}")
    click.echo(f"  {'logs and artifacts':<20} {reproduction.folder}")
