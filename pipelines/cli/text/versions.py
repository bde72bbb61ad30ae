"""What the command line shows of models, versions and their deployments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from components.evaluation.metric import Check
from components.model.metric_names import HEADLINE_METRICS
from components.registry.deployments import Action, Event, ModelSummary, Retirement
from components.registry.history import VersionStory, VersionSummary
from components.wording import slice_text
from pipelines.cli.json_text import to_json

HEADINGS = dict(zip(HEADLINE_METRICS, ("auc", "auc", "R²"), strict=True))
"""What the column of a version's headline metric is called."""


def show_models(models: Sequence[ModelSummary], *, as_json: bool) -> None:
    """Print a table of models."""
    if as_json:
        click.echo(to_json([asdict(model) for model in models]))
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


def version_json(version: VersionSummary) -> dict[str, Any]:
    """A version as a JSON object."""
    return asdict(version) | {
        "marks": list(version.marks.words),
        "metrics": dict(version.metrics),
        "version": version.number,
        "uri": version.artifact_uri,
    }


def story_json(story: VersionStory) -> dict[str, Any]:
    """Everything about a version as a JSON object."""
    return asdict(story) | {
        "marks": list(story.marks.words),
        "version": story.number,
        "manifest": asdict(story.manifest) | {"sha256": story.manifest.sha256},
    }


def show_versions(model: str, versions: list[VersionSummary]) -> None:
    """Print a table of a model's versions."""
    headline = next((name for version in versions for name in HEADLINE_METRICS if name in version.metrics), HEADLINE_METRICS[0])
    click.echo(f"{model}: version  data through  {HEADINGS[headline]:<6}  blessed  commit   snapshot      made              live on")
    for version in versions:
        value = version.metrics.get(headline, math.nan)
        commit = (version.git_commit or "-")[:7] + ("*" if version.git_dirty else "")
        last = version.partition_to - timedelta(days=1)
        click.echo(
            f"{'':{len(model)}}  {version.number:>7}  {last!s:<12}  {value:<6.4f}  {'yes' if version.blessed else 'no':<7}  "
            f"{commit:<8} {version.snapshot_id[:12]}  {version.created_at:%Y-%m-%d %H:%M}  "
            f"{', '.join(version.live_on) or ('retired' if version.retired else '-')}"
            f"{'  ! ' if version.marks.words else ''}{', '.join(version.marks.words)}"
        )


def show_story(story: VersionStory) -> None:
    """Print everything about a version."""
    run = story.run.run
    lines = {
        "made": f"{story.created_at:%Y-%m-%d %H:%M:%S} by run {run.run_id} ({run.trigger}: {run.reason})",
        "bytes": story.manifest.uri,
        "snapshot": story.snapshot.snapshot_id,
        "data": f"{story.snapshot.source_table}, {story.snapshot.partition_from} to {story.snapshot.partition_to} (exclusive), "
        f"{story.snapshot.row_count:,} rows, kept as {story.snapshot.snapshot_table}",
        "commit": run.commit or "no repository",
        "model folder": story.code_sha256,
        "environment": run.environment_digest,
        "image": run.image_digest or "none: run on this machine",
        "packages": ", ".join(f"{name} {version}" for name, version in run.main_packages.items()),
        "components": ", ".join(f"{task.task_name} {task.component_version}" for task in story.tasks),
    }
    if story.marks.words:
        lines = {"marked": "; ".join(story.marks.sentences), **lines}
    if story.run.address:
        lines["on Kubeflow"] = story.run.address
    if retired := story.retirement:
        lines["retired"] = f"{retired.created_at:%Y-%m-%d %H:%M:%S} by {retired.actor}: {retired.reason}"
    click.echo(f"{story.model} version {story.number}{', live on ' if story.live_on else ''}{', '.join(story.live_on)}")
    for label, text in lines.items():
        click.echo(f"  {label:<13} {text}")
    for evaluation in story.evaluations:
        by = "" if evaluation.run_id == run.run_id else f", as the champion in run {evaluation.run_id}"
        click.echo(f"  metrics on the {evaluation.split} split of snapshot {evaluation.snapshot_id[:12]}{by}:")
        shown = [metric for metric in evaluation.metrics if not by or not metric.slice]
        width = max((len(metric.name) for metric in shown), default=0)
        for metric in shown:
            bounds = f"  [{metric.ci_low:.4f}, {metric.ci_high:.4f}]" if metric.ci_low is not None and metric.ci_high is not None else ""
            click.echo(f"    {metric.name:<{width}} {slice_text(metric.slice):<28} {metric.value:>12.4f}{bounds}")
    for blessing in story.blessings:
        for note in blessing.notes:
            click.echo(f"  {note}")
        for check in blessing.checks:
            click.echo(f"  {'kept' if check.passed else 'broken':<7} {_check_text(check)}")


def _check_text(check: Check) -> str:
    """A rule and what it was held against, in one line."""
    baseline = "" if check.baseline is None else f", the champion has {check.baseline}"
    note = f" ({check.note})" if check.note else ""
    return f"{check.metric} on {slice_text(check.slice)} of the {check.split} split: {check.value}{baseline}; {check.rule}{note}"


def show_history(model: str, events: Sequence[Event], before: Mapping[tuple[str, int], int | None], *, as_json: bool) -> None:
    """Print deployments in the given order. `before` has the version that each replaced, by target and sequence number."""
    if as_json:
        click.echo(to_json([asdict(event) | {"replaced": before[event.target, event.seq]} for event in events]))
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


def show_retirement(model: str, retirement: Retirement, *, as_json: bool) -> None:
    """Print that a version is retired."""
    if as_json:
        click.echo(to_json({"model": model, **asdict(retirement)}))
    else:
        when = f"{retirement.created_at:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{model} {retirement.version} is retired since {when} by {retirement.actor}: {retirement.reason}")
