"""What the champion was trained on, as a run is given it: the snapshot, and the profiles of its partitions and spans."""

import json
from dataclasses import dataclass
from pathlib import Path

from components.profiles.file import read_profiles
from components.profiles.profile import ColumnProfile, ProfileKey
from components.snapshot.document import Snapshot, snapshot_from
from components.tfx.artifacts import KfpArtifact

DOCUMENT = "snapshot.json"
CHAMPION = "version"


@dataclass(frozen=True)
class Reference:
    """Good data. Without a champion there is no snapshot, and nothing in the profiles."""

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
    """What the artifact holds."""
    folder = Path(reference.path)
    source, rows = (read_profiles(folder / profiles_file(kind)) for kind in ("source", "rows"))
    if not (folder / DOCUMENT).is_file():
        return Reference(None, None, source, rows)
    return Reference(int((folder / CHAMPION).read_text()), snapshot_from(json.loads((folder / DOCUMENT).read_text())), source, rows)
