"""What the registry says is in Cloud Storage: read in pages, each in a transaction of its own, however long the work on one takes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from components.database.statements import execute
from components.errors import RegistryError
from components.registry.versions import latest_version, version_id
from components.storage.manifest import Entry, Manifest, recorded_manifest
from components.storage.objects import require_model_name

PAGE = 100


@dataclass(frozen=True)
class Scope:
    """The versions that a command works on: all, those of a model, or one."""

    model: str | None = None
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class StoredVersion:
    """What the registry says of a version's bytes."""

    model: str
    number: int
    run_id: str
    manifest: Manifest
    """The manifest; it has no entries where those of the row are not to be believed."""
    problem: str | None
    """Why the row's entries are not to be believed; None if they are."""
    created_at: datetime
    retired: bool
    deployed: bool
    """Whether it was ever live on a target."""
    live: bool
    """Whether it is live now."""
    refused: bool
    """Whether the last gate refused it: it was kept as a candidate."""

    @property
    def is_published(self) -> bool:
        """Whether it has to be where TensorFlow Serving looks for it: a refused version is only if it was deployed nonetheless."""
        return not self.retired and (not self.refused or self.deployed)

    @property
    def entries(self) -> dict[str, Entry]:
        """The files by their path.

        Raises:
            RegistryError: the row's are not to be believed.
        """
        if self.problem is not None:
            raise RegistryError(self.problem)
        return {entry.path: entry for entry in self.manifest.entries}


def require_scope(engine: sa.Engine, scope: Scope) -> None:
    """Refuse what is not in the registry.

    Raises:
        RegistryError: no model can be called so, or there is no such model or version; the text says what there is.
    """
    if scope.model is not None:
        require_model_name(scope.model)
        with engine.connect() as connection:
            latest_version(connection, scope.model)
            if scope.number is not None:
                version_id(connection, scope.model, scope.number)


def stored_versions(engine: sa.Engine, scope: Scope) -> Iterator[StoredVersion]:
    """The versions by model and number."""
    after = ("", 0)
    while True:
        with engine.connect() as connection:
            values = {"after_model": after[0], "after": after[1], "count": PAGE}
            rows = execute(connection, "stored.versions", **vars(scope), **values).mappings().all()
        for row in rows:
            yield _stored_version(row)
        if len(rows) < PAGE:
            return
        after = (rows[-1]["model"], rows[-1]["number"])


def _stored_version(row: sa.RowMapping) -> StoredVersion:
    problem = None
    try:
        manifest = recorded_manifest(row["artifact_uri"], row["manifest"])
    except RegistryError as error:
        manifest, problem = Manifest(row["artifact_uri"], ()), str(error)
    others = {name: row[name] for name in row if name not in ("artifact_uri", "manifest")}
    return StoredVersion(manifest=manifest, problem=problem, **others)


def count_versions(engine: sa.Engine, scope: Scope) -> int:
    """Count the versions in the scope."""
    with engine.connect() as connection:
        return int(execute(connection, "stored.count", **vars(scope)).scalar_one())


def newest_versions(engine: sa.Engine) -> dict[str, int]:
    """The number of each model's newest version."""
    with engine.connect() as connection:
        return {row.name: row.latest for row in execute(connection, "versions.models")}


def known_uris(engine: sa.Engine, uris: Collection[str]) -> set[str]:
    """Those of the addresses of pushed folders that belong to a version."""
    with engine.connect() as connection:
        return {row.artifact_uri for row in execute(connection, "stored.known_uris", uris=list(uris))}


def server_time(engine: sa.Engine) -> datetime:
    """What time it is by the clock of Cloud SQL."""
    with engine.connect() as connection:
        now: datetime = execute(connection, "stored.now").scalar_one()
    return now
