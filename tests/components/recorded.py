"""What runs leave in the registry: the snapshot that they read, a version, how it was measured, and what a gate said of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from components.canonical import fingerprint
from components.evaluation.metric import Check, Metric
from components.registry.deployments import Action, Event
from components.registry.evaluations import Blessing, Evaluation, record_blessing, record_evaluation
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run, Trigger, start_run
from components.snapshot.document import Snapshot
from components.snapshot.record import DatasetRole, RecordedSnapshot, link_snapshot, record_snapshot
from components.storage.manifest import Manifest


def run_of(model: str, **changes: Any) -> Run:
    """A run that trains a model."""
    fields = {
        "run_id": f"run-{uuid4().hex}",
        "model": model,
        "pipeline_name": "training",
        "pipeline_version": "0.1.0",
        "pipeline_sha256": "a" * 64,
        "parameters": {"through": "1998-05-31", "epochs": 3, "learning_rate": 0.1},
        "trigger": Trigger.PERSON,
        "reason": "a test",
        "environment_digest": f"sha256:{'b' * 64}",
        "package_versions": {"tensorflow": "2.21.0", "tfx": "1.21.0"},
        "host": "laptop",
        "git_commit": "c" * 40,
    }
    return Run(**(fields | changes))


def snapshot_of_purchases(**changes: Any) -> RecordedSnapshot:
    """A snapshot that no other call has made, of a table that is nowhere."""
    document = {"source": "shop.sales.purchases", "partitions": [{"id": "19980531", "rows": 1000}], "made": uuid4().hex}
    snapshot = RecordedSnapshot(
        snapshot_id=fingerprint(document),
        document=document,
        source_table="shop.sales.purchases",
        snapshot_table="shop.snapshots.purchases_19980531",
        partition_field="day",
        partition_from=date(1998, 4, 1),
        partition_to=date(1998, 6, 1),
        query_sha256="d" * 64,
        row_count=1000,
        schema_fingerprint="e" * 64,
        content_checksum="1000:-4611686018427387904",
    )
    return replace(snapshot, **changes)


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
