"""Record the findings of the gate before training, and end the run if one of them blocks."""

from datetime import UTC, datetime
from pathlib import Path

from components.checks.findings import ranked, read_findings, refusal
from components.checks.record import mark_accepted, record_findings
from components.checks.step import Inspection, write_inspection
from components.errors import BlockedError
from components.profiles.record import ProfileKind, keep_page, keep_profiles
from components.profiles.reference import champion_version
from components.runs.outcome import Step
from components.runs.record import read_run
from components.snapshot.pinned import keep_pinned
from components.snapshot.record import DatasetRole, RecordedSnapshot, link_snapshot, record_snapshot
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


def admit(step: Step, stage: str, snapshot: KfpArtifact, reference: KfpArtifact, inspection: Inspection) -> None:
    """Keep the profiles and the page, record the findings, and end the run if one of them blocks and the gate is not waived.

    Args:
        step: the step that inspected the data.
        stage: `source`, or `rows`.
        snapshot: the pinned snapshot.
        reference: the champion's training data.
        inspection: the artifacts of the inspection.

    Raises:
        BlockedError: a finding blocks.
        AccessError: Cloud Storage or Cloud SQL cannot be reached.
    """
    pinned, findings, kind = snapshot_of(snapshot), read_findings(Path(inspection.findings.path)), ProfileKind(stage)
    client, bucket, run_id = step.cloud.storage, step.settings.bucket, step.run_id
    profiles = Path(inspection.profile.path)
    keep_profiles(client, bucket, model=pinned.model, snapshot_id=pinned.snapshot_id, kind=kind, path=profiles)
    with step.cloud.engine.begin() as connection:
        marked = ranked(mark_accepted(connection, pinned.model, findings, datetime.now(UTC).date()))
        if marked != findings:
            findings = marked
            write_inspection(findings, step.model, inspection)
        waived = bool(read_run(connection, run_id).run.parameters.get("waive_gate"))
        record_findings(connection, run_id, stage, findings, waived=waived)
        page = keep_page(client, bucket, name=f"reports/{run_id}/{stage}.html", path=Path(inspection.page.path)) if findings else ""
        sentence = refusal(findings, _good_data(champion_version(reference)))
        if sentence is None or waived:
            return
        record_snapshot(connection, RecordedSnapshot.of(pinned))
        link_snapshot(connection, run_id, DatasetRole.TRAIN, pinned.snapshot_id)
    keep_pinned(step.cloud.warehouse, step.settings, pinned.snapshot_table)
    raise BlockedError(sentence if step.settings.is_local else f"{sentence}; page: {page}")


def _good_data(version: int | None) -> str:
    return "" if version is None else f"version {version} was trained on good data"
