"""What the command line shows of a training run."""

import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import click

from components.runs.record import RunState
from components.runs.steps import TaskResult, TaskState
from components.settings import Settings
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.run.train import AlreadyTrained, TrainingResult

SHOWN_FINDINGS = 5
EXIT_CODES = {RunState.SUCCEEDED: ExitCode.DONE, RunState.BLOCKED: ExitCode.BLOCKED}
"""A run in any other state failed."""


def worst_exit_code(codes: Collection[int]) -> ExitCode:
    """The exit code of several runs: that a run failed, in whatever way, counts more than that a gate refused one."""
    if set(codes) - {ExitCode.DONE, ExitCode.BLOCKED}:
        return ExitCode.FAILED
    return ExitCode.BLOCKED if ExitCode.BLOCKED in codes else ExitCode.DONE


class Progress:
    """Prints a line for each step: its name, how it ended, and its seconds."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._is_terminal = sys.stderr.isatty()

    def start(self, name: str) -> None:
        """Show that a step begins."""
        if not self._quiet and self._is_terminal:
            click.echo(f"  … {name:<12} running", err=True, nl=False)

    def end(self, result: TaskResult) -> None:
        """Show that a step has ended."""
        if self._quiet:
            return
        mark = "✓" if result.state == TaskState.DONE else "✗"
        clear = "\r" if self._is_terminal else ""
        click.echo(f"{clear}  {mark} {result.name:<12} {result.state:<7} {result.seconds:6.1f} s", err=True)


def warm_up() -> None:
    """Import what draws reports, and draw a chart: the first one of a process takes a second."""
    import altair as alt

    from components.report.drawing import draw, table

    draw(alt.Chart(table([{"x": 0}])).mark_point().encode(x="x:Q"))


def show(settings: Settings, result: AlreadyTrained | TrainingResult, *, as_json: bool) -> int:
    """Write the report, and print where everything is. Returns the exit code: 0, 2 when a gate refused, 1 when the run failed."""
    if isinstance(result, AlreadyTrained):
        document = {"state": "ALREADY_TRAINED", **asdict(result)}
        text = (
            f"version {result.version} was trained on the same snapshot {result.snapshot_id[:12]} (through {result.through}), code and "
            f"environment: nothing to do. Train again with --force."
        )
        click.echo(to_json(document) if as_json else text)
        return 0
    from pipelines.run.report import write_report  # altair takes half a second

    report = write_report(settings, result)
    run = result.run
    if as_json:
        tasks = [
            {
                "name": task.name,
                "state": task.state,
                "seconds": round(task.seconds, 2),
                "processor_seconds": task.processor_seconds,
                "peak_bytes": task.peak_bytes,
            }
            for task in result.tasks
        ]
        document = {
            "run": run.run.run_id,
            "state": run.state,
            "error": run.error,
            "version": result.version,
            "report": report,
            "tasks": tasks,
            "findings": [asdict(finding) for finding in result.findings],
        }
        click.echo(to_json(document))
    else:
        _show_run(result, report)
    return EXIT_CODES.get(run.state, ExitCode.FAILED)


def _show_run(result: TrainingResult, report: Path) -> None:
    run, model = result.run, result.run.run.model
    if run.state == RunState.SUCCEEDED:
        click.echo(f"\n{model} version {result.version}")
        click.echo(f"  everything about it  perennial show {model} {result.version}")
    else:
        click.echo(f"\nError: {run.error}" if run.error else f"\nError: the run ended {run.state}", err=True)
        if result.version:
            click.echo(f"  the candidate        perennial show {model} {result.version}")
    let_pass = [finding for finding in result.findings if run.state == RunState.SUCCEEDED or not finding.blocks]
    for finding in let_pass[:SHOWN_FINDINGS]:
        click.secho(f"  {'waived' if finding.blocks else 'warning':<20} {finding.sentence}", fg="yellow")
    if len(let_pass) > SHOWN_FINDINGS:
        click.echo(f"  {'':<20} and {len(let_pass) - SHOWN_FINDINGS} more: see the report")
    click.echo(f"  run                  {run.run.run_id}")
    click.echo(f"  report               {report}")
    click.echo(f"  logs and artifacts   {result.folder}")
