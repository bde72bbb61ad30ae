"""The registry with a million metrics, ours and MLflow's: on the same PostgreSQL, in the same run.

python -m benchmarks.registry.times
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.drift.comparison import call
from benchmarks.ground import PERENNIAL, Ground
from benchmarks.registry.rows import MILLION
from components.settings import REPOSITORY

READS = ("list", "show", "compare", "history")
SHARED = ("create", "get", "promote", "list")
"""What MLflow's registry does too."""
TARGET_MILLISECONDS, TARGET_RATIO = 10, 5
MLFLOW = ("mlflow==3.17.2", "psycopg2-binary==2.9.13")
LISTED, ROUNDS = 50, 100


@dataclass(frozen=True)
class Crowd:
    """Many at the same time: the seconds that all took, what they got, and in which words the others were refused."""

    seconds: float
    numbers: Sequence[int]
    refused: Sequence[str]


@dataclass(frozen=True)
class RegistryTimes:
    """Medians in milliseconds by what was done."""

    metrics: int
    ours: Mapping[str, float]
    direct: Mapping[str, float]
    """MLflow's client that talks to the database itself, its fastest way."""
    server: Mapping[str, float]
    """MLflow's client that asks MLflow's server, as a team has it."""
    mlflow: str
    """Its version."""
    pushes: Crowd
    deployers: Crowd


def time_registry(ground: Ground, *, progress: Callable[[str], None]) -> RegistryTimes:
    """Ours first, then MLflow's; each in a process of its own."""
    ours = json.loads(ground.call(sys.executable, "-m", "benchmarks.registry.measure"))
    progress(f"our registry: {ours['milliseconds']}")
    theirs = mlflow_times(ground)
    progress(f"MLflow's: {theirs['direct']}, by its server {theirs['server']}")
    return RegistryTimes(
        metrics=ours["metrics"],
        ours=ours["milliseconds"],
        direct=theirs["direct"],
        server=theirs["server"],
        mlflow=theirs["mlflow"],
        pushes=Crowd(**ours["pushes"]),
        deployers=Crowd(**ours["deployers"]),
    )


def mlflow_times(ground: Ground) -> dict[str, Any]:
    """In an environment that is gone afterwards, by the socket of the PostgreSQL behind the emulator."""
    uv = REPOSITORY / ".cache" / "uv" / "bin" / "uv"
    environment = ["run", "--isolated", "--no-project", "--quiet", "--python", sys.executable, *(f"--with={package}" for package in MLFLOW)]
    folder = ground.state / "emulators" / "cloud_sql" / "postgres"
    counts = (MILLION.models, MILLION.versions, MILLION.names * MILLION.slices, LISTED, ROUNDS)
    printed = call(uv, *environment, "python", Path(__file__).with_name("mlflow_times.py"), folder, *map(str, counts))
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def main() -> None:
    """Print the part of the page alone, from emulators of its own."""
    from benchmarks.report.registry import registry_part

    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        made = Ground(Path(folder))
        try:
            made.call(PERENNIAL, "up")
            print("\n\n".join(registry_part(time_registry(made, progress=lambda text: print(text, file=sys.stderr)))))
        finally:
            made.call(PERENNIAL, "down")


if __name__ == "__main__":
    main()
