"""What the step `pin` does."""

from datetime import date
from pathlib import Path

from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import Settings
from components.snapshot.document import Snapshot, read_snapshot_document
from components.snapshot.pin import pin
from components.tfx.artifacts import KfpArtifact

FILE = "snapshot.json"


def write_snapshot(settings: Settings, model: str, through: str, snapshot: KfpArtifact) -> None:
    """Pin, and leave the document in the artifact."""
    put_snapshot(pin(bigquery_client(settings), settings, read_model(settings.models_folder, model), date.fromisoformat(through)), snapshot)


def put_snapshot(pinned: Snapshot, snapshot: KfpArtifact) -> None:
    """Leave a snapshot's document in the artifact."""
    folder = Path(snapshot.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(pinned.to_json())
    snapshot.metadata |= {"snapshot_id": pinned.snapshot_id, "snapshot_table": pinned.snapshot_table, "source_rows": pinned.source_rows}


def snapshot_of(snapshot: KfpArtifact) -> Snapshot:
    """The snapshot in the artifact."""
    return read_snapshot_document(Path(snapshot.path) / FILE)
