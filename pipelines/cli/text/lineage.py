"""What the command line shows of a version's way from its data to its deployments."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from components.registry.evaluations import Blessing, Evaluation
from components.registry.history import VersionStory
from components.registry.publish import published_uri
from components.settings import Settings
from pipelines.cli.json_text import to_json


def _lineage_json(settings: Settings, story: VersionStory) -> dict[str, Any]:
    """The stations of the way in their order, as a JSON object."""
    run, snapshot = story.run.run, story.snapshot
    return {
        "model": story.model,
        "version": story.number,
        "data": {
            "source_table": snapshot.source_table,
            "partitions": snapshot.document.get("partitions"),
            "partition_from": snapshot.partition_from,
            "partition_to": snapshot.partition_to,
            "rows": snapshot.row_count,
        },
        "snapshot": {"id": snapshot.snapshot_id, "table": snapshot.snapshot_table, "query_sha256": snapshot.query_sha256},
        "run": {
            "id": run.run_id,
            "trigger": run.trigger,
            "reason": run.reason,
            "state": story.run.state,
            "git_commit": run.git_commit,
            "git_dirty": run.git_dirty,
            "environment_digest": run.environment_digest,
            "image_digest": run.image_digest,
            "host": run.host,
            "address": story.run.address,
        },
        "marks": list(story.marks.words),
        "code_sha256": story.code_sha256,
        "examples_sha256": story.examples_sha256,
        "bytes": {
            "sha256": story.manifest.sha256,
            "uri": story.manifest.uri,
            "published_uri": published_uri(settings.bucket, story.model, story.number),
        },
        "evaluations": [asdict(evaluation) for evaluation in story.evaluations],
        "blessings": [asdict(blessing) for blessing in story.blessings],
        "live_on": list(story.live_on),
        "deployments": [asdict(event) for event in story.deployments[::-1]],
        "retirement": None if story.retirement is None else asdict(story.retirement),
    }


def show_lineage(settings: Settings, story: VersionStory, *, as_json: bool) -> None:
    """Print the way of a version, one station a line."""
    if as_json:
        click.echo(to_json(_lineage_json(settings, story)))
        return
    click.echo(f"{story.model} version {story.number}")
    for label, text in (*_origin(settings, story), *_afterwards(story)):
        click.echo(f"  {label:<12} {text}")


def _origin(settings: Settings, story: VersionStory) -> list[tuple[str, str]]:
    run, snapshot = story.run.run, story.snapshot
    partitions = snapshot.document.get("partitions")
    count = f"{len(partitions)} partitions " if isinstance(partitions, list) else ""
    last = snapshot.partition_to - timedelta(days=1)
    return [
        ("data", f"{snapshot.source_table}, {count}{snapshot.partition_from} to {last}, {snapshot.row_count:,} rows"),
        ("snapshot", f"{snapshot.snapshot_id}, kept as {snapshot.snapshot_table}"),
        ("run", f"{run.run_id} ({run.trigger}: {run.reason}), {story.run.state}"),
        *([("kubeflow", story.run.address)] if story.run.address else []),
        *([("marked", "; ".join(story.marks.sentences))] if story.marks.words else []),
        ("commit", run.commit or "no repository"),
        ("environment", f"{run.environment_digest}{f', image {run.image_digest}' if run.image_digest else ''}"),
        ("model folder", f"sha256:{story.code_sha256}"),
        ("examples", f"sha256:{story.examples_sha256}"),
        ("bytes", f"{story.manifest.uri}, published as {published_uri(settings.bucket, story.model, story.number)}"),
    ]


def _afterwards(story: VersionStory) -> list[tuple[str, str]]:
    lines = [("evaluation", _evaluation_text(evaluation)) for evaluation in story.evaluations]
    lines += [("blessing", _blessing_text(blessing)) for blessing in story.blessings]
    for event in story.deployments[::-1]:
        why = f"{event.action}{', forced' if event.forced else ''} by {event.actor}: {event.reason}"
        lines.append(("deployment", f"{event.target} seq {event.seq}, {event.created_at:%Y-%m-%d %H:%M:%S}, {why}"))
    lines.append(("live on", ", ".join(story.live_on) or "nothing"))
    if retired := story.retirement:
        lines.append(("retired", f"{retired.created_at:%Y-%m-%d %H:%M:%S} by {retired.actor}: {retired.reason}"))
    return lines


def _evaluation_text(evaluation: Evaluation) -> str:
    overall = {metric.name: metric.value for metric in evaluation.metrics if not metric.slice}
    told = ", ".join(f"{name} {value:.4f}" for name, value in sorted(overall.items()) if name != "example_count")
    rows = f"{overall['example_count']:,.0f} rows of " if "example_count" in overall else ""
    where = f"on {rows}the {evaluation.split} split of snapshot {evaluation.snapshot_id[:12]}"
    return f"{where} by run {evaluation.run_id}: {told or 'nothing on all rows'}"


def _blessing_text(blessing: Blessing) -> str:
    verdict = "let through" if blessing.blessed else "refused"
    kept = sum(check.passed for check in blessing.checks)
    champion = f", held against version {blessing.baseline_version}" if blessing.baseline_version else ""
    return f"{verdict} by {blessing.decided_by} in run {blessing.run_id}: {kept} of {len(blessing.checks)} rules kept{champion}"
