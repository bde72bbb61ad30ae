"""What the registry tells of versions: the list of a model's, and the whole story of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from components.database.statements import execute
from components.evaluation.metric import Metric
from components.model.sections import Split
from components.registry.deployments import Action, Event, Retirement
from components.registry.evaluations import Blessing, Evaluation, blessing_from, evaluation_from
from components.registry.marks import Marks
from components.registry.versions import latest_version, version_id
from components.runs.record import RecordedRun, Task, recorded
from components.snapshot.record import RecordedSnapshot
from components.storage.manifest import Manifest, recorded_manifest


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """A version in one line."""

    number: int
    variant: str
    run_id: str
    snapshot_id: str
    partition_from: date
    partition_to: date
    """The day after the last partition."""
    git_commit: str | None
    git_dirty: bool
    waived: bool
    """Whether the gate before training was waived for its data."""
    forced: bool
    """Whether it was deployed with --force, anywhere."""
    training_sha256: str
    artifact_uri: str
    manifest_sha256: str
    created_at: datetime
    blessed: bool | None
    """The last verdict; None while there is none."""
    metrics: Mapping[str, float]
    """The metrics on all examples, as the run that made the version measured them."""
    live_on: tuple[str, ...]
    retired: bool

    @property
    def marks(self) -> Marks:
        """Why it is not like the others."""
        return Marks(waived=self.waived, forced=self.forced, git_commit=self.git_commit, git_dirty=self.git_dirty)


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
    examples_sha256: str
    training_machine: str
    manifest: Manifest
    created_by: str
    created_at: datetime
    run: RecordedRun
    tasks: tuple[Task, ...]
    snapshot: RecordedSnapshot
    evaluations: tuple[Evaluation, ...]
    blessings: tuple[Blessing, ...]
    live_on: tuple[str, ...]
    deployments: tuple[Event, ...]
    """The deployments of this version, newest first."""
    retirement: Retirement | None

    @property
    def marks(self) -> Marks:
        """Why it is not like the others."""
        run = self.run.run
        return Marks(
            waived=run.parameters.get("waive_gate") is True,
            forced=any(event.forced for event in self.deployments),
            git_commit=run.git_commit,
            git_dirty=run.git_dirty,
        )

    @property
    def own_evaluation(self) -> Evaluation | None:
        """What the run that made the version measured on its own snapshot's eval split; None if it measured nothing."""
        return self.own_evaluation_of(Split.EVAL)

    def own_evaluation_of(self, split: str) -> Evaluation | None:
        """What the run that made the version measured on a split of its own snapshot; None if it measured nothing there."""
        own = self.run.run.run_id, self.snapshot.snapshot_id, split
        return next((one for one in self.evaluations if (one.run_id, one.snapshot_id, one.split) == own), None)

    @property
    def own_metrics(self) -> Sequence[Metric]:
        """The metrics of that evaluation."""
        return self.own_evaluation.metrics if self.own_evaluation else ()


def list_versions(connection: sa.Connection, model: str, *, limit: int | None = None) -> list[VersionSummary]:
    """The newest versions of a model, oldest first; all of them without a limit.

    Raises:
        RegistryError: no version of the model was ever registered; the text says which models there are.
    """
    rows = execute(connection, "history.versions", model=model, limit=limit).mappings().all()
    if not rows:
        latest_version(connection, model)
    return [
        VersionSummary(
            **{
                **row,
                "live_on": tuple(row["live_on"]),
                "metrics": {name: float(value) for name, value in (row["metrics"] or {}).items()},
            }
        )
        for row in rows
    ]


def read_version(connection: sa.Connection, model: str, number: int) -> VersionStory:
    """The story of one version, in one question to the database.

    Raises:
        RegistryError: there is no such model or version; the text says what there is.
    """
    row = execute(connection, "history.version", model=model, number=number).mappings().first()
    if row is None:
        version_id(connection, model, number)  # this raises, and says what there is
        return read_version(connection, model, number)  # it came to be this moment
    return VersionStory(
        model=model,
        **{name: row[name] for name in ("number", "variant", "code_sha256", "training_sha256", "framework", "signature")},
        **{name: row[name] for name in ("examples_sha256", "training_machine", "created_by")},
        manifest=recorded_manifest(row["artifact_uri"], row["manifest"]),
        created_at=row["made_at"],
        run=recorded(row),
        tasks=tuple(Task(**task) for task in row["tasks"] or ()),
        snapshot=RecordedSnapshot(**{field.name: row[field.name] for field in fields(RecordedSnapshot)}),
        evaluations=tuple(evaluation_from(model, number, item) for item in row["evaluations"] or ()),
        blessings=tuple(blessing_from(model, number, item) for item in row["blessings"] or ()),
        live_on=tuple(row["live_on"]),
        deployments=tuple(_event(model, number, item) for item in row["deployments"] or ()),
        retirement=Retirement(number, row["retired_by"], row["retired_because"], row["retired_at"]) if row["retired_at"] else None,
    )


def _event(model: str, number: int, item: Mapping[str, Any]) -> Event:
    """The event in a JSON object, which has times as texts."""
    values = {name: item[name] for name in ("target", "seq", "rolls_back_to", "forced", "smoke", "request_id", "actor", "reason")}
    created_at = datetime.fromisoformat(item["created_at"])
    return Event(model=model, version=number, action=Action(item["action"]), created_at=created_at, **values)
