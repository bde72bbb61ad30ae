"""What made a version, besides its data: code, packages, components."""

import hashlib
import importlib.metadata
import subprocess
from dataclasses import asdict, dataclass
from functools import cache

from components.canonical import canonical_json, fingerprint
from components.settings import REPOSITORY


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What only the one who launches a run knows of it; travels with the run as JSON."""

    pipeline_sha256: str
    """Of the compiled pipeline."""
    code_sha256: str
    """Of the model's folder where the run was launched; the steps refuse to run other code."""
    trigger: str
    reason: str
    host: str
    git_commit: str | None
    git_dirty: bool
    waive_gate: bool = False
    """Whether the gate before training shall find, and not block."""

    def to_json(self) -> str:
        """As a parameter of the pipeline."""
        return canonical_json(asdict(self))


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
def component_version(room: str) -> str:
    """The version of a room's components: Perennial's, and a fingerprint of the room's sources."""
    folder = REPOSITORY / "components" / room
    sources = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")}
    return f"{importlib.metadata.version('perennial')}+{fingerprint(sources)[:12]}"


def git_state() -> tuple[str | None, bool]:
    """The commit of the working tree, and whether tracked files differ from it; (None, False) outside a repository."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None, False
    return commit, bool(changed.strip())
