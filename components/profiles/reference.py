"""The champion's training data, handed to a run as an artifact: its snapshot and its profiles."""

from dataclasses import dataclass
from pathlib import Path

from components.profiles.file import read_profiles
from components.profiles.profile import ColumnProfile, ProfileKey
from components.snapshot.document import SNAPSHOT_FILE, Snapshot, read_snapshot_document
from components.tfx.artifacts import KfpArtifact

CHAMPION = "version"


@dataclass(frozen=True)
class Reference:
    """Data that passed the gate. Without a champion there is no snapshot, and the profiles are empty."""

    version: int | None
    snapshot: Snapshot | None
    source: dict[ProfileKey, dict[str, ColumnProfile]]
    rows: dict[ProfileKey, dict[str, ColumnProfile]]


def profiles_file(kind: str) -> str:
    """The name of the file with the profiles of `source` or `rows`."""
    return f"{kind}.parquet"


def champion_version(reference: KfpArtifact) -> int | None:
    """The champion's number; None without a champion."""
    path = Path(reference.path) / CHAMPION
    return int(path.read_text()) if path.is_file() else None


def read_reference(reference: KfpArtifact) -> Reference:
    """Read the artifact."""
    folder = Path(reference.path)
    source, rows = (read_profiles(folder / profiles_file(kind)) for kind in ("source", "rows"))
    document = folder / SNAPSHOT_FILE
    snapshot = read_snapshot_document(document) if document.is_file() else None
    return Reference(champion_version(reference), snapshot, source, rows)
