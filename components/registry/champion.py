"""The champion: the version that is live, else the newest blessed one, whose training data new data are compared with."""

import json
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from components.database.statements import execute
from components.evaluation.champion.champion import ChampionRecord
from components.model.sections import Split
from components.profiles.record import ProfileKind, fetch_profiles
from components.profiles.reference import CHAMPION, profiles_file
from components.registry.history import read_version
from components.runs.outcome import Step
from components.snapshot.document import SNAPSHOT_FILE, snapshot_from
from components.snapshot.record import read_recorded_snapshot
from components.storage.manifest import manifest_json
from components.tfx.artifacts import KfpArtifact


@dataclass(frozen=True)
class Champion:
    """The version whose data are known to be good."""

    version: int
    snapshot_id: str
    run_id: str


def _find_champion(connection: sa.Connection, model: str) -> Champion | None:
    """The version that is live, else the newest blessed one; None while there is none."""
    row = execute(connection, "champion.find", model=model).first()
    return None if row is None else Champion(row.version, row.snapshot_id, row.run_id)


def write_reference(step: Step, reference: KfpArtifact) -> None:
    """Leave in the artifact where the champion's bytes are, and what it was trained on: its snapshot and the profiles.

    Without a champion it stays empty.
    """
    folder = Path(reference.path)
    folder.mkdir(parents=True, exist_ok=True)
    with step.cloud.engine.connect() as connection:
        champion = _find_champion(connection, step.model.name)
        snapshot = None if champion is None else read_recorded_snapshot(connection, champion.snapshot_id)
        story = None if champion is None else read_version(connection, step.model.name, champion.version)
    if champion is None or snapshot is None or story is None:
        return
    ChampionRecord(
        version=champion.version,
        uri=story.manifest.uri,
        manifest=manifest_json(story.manifest),
        spans=snapshot_from(snapshot.document).spans,
        holds_out=any(evaluation.split == Split.NEWEST and evaluation.run_id == champion.run_id for evaluation in story.evaluations),
    ).write(folder)
    (folder / SNAPSHOT_FILE).write_text(json.dumps(snapshot.document))
    (folder / CHAMPION).write_text(str(champion.version))
    for kind in ProfileKind:
        path = folder / profiles_file(kind)
        fetch_profiles(
            step.cloud.storage, step.settings.bucket, model=step.model.name, snapshot_id=champion.snapshot_id, kind=kind, path=path
        )
