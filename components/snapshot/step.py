"""The step `pin`, and the artifact of a snapshot."""

from datetime import date
from pathlib import Path

from components.runs.outcome import Step
from components.snapshot.document import SNAPSHOT_FILE, Snapshot, read_snapshot_document
from components.snapshot.pin import pin
from components.tfx.artifacts import KfpArtifact


def write_snapshot(step: Step, through: str, snapshot: KfpArtifact) -> None:
    """Pin the window that ends with `through`, and write the snapshot's document into the artifact."""
    put_snapshot(pin(step.cloud, step.model, date.fromisoformat(through)), snapshot)


def put_snapshot(pinned: Snapshot, snapshot: KfpArtifact) -> None:
    """Write a snapshot's document into the artifact."""
    folder = Path(snapshot.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SNAPSHOT_FILE).write_text(pinned.to_json())
    snapshot.metadata |= {"snapshot_id": pinned.snapshot_id, "snapshot_table": pinned.snapshot_table, "source_rows": pinned.source_rows}


def snapshot_of(snapshot: KfpArtifact) -> Snapshot:
    """Read the snapshot from the artifact."""
    return read_snapshot_document(Path(snapshot.path) / SNAPSHOT_FILE)
