"""What of the code has changed since a version was trained."""

import hashlib
import json
import tomllib
from collections.abc import Callable

from google.cloud import storage

from components.canonical import fingerprint
from components.diagnosis.code import read_code
from components.errors import RegistryError
from components.model.continuous_section import CodePart, ContinuousSection
from components.model.folder import Model
from components.policy.facts import CodeFact
from components.runs.provenance import environment_digest, pipeline_version
from components.storage.manifest import CODE, Manifest

TOML = "model.toml"
POLICY = "continuous"


def code_fact(
    policy: ContinuousSection, model: Model, client: storage.Client, *, version: int, manifest: Manifest, environment: str, components: str
) -> CodeFact:
    """The model's code now, and which of the parts that the policy watches differ from those of a version.

    Args:
        policy: says which parts count.
        model: as its folder is now.
        client: of Cloud Storage, asked only if model.toml differs: by its policy, it may.
        version: the one that is held against.
        manifest: of the version.
        environment, components: those of the run that made it.

    Raises:
        RegistryError: the version's model.toml is not there any more.
        AccessError: Cloud Storage refuses or does not answer.
    """
    files, before = _files(model), _files_of(manifest)
    is_changed: dict[CodePart, Callable[[], bool]] = {
        "model": lambda: files != before and not _differ_by_policy(client, model, manifest),
        "environment": lambda: environment_digest() != environment,
        "components": lambda: pipeline_version() != components,
    }
    now: dict[CodePart, Callable[[], str]] = {
        "model": lambda: fingerprint(files | {TOML: _without_policy(model.text(TOML))}),
        "environment": environment_digest,
        "components": pipeline_version,
    }
    changed = tuple(name for name in policy.code if is_changed[name]())
    return CodeFact(fingerprint([now[name]() for name in policy.code]), changed, version)


def _files(model: Model) -> dict[str, str]:
    return {name.as_posix(): hashlib.sha256((model.folder / name).read_bytes()).hexdigest() for name in model.files()}


def _files_of(manifest: Manifest) -> dict[str, str]:
    prefix = f"{CODE.as_posix()}/"
    return {entry.path.removeprefix(prefix): entry.sha256 for entry in manifest.entries if entry.path.startswith(prefix)}


def _differ_by_policy(client: storage.Client, model: Model, manifest: Manifest) -> bool:
    """Whether nothing differs but [continuous]: another policy is no reason to train."""
    files, before = _files(model), _files_of(manifest)
    if {**files, TOML: ""} != {**before, TOML: ""}:
        return False
    text = read_code(client, manifest, TOML)
    if text is None:
        raise RegistryError(f"{manifest.uri} has no {CODE.as_posix()}/{TOML}: run `perennial verify`")
    return _without_policy(text) == _without_policy(model.text(TOML))


def _without_policy(text: str) -> str:
    values = {name: value for name, value in tomllib.loads(text).items() if name != POLICY}
    return json.dumps(values, sort_keys=True, default=str)
