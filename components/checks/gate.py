"""The gate before training: statistics of every split, held against the schema that is pinned in git."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import BlockedError
from components.examples.span_cache import SPLITS
from components.model import Model
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, Typed, run_executor

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

NO_EXCLUDED_SPLITS = "[]"
ALL_COLUMNS = "(all columns)"
"""Stands for a feature's name in a finding about a split as a whole."""


@dataclass(frozen=True)
class Finding:
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


def validate(statistics: KfpArtifact, schema: KfpArtifact, anomalies: KfpArtifact, *, beam_args: Sequence[str]) -> None:
    """Run ExampleValidator; it writes what it finds and never fails, so this does.

    Raises:
        BlockedError: a split breaks the schema.
    """
    run_executor(
        Executor.EXAMPLE_VALIDATOR,
        {"statistics": Typed(statistics, "ExampleStatistics"), "schema": Typed(schema, "Schema")},
        {"anomalies": Typed(anomalies, "ExampleAnomalies")},
        properties={"exclude_splits": NO_EXCLUDED_SPLITS},
        beam_args=beam_args,
    )
    findings = read_findings(Path(anomalies.path))
    if findings:
        raise BlockedError(_sentence(findings))


def _sentence(findings: tuple[Finding, ...]) -> str:
    first = findings[0]
    is_whole = first.feature == ALL_COLUMNS
    what = f"split {first.split}" if is_whole else f"column {first.feature} of split {first.split}"
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    remedy = f"mend the source, or review {'' if is_whole else 'the column in '}schema.pbtxt"
    return f"blocked: {what} breaks schema.pbtxt: {' '.join(first.long.split()).rstrip(' .')}{more}; {remedy}"


def read_findings(folder: Path) -> tuple[Finding, ...]:
    """What ExampleValidator wrote, by split and feature; empty where all is well."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    findings: list[Finding] = []
    for split in SPLITS:
        path = folder / f"Split-{split}" / "SchemaDiff.pb"
        if not path.is_file():
            continue
        found = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        if found.data_missing:
            findings.append(Finding(split, ALL_COLUMNS, "No examples", "there is not one example"))
        if found.HasField("dataset_anomaly_info"):
            findings.append(_finding(split, ALL_COLUMNS, found.dataset_anomaly_info))
        findings += [_finding(split, feature, info) for feature, info in sorted(found.anomaly_info.items())]
    return tuple(findings)


def _finding(split: str, feature: str, info: "anomalies_pb2.AnomalyInfo") -> Finding:
    return Finding(split, feature, info.short_description, info.description)
