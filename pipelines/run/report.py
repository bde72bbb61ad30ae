"""The page of a local run, from what its steps left on disk and what the registry recorded."""

from collections import defaultdict
from datetime import date
from pathlib import Path

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from components.checks.findings import read_findings
from components.checks.gate import read_anomalies
from components.checks.page import found_rows
from components.evaluation.results import Results, read_results
from components.examples.read import read_counts
from components.examples.span_cache import SplitCount
from components.registry.step import ADDRESS
from components.report import content
from components.report.page import write
from components.runs.record import RunState
from components.settings import Settings
from components.snapshot.document import read_snapshot_document
from components.snapshot.step import FILE as SNAPSHOT
from pipelines.run.launch import LocalResult

NOTHING_JUDGED = Results(blessed=False, metrics=(), checks=(), roc=(), calibration=())
OUTCOMES = {RunState.SUCCEEDED: content.Outcome.PUSHED, RunState.BLOCKED: content.Outcome.BLOCKED}


def report_path(settings: Settings, run_id: str) -> Path:
    """Where the page of a run is."""
    return settings.state_folder / "reports" / f"{run_id}.html"


def write_report(settings: Settings, result: LocalResult) -> Path:
    """Write the page. What the run did not reach is missing from it, and the page says so."""
    path = report_path(settings, result.run.run.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(_report(result), path)
    return path


def _artifact(result: LocalResult, task: str, name: str) -> Path | None:
    return next(iter(sorted((result.folder / "artifacts").glob(f"*/{task}/{name}"))), None)


def _report(result: LocalResult) -> content.RunReport:
    run = result.run.run
    results_path = _artifact(result, "evaluate", "results")
    results = read_results(results_path) if results_path else NOTHING_JUDGED
    anomalies = _artifact(result, "validate", "anomalies")
    return content.RunReport(
        model=run.model,
        run_id=run.run_id,
        verdict=_verdict(result, results),
        started=result.run.started_at,
        seconds=((result.run.finished_at or result.run.started_at) - result.run.started_at).total_seconds(),
        steps=tuple(content.Step(task.name, content.StepState(task.state), task.seconds) for task in result.tasks),
        data=_data(result),
        train_statistics=_statistics(result, "train"),
        eval_statistics=_statistics(result, "eval"),
        anomalies=_anomalies(anomalies) if anomalies else None,
        found=_found(result),
        checks=_checks(results),
        metrics=_metrics(results),
        roc=tuple(content.RocPoint(p.false_positive_rate, p.true_positive_rate, p.threshold, p.of) for p in results.roc),
        calibration=tuple(content.CalibrationBin(b.mean_prediction, b.mean_label, b.count) for b in results.calibration),
        classes=results.classes,
        matrices=tuple(content.ConfusionMatrix(_slice(m.slice), m.counts) for m in results.matrices),
        lineage=_lineage(result),
        commands=_commands(result),
    )


def _verdict(result: LocalResult, results: Results) -> content.Verdict:
    outcome = OUTCOMES.get(result.run.state, content.Outcome.FAILED)
    if outcome != content.Outcome.PUSHED:
        return content.Verdict(outcome, (result.run.error or "the run ended without saying why: see the logs").removeprefix("blocked: "))
    why = f"the data keep the pinned schema, and all {len(results.checks)} thresholds of model.toml are kept on the eval split."
    return content.Verdict(outcome, why, result.version)


def _data(result: LocalResult) -> content.DataSection | None:
    snapshot_path, counts_path = _artifact(result, "pin", "snapshot"), _artifact(result, "read", "counts")
    if snapshot_path is None or not (snapshot_path / SNAPSHOT).is_file():
        return None
    snapshot = read_snapshot_document(snapshot_path / SNAPSHOT)
    counts = read_counts(counts_path) if counts_path and counts_path.is_file() else ()
    by_split: defaultdict[str, int] = defaultdict(int)
    by_span: defaultdict[date, list[SplitCount]] = defaultdict(list)
    for count in counts:
        by_split[count.split] += count.rows
        by_span[count.span].append(count)
    spans = []
    for span, parts in by_span.items():
        rows = sum(part.rows for part in parts)
        shares = {name: sum(part.labels[name] for part in parts) / rows for name in parts[0].labels}
        spans.append(content.SpanRows(span, rows, shares.get("1"), shares if "1" not in shares else {}))
    return content.DataSection(
        snapshot.snapshot_id,
        f"{snapshot.source_table}, partitions {snapshot.partitions[0].day} to {snapshot.partitions[-1].day}, {snapshot.source_rows:,} rows",
        tuple(content.SplitRows(split, rows) for split, rows in by_split.items()),
        tuple(spans),
    )


def _statistics(result: LocalResult, split: str) -> DatasetFeatureStatisticsList | None:
    folder = _artifact(result, "statistics", "statistics")
    path = folder / f"Split-{split}" / "FeatureStats.pb" if folder else None
    return DatasetFeatureStatisticsList.FromString(path.read_bytes()) if path and path.is_file() else None


def _anomalies(folder: Path) -> tuple[content.Anomaly, ...]:
    return tuple(
        content.Anomaly(f"{found.feature or '(all columns)'} ({found.split})", found.short, found.long) for found in read_anomalies(folder)
    )


def _found(result: LocalResult) -> tuple[content.FoundRow, ...] | None:
    """Of both looks at the data; None where there was none."""
    paths = [path for step in ("inspect", "validate") if (path := _artifact(result, step, "findings")) and path.is_file()]
    return tuple(row for path in paths for row in found_rows(read_findings(path))) if paths else None


def _checks(results: Results) -> tuple[content.Check, ...]:
    return tuple(content.Check(c.metric, _slice(c.slice), c.rule, c.value, c.passed) for c in results.checks)


def _metrics(results: Results) -> tuple[content.MetricValue, ...]:
    metrics = [metric for metric in results.metrics if metric.name != "example_count"]
    return tuple(content.MetricValue(m.name, _slice(m.slice), m.value, m.low, m.high, m.example_count) for m in metrics)


def _slice(features: dict[str, str]) -> str | None:
    return ", ".join(f"{name} {value}" for name, value in sorted(features.items())) or None


def _lineage(result: LocalResult) -> tuple[content.LineageEntry, ...]:
    run = result.run.run
    commit = f"{run.git_commit}{' with local changes' if run.git_dirty else ''}" if run.git_commit else "no repository"
    entries = {
        "run": run.run_id,
        "asked for by": f"{run.trigger}: {run.reason}",
        "git commit": commit,
        "environment (uv.lock)": run.environment_digest,
        "image": run.image_digest or "none: run on this machine",
        "compiled pipeline": run.pipeline_sha256,
        **{f"package {name}": run.package_versions[name] for name in ("tensorflow", "tfx", "kfp") if name in run.package_versions},
        **_places(result),
        "artifacts and logs": str(result.folder),
    }
    return tuple(content.LineageEntry(label, value) for label, value in entries.items())


def _places(result: LocalResult) -> dict[str, str]:
    pushed, snapshot = _artifact(result, "push", "pushed"), _artifact(result, "pin", "snapshot")
    places = {}
    if snapshot and (snapshot / SNAPSHOT).is_file():
        places["pinned rows"] = read_snapshot_document(snapshot / SNAPSHOT).snapshot_table
    if pushed and (pushed / ADDRESS).is_file():
        places["bytes of the version"] = (pushed / ADDRESS).read_text()
    return places


def _commands(result: LocalResult) -> tuple[content.Command, ...]:
    model = result.run.run.model
    if result.version is not None:
        return (
            content.Command("everything about this version", f"perennial show {model} {result.version}"),
            content.Command("all versions", f"perennial versions {model}"),
        )
    return (content.Command("run it again when the cause is mended", f"perennial train {model}"),)
