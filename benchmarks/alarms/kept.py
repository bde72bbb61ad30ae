"""What days of a stream come to, kept between runs: a change of a rule that judges them is tried in a minute."""

import hashlib
import pickle
from collections.abc import Callable
from typing import TypeVar, cast

from components.settings import REPOSITORY

T = TypeVar("T")
FOLDER = REPOSITORY / ".cache" / "bench-alarms"
MEASURES = (
    "benchmarks/alarms/faults.py",
    "benchmarks/alarms/replay.py",
    "benchmarks/alarms/streams.py",
    "components/evaluation",
    "components/looks",
    "components/measurement",
    "components/model",
    "components/monitoring/inputs.py",
    "components/monitoring/record.py",
    "components/monitoring/served_rows.py",
    "components/predictions",
    "components/profiles",
    "pipelines/models",
)
"""All that the measured days depend on."""


def _digest() -> str:
    roots = [REPOSITORY / name for name in MEASURES]
    files = sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*")) if path.suffix in (".py", ".toml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def kept(name: str, make: Callable[[], T]) -> T:
    """What was made under a name by the same code before, or is made now. The file is this machine's own."""
    path = FOLDER / _digest() / f"{name}.pickle"
    if path.is_file():
        return cast("T", pickle.loads(path.read_bytes()))  # noqa: S301, this machine's own
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(made))
    return made
