"""The gate before training: statistics of every split, held against the schema that is pinned in git."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.checks.findings import DataCheck, Finding
from components.examples.span_cache import SPLITS
from components.model.folder import Model
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, Typed, run_executor

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

NO_EXCLUDED_SPLITS = "[]"
ALL_COLUMNS = "(all columns)"
"""Stands for a feature's name in a finding about a split as a whole."""


@dataclass(frozen=True)
class Anomaly:
    """Where a split breaks the schema."""

    split: str
    feature: str
    """A column, or ALL_COLUMNS."""
    short: str
    long: str


def compute_statistics(examples: KfpArtifact, statistics: KfpArtifact, *, beam_args: Sequence[str]) -> None:
    """Run StatisticsGen on every split."""
    run_executor(
        Executor.STATISTICS_GEN,
        {"examples": Typed(examples, "Examples")},
        {"statistics": Typed(statistics, "ExampleStatistics")},
        properties={"exclude_splits": NO_EXCLUDED_SPLITS},
        beam_args=beam_args,
    )


def import_schema(model: Model, schema: KfpArtifact) -> None:
    """Make the model's pinned schema an artifact. It is never inferred."""
    folder = Path(schema.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.pbtxt").write_text(model.text("schema.pbtxt"))
    schema.metadata["tfx_type"] = "Schema"


def validate(statistics: KfpArtifact, schema: KfpArtifact, anomalies: KfpArtifact, *, beam_args: Sequence[str]) -> list[Finding]:
    """Run ExampleValidator; it writes what it finds and never fails. Returns a finding for each anomaly."""
    run_executor(
        Executor.EXAMPLE_VALIDATOR,
        {"statistics": Typed(statistics, "ExampleStatistics"), "schema": Typed(schema, "Schema")},
        {"anomalies": Typed(anomalies, "ExampleAnomalies")},
        properties={"exclude_splits": NO_EXCLUDED_SPLITS},
        beam_args=beam_args,
    )
    return [_finding(anomaly) for anomaly in read_anomalies(Path(anomalies.path))]


def _finding(anomaly: Anomaly) -> Finding:
    is_whole = anomaly.feature == ALL_COLUMNS
    return Finding(
        check=DataCheck.SCHEMA,
        level="rows",
        column="" if is_whole else anomaly.feature,
        days=0,
        what=f"{'' if is_whole else 'of '}split {anomaly.split} breaks schema.pbtxt: {' '.join(anomaly.long.split()).rstrip(' .')}",
        remedy=f"mend the source, or review {'' if is_whole else 'the column in '}schema.pbtxt",
    )


def read_anomalies(folder: Path) -> tuple[Anomaly, ...]:
    """What ExampleValidator wrote, by split and feature; empty where all is well."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    anomalies: list[Anomaly] = []
    for split in SPLITS:
        path = folder / f"Split-{split}" / "SchemaDiff.pb"
        if not path.is_file():
            continue
        found = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        if found.data_missing:
            anomalies.append(Anomaly(split, ALL_COLUMNS, "No examples", "there is not one example"))
        if found.HasField("dataset_anomaly_info"):
            anomalies.append(_anomaly(split, ALL_COLUMNS, found.dataset_anomaly_info))
        anomalies += [_anomaly(split, feature, info) for feature, info in sorted(found.anomaly_info.items())]
    return tuple(anomalies)


def _anomaly(split: str, feature: str, info: "anomalies_pb2.AnomalyInfo") -> Anomaly:
    return Anomaly(split, feature, info.short_description, info.description)
