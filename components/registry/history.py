"""What the registry tells of versions: the list of a model's, and the whole story of one."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from components.registry.deployments import Event, Retirement, history, live_of_model, read_candidate
from components.registry.evaluations import Blessing, Evaluation, read_blessings, read_evaluations
from components.registry.manifest import Manifest, entries_from
from components.registry.runs import RecordedRun, Task, read_run, read_tasks
from components.registry.snapshots import Snapshot, read_snapshot
from components.registry.statements import execute
from components.registry.versions import latest_version, version_id


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """A version in one line."""

    number: int
    variant: str
    run_id: str
    snapshot_id: str
    partition_from: date
    partition_to: date
    """Exclusive."""
    git_commit: str | None
    git_dirty: bool
    training_sha256: str
    artifact_uri: str
    manifest_sha256: str
    created_at: datetime
    blessed: bool | None
    """The last verdict; None while there is none."""
    metrics: Mapping[str, float]
    """On all examples, as the run that made the version measured them."""
    live_on: tuple[str, ...]
    retired: bool


@dataclass(frozen=True, kw_only=True)
class VersionStory:
    """All that is known of a version. Commit, environment, image, packages and parameters are the run's."""

    model: str
    number: int
    variant: str
    code_sha256: str
    training_sha256: str
    framework: str
    signature: Mapping[str, object] | None
    examples_sha256: str | None
    """None for versions that were made before it was recorded; so is the machine's kind."""
    training_machine: str | None
    manifest: Manifest
    created_by: str
    created_at: datetime
    run: RecordedRun
    tasks: tuple[Task, ...]
    snapshot: Snapshot
    evaluations: tuple[Evaluation, ...]
    blessings: tuple[Blessing, ...]
    live_on: tuple[str, ...]
    deployments: tuple[Event, ...]
    """Of this version, newest first."""
    retirement: Retirement | None


def list_versions(connection: sa.Connection, model: str) -> list[VersionSummary]:
    """The versions of a model, oldest first.

    Raises:
        RegistryError: no version of the model was ever registered; the text says which models there are.
    """
    latest_version(connection, model)
    metrics: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for row in execute(connection, "history.overall_metrics", model=model):
        metrics[row.number][row.name] = row.value
    rows, live = execute(connection, "history.versions", model=model).mappings(), live_of_model(connection, model)
    return [VersionSummary(**row, metrics=metrics[row["number"]], live_on=live.get(row["number"], ())) for row in rows]


def read_version(connection: sa.Connection, model: str, number: int) -> VersionStory:
    """The story of one version.

    Raises:
        RegistryError: there is no such model or version; the text says what there is.
    """
    row = execute(connection, "history.version", model_version_id=version_id(connection, model, number)).mappings().one()
    return VersionStory(
        model=model,
        **{name: row[name] for name in ("number", "variant", "code_sha256", "training_sha256", "framework", "signature")},
        **{name: row[name] for name in ("examples_sha256", "training_machine")},
        manifest=Manifest(row["artifact_uri"], entries_from(row["manifest"])),
        created_by=row["created_by"],
        created_at=row["created_at"],
        run=read_run(connection, row["run_id"]),
        tasks=read_tasks(connection, row["run_id"]),
        snapshot=read_snapshot(connection, row["snapshot_id"]),
        evaluations=read_evaluations(connection, model, number),
        blessings=read_blessings(connection, model, number),
        live_on=live_of_model(connection, model).get(number, ()),
        deployments=tuple(event for event in history(connection, model) if event.version == number),
        retirement=read_candidate(connection, model, number).retirement,
    )
