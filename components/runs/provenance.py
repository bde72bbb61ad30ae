"""What made a version, besides its data: code, packages, components."""

import hashlib
import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from components.canonical import canonical_json, fingerprint
from components.reason import decode_reason, encode_reason
from components.settings import REPOSITORY

IMPORT = re.compile(r"^ *from (components[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What only the process that launches a run knows of it. It travels with the run as JSON."""

    pipeline_sha256: str
    """The SHA-256 of the compiled pipeline."""
    code_sha256: str
    """The SHA-256 of the model's folder where the run was launched; the steps refuse to run other code."""
    trigger: str
    reason: str
    host: str
    git_commit: str | None
    git_dirty: bool
    waive_gate: bool = False
    """Whether the gate before training records its findings without blocking."""
    kubeflow: str | None = None
    """What an id of Kubeflow is appended to for the address of its run; None where the run is not Kubeflow's."""

    def to_json(self) -> str:
        """The launch as JSON, which is a parameter of the pipeline."""
        return canonical_json(asdict(self) | {"reason": encode_reason(self.reason)})

    @classmethod
    def from_json(cls, text: str) -> "Launch":
        """The launch that `to_json` wrote."""
        launch = cls(**json.loads(text))
        return replace(launch, reason=decode_reason(launch.reason))


@cache
def environment_digest() -> str:
    """`sha256:` and the SHA-256 of uv.lock; where there is none, of the names and versions of what is installed."""
    lock = REPOSITORY / "uv.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else fingerprint(package_versions())
    return f"sha256:{digest}"


@cache
def package_versions() -> dict[str, str]:
    """Name and version of every installed distribution, by name."""
    found = {distribution.metadata["Name"]: distribution.version for distribution in importlib.metadata.distributions()}
    return {name: found[name] for name in sorted(found) if name}


@cache
def pipeline_version() -> str:
    """The version of all components: Perennial's, and a fingerprint of their sources."""
    folder = REPOSITORY / "components"
    return _version([*folder.rglob("*.py"), *folder.rglob("*.sql")])


@cache
def component_version(room: str) -> str:
    """The version of a room's steps: Perennial's, and a fingerprint of all sources of ours that they import, in this room or another."""
    reached: set[Path] = set()
    ahead = {REPOSITORY / "components" / room / "component.py"}
    while ahead:
        reached |= ahead
        ahead = {imported for path in ahead for imported in _imports(path)} - reached
    statements = {sql for folder in {path.parent for path in reached} for sql in folder.glob("*.sql")}
    return _version(reached | statements)


def _version(sources: Iterable[Path]) -> str:
    digests = {path.relative_to(REPOSITORY).as_posix(): _digest(path) for path in sources}
    return f"{importlib.metadata.version('perennial')}+{fingerprint(digests)[:12]}"


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _imports(path: Path) -> frozenset[Path]:
    """The modules of `components` that a module imports, wherever in it; read as text, since to import TFX takes seconds."""
    modules = set()
    for module, names in IMPORT.findall(path.read_text()):
        place = REPOSITORY.joinpath(*module.split("."))
        modules |= {place.with_suffix(".py"), *(place / f"{name}.py" for name in re.findall(r"\w+", names))}
    return frozenset(module for module in modules if module.is_file())


def git_state(folder: Path, files: Iterable[Path]) -> tuple[str | None, bool]:
    """The commit of the working tree, and whether what a run is made of differs from it; (None, False) outside a repository.

    Tracked files differ, a file of the model's folder is not tracked, or one of components and pipelines is neither tracked nor ignored.

    Args:
        folder: the model's.
        files: its files, relative to the folder.
    """
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no")
        unknown = _git("ls-files", "--others", "--exclude-standard", "components", "pipelines", ":(exclude)pipelines/models")
        tracked = set(_git("ls-files", "-z").split("\0"))
    except (OSError, subprocess.CalledProcessError):
        return None, False
    place = folder.resolve()
    is_inside = place.is_relative_to(REPOSITORY.resolve())
    own = [(place.relative_to(REPOSITORY.resolve()) / file).as_posix() for file in files] if is_inside else []
    return commit, bool(changed.strip() or unknown.strip()) or not is_inside or not set(own) <= tracked


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=True).stdout
