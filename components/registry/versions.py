"""Versions of models: numbers without gaps, each for bytes that are already in Cloud Storage."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import sqlalchemy as sa

from components.canonical import fingerprint
from components.database.idempotency import require_same
from components.database.statements import execute, shown
from components.errors import UnknownVersionError
from components.storage.manifest import Manifest

LISTED = 10
"""How many models a sentence names."""


class ModelRole(StrEnum):
    """What a run read a version for."""

    BASELINE = "baseline"
    """What the run made was compared with it."""


@dataclass(frozen=True, kw_only=True)
class NewVersion:
    """A pushed model, to be given a number."""

    model: str
    run_id: str
    snapshot_id: str
    code_sha256: str
    """The SHA-256 of the model's folder."""
    training_sha256: str
    """The SHA-256 of all that the weights depend on: see `training_fingerprint`."""
    manifest: Manifest
    framework: str
    examples_sha256: str
    """The SHA-256 over all files of examples (components.examples.digest)."""
    training_machine: str
    """The kind of machine that fitted the weights (components.runs.machine)."""
    signature: Mapping[str, object] | None = None
    variant: str = ""
    """The name that tells the models of one run apart, when there are several."""


def training_fingerprint(snapshot_id: str, code_sha256: str, *, parameters: Mapping[str, object], environment_digest: str) -> str:
    """One SHA-256 of all that the weights depend on: trainings that share it give the same weights."""
    return fingerprint([snapshot_id, code_sha256, dict(parameters), environment_digest])


def register_version(connection: sa.Connection, new: NewVersion) -> int:
    """Give a pushed model the next number of its model; the same run finds the number it was given before.

    Raises:
        RegistryError: the run has registered another model already, run or snapshot are unknown, or a value is not acceptable.
    """
    model_id = execute(connection, "versions.lock_model", model=new.model).scalar()
    if model_id is None:  # its first version
        execute(connection, "versions.insert_model", model=new.model)
        model_id = execute(connection, "versions.lock_model", model=new.model).scalar_one()
    values = _columns(new) | {"model_id": model_id}
    version = execute(connection, "versions.insert", **values).scalar()
    if version is None:
        pushed = execute(connection, "versions.read_pushed", **values).one()
        what = f"{new.model} {pushed.version}, the version of run {new.run_id},"
        require_same(what, pushed._asdict(), values, except_for=("version",))
        version = pushed.version
    return int(version)


def _columns(new: NewVersion) -> dict[str, object]:
    """The row of registry.model_version, but for its number."""
    return {
        **vars(new),
        "signature": None if new.signature is None else json.dumps(dict(new.signature)),
        "manifest": json.dumps([asdict(entry) for entry in new.manifest.entries]),
        "manifest_sha256": new.manifest.sha256,
        "artifact_uri": new.manifest.uri,
    }


def link_run(connection: sa.Connection, run_id: str, role: ModelRole, model: str, number: int) -> None:
    """Record that a run read a version, and what for. Recording it again changes nothing.

    Raises:
        RegistryError: the run or the version is unknown.
    """
    execute(connection, "versions.link_run", run_id=run_id, role=role, model_version_id=version_id(connection, model, number))


def find_trained(connection: sa.Connection, model: str, training_sha256: str) -> int | None:
    """The newest version of the model whose training depended on exactly the same; None if there is none."""
    found: int | None = execute(connection, "versions.find_trained", model=model, training_sha256=training_sha256).scalar()
    return found


def was_trained(connection: sa.Connection, model: str, code_sha256: str) -> bool:
    """Whether the model has a version, of whatever data, made by this very code."""
    return bool(execute(connection, "versions.was_trained", model=model, code_sha256=code_sha256).scalar())


def find_version_of_run(connection: sa.Connection, run_id: str) -> int | None:
    """The version that a run made; None if it made none."""
    found: int | None = execute(connection, "versions.find_of_run", run_id=run_id).scalar()
    return found


def version_id(connection: sa.Connection, model: str, number: int) -> int:
    """The registry's own id of a version.

    Raises:
        UnknownVersionError: there is no such model or version; the text says what there is.
    """
    found = execute(connection, "versions.find", model=model, version=number).scalar()
    if found is None:
        latest = latest_version(connection, model)
        there_is = f"it has 1 to {latest}" if latest else "it has none yet"
        raise UnknownVersionError(f"model {shown(model)} has no version {number}: {there_is}; run `perennial versions {model}`")
    return int(found)


def latest_version(connection: sa.Connection, model: str) -> int:
    """The number of the model's newest version.

    Raises:
        UnknownVersionError: no version of the model was ever registered; the text says which models there are.
    """
    models = {row.name: row.latest for row in execute(connection, "versions.models")}
    if model not in models:
        names = list(dict.fromkeys([*difflib.get_close_matches(model, models), *models]))
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        there_are = f"it has {', '.join(names[:LISTED])}{more}" if names else "it has none yet"
        name = model if re.fullmatch(r"[a-z][a-z0-9_]{0,62}", model) else "MODEL"
        raise UnknownVersionError(
            f"model {shown(model)} is not in the registry: {there_are}; run `perennial train {name}` to make its first version"
        )
    return int(models[model])
