"""The page of a local run, from the files that its steps left on this machine."""

from pathlib import Path

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from components.checks.findings import Finding, read_findings
from components.checks.gate import read_anomalies
from components.evaluation.results import read_results
from components.examples.read import read_counts
from components.examples.span_cache import SPLITS
from components.files import private_folder
from components.model.folder import read_model
from components.registry.page import NOT_EVALUATED, FinishedRun, render_run
from components.registry.step import ADDRESS
from components.report.drawing import unchecked
from components.report.templating import write_page
from components.settings import Settings
from components.snapshot.document import SNAPSHOT_FILE, read_snapshot_document
from pipelines.run.train import TrainingResult


def _report_path(settings: Settings, run_id: str) -> Path:
    """The path of a run's page."""
    return settings.state_folder / "reports" / f"{run_id}.html"


def write_report(settings: Settings, result: TrainingResult) -> Path:
    """Write the page. What the run did not reach is missing from it, and the page says so.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    private_folder(settings.state_folder / "reports")
    path = _report_path(settings, result.run.run.run_id)
    ignored = read_model(settings.models_folder, result.run.run.model).checks.ignore
    with unchecked():
        page = render_run(_finished_run(result, ignored))
    write_page(page, path)
    return path


def _finished_run(result: TrainingResult, ignored: tuple[str, ...]) -> FinishedRun:
    """Read what the steps of a run left in its folder."""
    snapshot, counts = _artifact(result, "pin", f"snapshot/{SNAPSHOT_FILE}"), _artifact(result, "read", "counts")
    results, anomalies = _artifact(result, "evaluate", "results"), _artifact(result, "validate", "anomalies")
    address = _artifact(result, "push", f"pushed/{ADDRESS}")
    return FinishedRun(
        recorded=result.run,
        folder=result.folder,
        version=result.version,
        version_uri=address.read_text() if address else None,
        tasks=result.tasks,
        snapshot=read_snapshot_document(snapshot) if snapshot else None,
        counts=read_counts(counts) if counts else (),
        statistics=_statistics(result),
        anomalies=read_anomalies(anomalies) if anomalies else None,
        findings=_findings(result),
        ignored=ignored,
        results=read_results(results) if results else NOT_EVALUATED,
    )


def _artifact(result: TrainingResult, task: str, name: str) -> Path | None:
    return next(iter(sorted((result.folder / "artifacts").glob(f"*/{task}/{name}"))), None)


def _statistics(result: TrainingResult) -> dict[str, DatasetFeatureStatisticsList]:
    paths = {split: _artifact(result, "statistics", f"statistics/Split-{split}/FeatureStats.pb") for split in SPLITS}
    return {split: DatasetFeatureStatisticsList.FromString(path.read_bytes()) for split, path in paths.items() if path}


def _findings(result: TrainingResult) -> tuple[Finding, ...] | None:
    """What both looks at the data found; None where neither was taken."""
    paths = [path for step in ("inspect", "validate") if (path := _artifact(result, step, "findings")) and path.is_file()]
    return tuple(finding for path in paths for finding in read_findings(path)) if paths else None
