"""The smoke test: the bytes that are to be served load, answer as they did when the model was trained, and in time."""

import math
import os
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Lock

from components.deployment.saved_model import load_signatures
from components.errors import RegistryError
from components.stderr import stderr_to
from components.storage.manifest import CODE
from components.training.servable import Answer
from components.training.signatures import INPUT, OUTPUT, SIGNATURE, read_signatures
from components.training.smoke import Recorded, SmokeError, read_smoke, try_servable

WARM_UP = 5

_importing = Lock()


@dataclass(frozen=True)
class Smoke:
    """What was measured. Without recorded rows, only that the model loads."""

    rows: int
    largest_difference: float | None = None
    median_milliseconds: float | None = None
    """Of a prediction of one row."""
    limit_milliseconds: float | None = None
    """What the version's own model.toml promises."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against deploying it, though it may be forced."""
        if self.median_milliseconds is None:
            return ("has no recorded answers, so nobody can say whether it answers as it did when it was trained",)
        if self.limit_milliseconds is not None and self.median_milliseconds > self.limit_milliseconds:
            limit = f"its model.toml promises {self.limit_milliseconds:g} ms"
            return (f"takes {self.median_milliseconds:.3g} ms for a row, where {limit} ([serving] latency_milliseconds)",)
        return ()


def smoke_test(folder: Path, what: str) -> Smoke:
    """Test the SavedModel in a folder, which holds `what`: all its signatures, in Python and in a session, as TensorFlow Serving asks them.

    Raises:
        RegistryError: it does not load, lacks what it must have, or answers otherwise than when it was trained.
    """
    signatures = read_signatures(folder, what)
    import_tensorflow()
    loaded = load_signatures(folder, what)
    recorded = read_smoke(folder, what)
    limit = _latency_limit(folder, what) if recorded.rows else None
    try:
        difference = try_servable(folder, loaded, signatures, recorded)
    except SmokeError as error:
        raise RegistryError(f"{what} {error}: do not deploy it") from error
    if limit is None:
        return Smoke(0)
    _require_numbers(recorded, what)
    return Smoke(len(recorded.rows), difference, _median_milliseconds(loaded[SIGNATURE], recorded.rows), limit)


def import_tensorflow() -> None:
    """Import TensorFlow without what its libraries print meanwhile, about processors and GPUs that are not there."""
    with _importing:
        if "tensorflow" not in sys.modules:
            os.putenv("TF_CPP_MIN_LOG_LEVEL", "3")  # for what it would print later
            with stderr_to(Path(os.devnull)):
                import tensorflow as tf  # noqa: F401 - for all who import it from now on


def _latency_limit(folder: Path, what: str) -> float:
    """How long a prediction may take, in milliseconds, as the model's folder that is kept with the version says.

    Raises:
        RegistryError: it does not say so.
    """
    path = folder / CODE / "model.toml"
    try:
        return float(tomllib.loads(path.read_text(encoding="utf-8"))["serving"]["latency_milliseconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"{what} does not say how fast it must be, in {CODE / 'model.toml'} ({error!r}): train a new version"
        ) from error


def _require_numbers(recorded: Recorded, what: str) -> None:
    for number, row in enumerate(recorded.values, 1):
        for value in row:
            if not math.isfinite(value):
                raise RegistryError(f"{what} answers {value} on recorded row {number}, as it did when it was trained: do not deploy it")


def _median_milliseconds(signature: Answer, rows: Sequence[bytes]) -> float:
    import tensorflow as tf

    for row in rows[:WARM_UP]:
        signature(**{INPUT: tf.constant([row], tf.string)})[OUTPUT].numpy()
    seconds = []
    for row in rows:
        begin = time.perf_counter()
        signature(**{INPUT: tf.constant([row], tf.string)})[OUTPUT].numpy()
        seconds.append(time.perf_counter() - begin)
    return 1000 * median(seconds)
