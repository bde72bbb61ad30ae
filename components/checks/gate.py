"""Compute the statistics of every split and validate them against the schema that is pinned in git."""

import json
from collections.abc import Sequence
from pathlib import Path

from components.checks.findings import Finding
from components.looks.data_check import DataCheck
from components.model.folder import Model
from components.model.sections import Split
from components.profiles.statistics import write_statistics
from components.runs.outcome import Step
from components.schema.anomalies import Anomaly, list_anomalies
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor

NO_EXCLUDED_SPLITS = "[]"


def statistics_cache(step: Step) -> Path | None:
    """The folder in which a model's statistics of spans are kept; None if settings ask for StatisticsGen itself."""
    return None if step.settings.stock_executors else step.settings.caches / "statistics" / step.model.name


def compute_statistics(examples: KfpArtifact, statistics: KfpArtifact, *, cache: Path | None, beam_args: Sequence[str]) -> None:
    """Compute the statistics of every split.

    Args:
        examples: what the step `read` left.
        statistics: is filled as by StatisticsGen.
        cache: what is kept of spans that were met before; None runs StatisticsGen.
        beam_args: where that runs.

    Raises:
        SourceError: a column has numbers in one span and text in another.
    """
    if cache is not None:
        splits = str(examples.metadata["split_names"])
        write_statistics(Path(examples.path), Path(statistics.path), json.loads(splits), cache=cache)
        statistics.metadata |= {"tfx_type": "ExampleStatistics", "split_names": splits}
        return
    run_executor(
        Executor.STATISTICS_GEN,
        {"examples": TypedArtifact(examples, "Examples")},
        {"statistics": TypedArtifact(statistics, "ExampleStatistics")},
        properties={"exclude_splits": NO_EXCLUDED_SPLITS},
        beam_args=beam_args,
    )


def import_schema(model: Model, schema: KfpArtifact) -> None:
    """Write the model's pinned schema into an artifact. It is never inferred."""
    folder = Path(schema.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.pbtxt").write_text(model.text("schema.pbtxt"))
    schema.metadata["tfx_type"] = "Schema"


def validate(statistics: KfpArtifact, schema: KfpArtifact, anomalies: KfpArtifact, *, beam_args: Sequence[str]) -> list[Finding]:
    """Run ExampleValidator, which writes what it finds and never fails. Returns a finding for each anomaly."""
    run_executor(
        Executor.EXAMPLE_VALIDATOR,
        {"statistics": TypedArtifact(statistics, "ExampleStatistics"), "schema": TypedArtifact(schema, "Schema")},
        {"anomalies": TypedArtifact(anomalies, "ExampleAnomalies")},
        properties={"exclude_splits": NO_EXCLUDED_SPLITS},
        beam_args=beam_args,
    )
    return [_finding(anomaly) for anomaly in read_anomalies(Path(anomalies.path))]


def _finding(anomaly: Anomaly) -> Finding:
    return Finding(
        check=DataCheck.SCHEMA,
        level="rows",
        column=anomaly.feature,
        days=0,
        what=f"{'of ' if anomaly.feature else ''}split {anomaly.split} breaks schema.pbtxt: {anomaly.long}",
        remedy=f"mend the source, or review {'the column in ' if anomaly.feature else ''}schema.pbtxt",
    )


def read_anomalies(folder: Path) -> tuple[Anomaly, ...]:
    """The anomalies that ExampleValidator wrote, by split and feature."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    files = {split: folder / f"Split-{split}" / "SchemaDiff.pb" for split in Split}
    by_split = {split: anomalies_pb2.Anomalies.FromString(path.read_bytes()) for split, path in files.items() if path.is_file()}
    return tuple(anomaly for split, anomalies in by_split.items() for anomaly in list_anomalies(anomalies, split=split))
