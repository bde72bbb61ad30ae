"""What runs leave in the registry: the snapshot that they read, a version, how it was measured, and what a gate said of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from components.evaluation.metric import Check, Metric
from components.registry.deployments import Action, Event
from components.registry.evaluations import Blessing, Evaluation, record_blessing, record_evaluation
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run, start_run
from components.snapshot.document import Snapshot
from components.snapshot.record import DatasetRole, RecordedSnapshot, link_snapshot, record_snapshot
from components.storage.manifest import Manifest


def record_pin(connection: sa.Connection, run: Run, snapshot: Snapshot | RecordedSnapshot) -> None:
    """A run that read a snapshot to train on it."""
    recorded = RecordedSnapshot.of(snapshot) if isinstance(snapshot, Snapshot) else snapshot
    start_run(connection, run)
    record_snapshot(connection, recorded)
    link_snapshot(connection, run.run_id, DatasetRole.TRAIN, recorded.snapshot_id)


def version_of(run: Run, snapshot_id: str, manifest: Manifest) -> NewVersion:
    """The version that a run made of a snapshot."""
    return NewVersion(
        model=run.model,
        run_id=run.run_id,
        snapshot_id=snapshot_id,
        code_sha256="1" * 64,
        training_sha256="2" * 64,
        manifest=manifest,
        framework="tensorflow",
        examples_sha256="3" * 64,
        training_machine="an abacus",
    )


def evaluation_of(new: NewVersion, number: int, *metrics: Metric, **changes: Any) -> Evaluation:
    """What the run that made the version measured of it."""
    names = {"model": new.model, "version": number, "run_id": new.run_id, "snapshot_id": new.snapshot_id}
    return Evaluation(**{**names, "config_sha256": "a" * 64, "metrics": metrics, **changes})


def blessing_of(new: NewVersion, number: int, *checks: Check, **changes: Any) -> Blessing:
    """What that run's gate said of the version: yes, unless it is changed."""
    names = {"model": new.model, "version": number, "run_id": new.run_id, "decided_by": "a test"}
    return Blessing(**{**names, "policy_sha256": "b" * 64, "blessed": True, "checks": checks, **changes})


def register(
    connection: sa.Connection,
    new: NewVersion,
    *,
    metrics: Sequence[Metric] | None = None,
    blessed: bool | None = None,
    checks: Sequence[Check] = (),
) -> int:
    """Register a version; with metrics it is evaluated, with a verdict it is judged. Returns its number."""
    number = register_version(connection, new)
    if metrics is not None:
        record_evaluation(connection, evaluation_of(new, number, *metrics))
    if blessed is not None:
        record_blessing(connection, blessing_of(new, number, *checks, blessed=blessed))
    return number


def deployed(model: str, target: str, *, by: str, because: str, at: datetime) -> Event:
    """The first deployment on a target, of version 1."""
    return Event(
        model=model,
        target=target,
        seq=1,
        action=Action.DEPLOY,
        version=1,
        rolls_back_to=None,
        forced=False,
        smoke={},
        request_id="one",
        actor=by,
        reason=because,
        created_at=at,
    )
