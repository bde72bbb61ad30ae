"""The gate before training, as the registry sees it: what it holds data against, and what it leaves behind whichever way it decides."""

import json
from pathlib import Path

from components.checks.findings import read_findings, refusal
from components.checks.step import Looked
from components.errors import BlockedError
from components.google import storage_client
from components.registry.engine import make_engine
from components.registry.findings import Champion, find_champion, record_findings
from components.registry.profiles import Profiled, fetch_profiles, keep_page, keep_profiles
from components.registry.runs import read_run
from components.registry.snapshots import DatasetRole, link_run, read_snapshot, record_snapshot
from components.registry.step import recorded_snapshot
from components.settings import Settings
from components.snapshot.reference import CHAMPION, DOCUMENT, profiles_file
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


def write_reference(settings: Settings, model: str, reference: KfpArtifact) -> None:
    """Leave in the artifact what the champion was trained on: its snapshot and the profiles. Without a champion it stays empty."""
    folder = Path(reference.path)
    folder.mkdir(parents=True, exist_ok=True)
    with make_engine(settings).connect() as connection:
        champion = find_champion(connection, model)
        snapshot = None if champion is None else read_snapshot(connection, champion.snapshot_id)
    if champion is None or snapshot is None:
        return
    (folder / DOCUMENT).write_text(json.dumps(snapshot.document))
    (folder / CHAMPION).write_text(str(champion.version))
    client = storage_client(settings)
    for kind in Profiled:
        path = folder / profiles_file(kind)
        fetch_profiles(client, settings.bucket, model=model, snapshot_id=champion.snapshot_id, kind=kind, path=path)


def admit(settings: Settings, run_id: str, stage: str, snapshot: KfpArtifact, looked: Looked) -> None:
    """Keep the profiles and the page, record what was found, and end the run if anything blocks and nobody waived the gate.

    Args:
        settings: name bucket and database.
        run_id: of the run.
        stage: `source`, or `rows`.
        snapshot: what was pinned.
        looked: what the look at it left behind.

    Raises:
        BlockedError: something blocks.
        AccessError: Cloud Storage or Cloud SQL cannot be reached.
    """
    pinned, findings, kind = snapshot_of(snapshot), read_findings(Path(looked.findings.path)), Profiled(stage)
    client = storage_client(settings)
    profiles = Path(looked.profile.path)
    keep_profiles(client, settings.bucket, model=pinned.model, snapshot_id=pinned.snapshot_id, kind=kind, path=profiles)
    page = keep_page(client, settings.bucket, name=f"reports/{run_id}/{stage}.html", path=Path(looked.page.path)) if findings else ""
    with make_engine(settings).begin() as connection:
        waived = bool(read_run(connection, run_id).run.parameters.get("waive_gate"))
        record_findings(connection, run_id, stage, findings, waived=waived)
        sentence = refusal(findings, _good_data(find_champion(connection, pinned.model)))
        if sentence is None or waived:
            return
        record_snapshot(connection, recorded_snapshot(pinned))
        link_run(connection, run_id, DatasetRole.TRAIN, pinned.snapshot_id)
    raise BlockedError(sentence if settings.is_local else f"{sentence}; page: {page}")


def _good_data(champion: Champion | None) -> str:
    return "" if champion is None else f"version {champion.version} was trained on good data"
