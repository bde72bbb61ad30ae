"""The champion: the version that is live, else the newest blessed one, whose training data new data are compared with."""

import json
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from components.database.engine import make_engine
from components.database.statements import execute
from components.google import storage_client
from components.profiles.record import Profiled, fetch_profiles
from components.profiles.reference import CHAMPION, DOCUMENT, profiles_file
from components.settings import Settings
from components.snapshot.record import read_recorded_snapshot
from components.tfx.artifacts import KfpArtifact


@dataclass(frozen=True)
class Champion:
    """The version whose data are known to be good."""

    version: int
    snapshot_id: str
    run_id: str


def find_champion(connection: sa.Connection, model: str) -> Champion | None:
    """The version that is live, else the newest blessed one; None while there is none."""
    row = execute(connection, "champion.find", model=model).first()
    return None if row is None else Champion(row.version, row.snapshot_id, row.run_id)


def write_reference(settings: Settings, model: str, reference: KfpArtifact) -> None:
    """Leave in the artifact what the champion was trained on: its snapshot and the profiles. Without a champion it stays empty."""
    folder = Path(reference.path)
    folder.mkdir(parents=True, exist_ok=True)
    with make_engine(settings).connect() as connection:
        champion = find_champion(connection, model)
        snapshot = None if champion is None else read_recorded_snapshot(connection, champion.snapshot_id)
    if champion is None or snapshot is None:
        return
    (folder / DOCUMENT).write_text(json.dumps(snapshot.document))
    (folder / CHAMPION).write_text(str(champion.version))
    client = storage_client(settings)
    for kind in Profiled:
        path = folder / profiles_file(kind)
        fetch_profiles(client, settings.bucket, model=model, snapshot_id=champion.snapshot_id, kind=kind, path=path)
