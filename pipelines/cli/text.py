"""What the command line says of runs and versions."""

import json
import math
import sys
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from components.registry.history import VersionStory, VersionSummary
from components.runs.record import RunState
from components.settings import Settings
from pipelines.run.launch import AlreadyTrained, LocalResult
from pipelines.run.local import TaskResult, TaskState

SHOWN_FINDINGS = 5
EXIT_CODES = {RunState.SUCCEEDED: 0, RunState.BLOCKED: 2}
"""Any other state is 1."""


class Progress:
    """A line for each step: name, state, seconds."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._is_terminal = sys.stderr.isatty()

    def start(self, name: str) -> None:
        """The step begins."""
        if not self._quiet and self._is_terminal:
            click.echo(f"  … {name:<12} running", err=True, nl=False)

    def end(self, result: TaskResult) -> None:
        """The step has ended."""
        if self._quiet:
            return
        mark = "✓" if result.state == TaskState.DONE else "✗"
        clear = "\r" if self._is_terminal else ""
        click.echo(f"{clear}  {mark} {result.name:<12} {result.state:<7} {result.seconds:6.1f} s", err=True)


def get_ready() -> None:
    """Import what draws reports, and draw something: the first chart of a process takes a second."""
    import altair as alt

    from components.report.drawing import draw, table

    draw(alt.Chart(table([{"x": 0}])).mark_point().encode(x="x:Q"))


def show(settings: Settings, result: AlreadyTrained | LocalResult, *, as_json: bool) -> int:
    """Print where everything is. Returns the exit code: 0, 2 when a gate refused, 1 when the run failed."""
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
        tasks = [{"name": task.name, "state": task.state, "seconds": round(task.seconds, 2)} for task in result.tasks]
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
    return EXIT_CODES.get(run.state, 1)


def _show_run(result: LocalResult, report: Path) -> None:
    run, model = result.run, result.run.run.model
    if run.state == RunState.SUCCEEDED:
        click.echo(f"\n{model} version {result.version}")
        click.echo(f"  everything about it  perennial show {model} {result.version}")
    else:
        click.echo(f"\nError: {run.error}" if run.error else f"\nError: the run ended {run.state}", err=True)
    let_pass = [finding for finding in result.findings if run.state == RunState.SUCCEEDED or not finding.blocks]
    for finding in let_pass[:SHOWN_FINDINGS]:
        click.secho(f"  {'waived' if finding.blocks else 'warning':<20} {finding.sentence}", fg="yellow")
    if len(let_pass) > SHOWN_FINDINGS:
        click.echo(f"  {'':<20} and {len(let_pass) - SHOWN_FINDINGS} more: see the report")
    click.echo(f"  run                  {run.run.run_id}")
    click.echo(f"  report               {report}")
    click.echo(f"  logs and artifacts   {result.folder}")


def version_json(version: VersionSummary) -> dict[str, Any]:
    """A version in one JSON object."""
    return asdict(version) | {"metrics": dict(version.metrics), "version": version.number, "uri": version.artifact_uri}


def story_json(story: VersionStory) -> dict[str, Any]:
    """All of a version as JSON."""
    return asdict(story) | {"version": story.number, "manifest": asdict(story.manifest) | {"sha256": story.manifest.sha256}}


def to_json(value: object) -> str:
    """JSON with ISO dates; NaN and infinity as text, which JSON lacks."""
    return json.dumps(_finite(value), indent=2, default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def show_versions(model: str, versions: list[VersionSummary]) -> None:
    """A table of a model's versions."""
    click.echo(f"{model}: version  data through  auc     blessed  commit   snapshot      made              live on")
    for version in versions:
        auc = version.metrics.get("auc", version.metrics.get("macro_auc", math.nan))
        commit = (version.git_commit or "-")[:7] + ("*" if version.git_dirty else "")
        last = version.partition_to - timedelta(days=1)
        click.echo(
            f"{'':{len(model)}}  {version.number:>7}  {last!s:<12}  {auc:.4f}  {'yes' if version.blessed else 'no':<7}  "
            f"{commit:<8} {version.snapshot_id[:12]}  {version.created_at:%Y-%m-%d %H:%M}  "
            f"{', '.join(version.live_on) or ('retired' if version.retired else '-')}"
        )


def show_story(story: VersionStory) -> None:
    """A version, for a person."""
    run = story.run.run
    lines = {
        "made": f"{story.created_at:%Y-%m-%d %H:%M:%S} by run {run.run_id} ({run.trigger}: {run.reason})",
        "bytes": story.manifest.uri,
        "snapshot": story.snapshot.snapshot_id,
        "data": f"{story.snapshot.source_table}, {story.snapshot.partition_from} to {story.snapshot.partition_to} (exclusive), "
        f"{story.snapshot.row_count:,} rows, kept as {story.snapshot.snapshot_table}",
        "commit": f"{run.git_commit or 'no repository'}{' with local changes' if run.git_dirty else ''}",
        "model folder": story.code_sha256,
        "environment": run.environment_digest,
        "image": run.image_digest or "none: run on this machine",
        "packages": ", ".join(
            f"{name} {run.package_versions[name]}" for name in ("tensorflow", "tfx", "kfp") if name in run.package_versions
        ),
        "components": ", ".join(f"{task.task_name} {task.component_version}" for task in story.tasks),
    }
    if retired := story.retirement:
        lines["retired"] = f"{retired.created_at:%Y-%m-%d %H:%M:%S} by {retired.actor}: {retired.reason}"
    click.echo(f"{story.model} version {story.number}{', live on ' if story.live_on else ''}{', '.join(story.live_on)}")
    for label, text in lines.items():
        click.echo(f"  {label:<13} {text}")
    for evaluation in story.evaluations:
        click.echo(f"  metrics on snapshot {evaluation.snapshot_id[:12]}:")
        width = max((len(metric.name) for metric in evaluation.metrics), default=0)
        for metric in evaluation.metrics:
            where = ", ".join(f"{name} {value}" for name, value in metric.slice.items()) or "all rows"
            bounds = f"  [{metric.ci_low:.4f}, {metric.ci_high:.4f}]" if metric.ci_low is not None and metric.ci_high is not None else ""
            click.echo(f"    {metric.name:<{width}} {where:<28} {metric.value:>12.4f}{bounds}")
    for blessing in story.blessings:
        for check in blessing.checks:
            where = ", ".join(f"{name} {value}" for name, value in check.slice.items()) or "all rows"
            click.echo(f"  {'kept' if check.passed else 'broken':<7} {check.metric} on {where}: {check.value} {check.rule}")
