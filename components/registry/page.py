"""A training run's report as one HTML page that needs nothing else: no script, no link, no font, no network.

It is read from disk without a connection and inside Kubeflow's sandboxed frame, so the charts are inline SVG and the page's own
policy forbids everything but inline style. There are no links within the page either: in such a frame they load the frame's parent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from components.checks.findings import Finding
from components.evaluation.page import summarize_evaluation
from components.evaluation.results import Results
from components.examples.page import summarize_examples
from components.examples.span_cache import SplitCount
from components.examples.statistics import feature_tables
from components.registry.marks import Marks
from components.report.charts import histogram, inks
from components.report.templating import render
from components.runs.record import RecordedRun, RunState
from components.runs.steps import TaskResult
from components.schema.anomalies import Anomaly
from components.snapshot.document import Snapshot

NOT_EVALUATED = Results(blessed=False, metrics=(), checks=(), roc=(), calibration=())
OUTCOMES = {RunState.SUCCEEDED: "pushed", RunState.BLOCKED: "blocked"}
"""How the page calls the state in which a run ended; any other is `failed`."""


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run and what its steps left behind. What it did not reach is None or empty, and the page says so."""

    recorded: RecordedRun
    folder: Path
    """The folder of its artifacts and logs."""
    version: int | None = None
    """The version that it registered."""
    version_uri: str | None = None
    tasks: tuple[TaskResult, ...] = ()
    snapshot: Snapshot | None = None
    counts: tuple[SplitCount, ...] = ()
    statistics: Mapping[str, DatasetFeatureStatisticsList] = field(default_factory=dict)
    """What TFDV computed of each split."""
    anomalies: tuple[Anomaly, ...] | None = None
    """What the examples break of the pinned schema: nothing if empty; None if they were not validated."""
    findings: tuple[Finding, ...] | None = None
    """The findings of both looks of the gate before training; None if the gate did not look."""
    ignored: tuple[str, ...] = ()
    """The columns that the gate before training did not look at, as model.toml says."""
    results: Results = NOT_EVALUATED


def render_run(run: FinishedRun) -> str:
    """The whole page. Every value is escaped, and spelled out where it could not be shown."""
    recorded = run.recorded
    examples = summarize_examples(run.counts if run.snapshot else ())
    return render(
        "registry/templates/run.html",
        run=recorded.run,
        headline=_headline(run),
        outcome=_outcome(run),
        reason=_reason(run),
        started=recorded.started_at,
        seconds=((recorded.finished_at or recorded.started_at) - recorded.started_at).total_seconds(),
        tasks=run.tasks,
        findings=run.findings,
        ignored=run.ignored,
        model=recorded.run.model,
        snapshot=run.snapshot,
        examples=examples,
        features=feature_tables(run.statistics.get("train"), run.statistics.get("eval")),
        histogram=histogram,
        anomalies=run.anomalies,
        anomalous={anomaly.feature for anomaly in run.anomalies or ()},
        evaluation=summarize_evaluation(run.results),
        classes=run.results.classes,
        inks=inks(run.results.classes or examples.classes),
        marked=_marks(run),
        lineage=_lineage(run),
        commands=_commands(run),
    )


def _outcome(run: FinishedRun) -> str:
    return OUTCOMES.get(run.recorded.state, "failed")


def _marks(run: FinishedRun) -> tuple[str, ...]:
    made = run.recorded.run
    waived = made.parameters.get("waive_gate") is True
    return Marks(waived=waived, forced=False, git_commit=made.git_commit, git_dirty=made.git_dirty).sentences


def _headline(run: FinishedRun) -> str:
    pushed = _outcome(run) == "pushed" and run.version is not None
    return f"Pushed as version {run.version}" if pushed else _outcome(run).capitalize()


def _reason(run: FinishedRun) -> str:
    """Why the run ended as it did, in one sentence."""
    if _outcome(run) != "pushed":
        return (run.recorded.error or "the run ended without saying why: see the logs").removeprefix("blocked: ")
    changes = [check for check in run.results.checks if check.baseline is not None]
    kept = f"the data keep the pinned schema, and all {len(run.results.checks) - len(changes)} thresholds of model.toml are kept"
    version = run.results.champion.version
    return f"{kept}; the champion, version {version}, is no better on the same rows." if changes else f"{kept}."


def _lineage(run: FinishedRun) -> dict[str, str]:
    """What the run was made of, and what it made."""
    recorded = run.recorded.run
    return {
        "run": recorded.run_id,
        "asked for by": f"{recorded.trigger}: {recorded.reason}",
        **({"on Kubeflow": run.recorded.address} if run.recorded.address else {}),
        "git commit": recorded.commit or "no repository",
        "environment (uv.lock)": recorded.environment_digest,
        "image": recorded.image_digest or "none: run on this machine",
        "compiled pipeline": recorded.pipeline_sha256,
        **{f"package {name}": version for name, version in recorded.main_packages.items()},
        **({"pinned rows": run.snapshot.snapshot_table} if run.snapshot else {}),
        **({"bytes of the version": run.version_uri} if run.version_uri else {}),
        "artifacts and logs": str(run.folder),
    }


def _commands(run: FinishedRun) -> dict[str, str]:
    """The commands to run next, by what each is for."""
    model = run.recorded.run.model
    if run.version is None:
        return {"run it again when the cause is mended": f"perennial train {model}"}
    champion = run.results.champion
    if champion.is_better:
        return {
            "why the champion is better": f"perennial compare {model} {champion.version} {run.version}",
            "everything about this candidate": f"perennial show {model} {run.version}",
        }
    return {"everything about this version": f"perennial show {model} {run.version}", "all versions": f"perennial versions {model}"}
