"""Compute the statistics of every split and validate them against the schema that is pinned in git, by TFX's own executors."""

from collections.abc import Sequence
from pathlib import Path

from components.checks.findings import DataCheck, Finding
from components.checks.schema.anomalies import Anomaly, list_anomalies
from components.examples.span_cache import SPLITS
from components.model.folder import Model
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor

NO_EXCLUDED_SPLITS = "[]"


def compute_statistics(examples: KfpArtifact, statistics: KfpArtifact, *, beam_args: Sequence[str]) -> None:
    """Run StatisticsGen on every split."""
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

    files = {split: folder / f"Split-{split}" / "SchemaDiff.pb" for split in SPLITS}
    by_split = {split: anomalies_pb2.Anomalies.FromString(path.read_bytes()) for split, path in files.items() if path.is_file()}
    return tuple(anomaly for split, anomalies in by_split.items() for anomaly in list_anomalies(anomalies, split=split))
