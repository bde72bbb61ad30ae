"""The smoke test: the bytes that are to be served load, answer as they did when the model was trained, and in time."""

import json
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

from components.deployment.saved_model import Signature, load_signature
from components.errors import RegistryError
from components.stderr import stderr_to
from components.storage.manifest import CODE
from components.training.smoke import EXAMPLES, FOLDER, INPUT, OUTPUT, OUTPUTS

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Other processors round the last of seven digits differently, and a network adds that up; a wrong model is wrong in the second digit."""
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
    """Test the SavedModel in a folder, which holds `what`.

    Raises:
        RegistryError: it does not load, lacks what it must have, or answers otherwise than when it was trained.
    """
    _import_tensorflow()
    signature = load_signature(folder, what)
    if not (folder / FOLDER / OUTPUTS).is_file():
        return Smoke(0)
    rows, expected = _recorded(folder, what)
    if not rows:
        return Smoke(0)
    limit = latency_limit(folder, what)
    difference = largest_difference(expected, _answers(signature, rows), what)
    return Smoke(len(rows), difference, _median_milliseconds(signature, rows), limit)


def _import_tensorflow() -> None:
    """Import TensorFlow without what its libraries print meanwhile, about processors and GPUs that are not there."""
    with _importing:
        if "tensorflow" not in sys.modules:
            os.putenv("TF_CPP_MIN_LOG_LEVEL", "3")  # for what it would print later
            with stderr_to(Path(os.devnull)):
                import tensorflow as tf  # noqa: F401 - for all who import it from now on


def latency_limit(folder: Path, what: str) -> float:
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


def largest_difference(expected: Sequence[Sequence[float]], found: Sequence[Sequence[float]], what: str) -> float:
    """How far the answers are from the recorded ones at most.

    Raises:
        RegistryError: one of them is not finite, or too far; the text names the first row.
    """
    if [len(row) for row in expected] != [len(row) for row in found]:
        raise RegistryError(f"{what} answers {_shape(found)}, and gave {_shape(expected)} when it was trained: do not deploy it")
    pairs = [
        (number, then, now) for number, rows in enumerate(zip(expected, found, strict=True), 1) for then, now in zip(*rows, strict=True)
    ]
    for number, then, now in pairs:
        if not math.isfinite(now) or abs(now - then) > ABSOLUTE + RELATIVE * abs(then):
            raise RegistryError(
                f"{what} answers {now:.7g} on recorded row {number}, and gave {then:.7g} when it was trained: do not deploy it"
            )
    return max((abs(now - then) for _, then, now in pairs), default=0.0)


def _shape(rows: Sequence[Sequence[float]]) -> str:
    return f"{len(rows)} rows of {', '.join(map(str, sorted({len(row) for row in rows}))) or 'no'} values"


def _recorded(folder: Path, what: str) -> tuple[list[bytes], list[list[float]]]:
    import tensorflow as tf

    try:
        rows = list(tf.data.TFRecordDataset(str(folder / FOLDER / EXAMPLES), compression_type="GZIP").as_numpy_iterator())
        return rows, [[float(value) for value in row] for row in json.loads((folder / FOLDER / OUTPUTS).read_text())["values"]]
    except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        raise RegistryError(f"the recorded answers of {what} cannot be read ({type(error).__name__}): train a new version") from error


def _answers(signature: Signature, rows: Sequence[bytes]) -> list[list[float]]:
    import tensorflow as tf

    answers: list[list[float]] = signature(**{INPUT: tf.constant(rows, tf.string)})[OUTPUT].numpy().tolist()
    return answers


def _median_milliseconds(signature: Signature, rows: Sequence[bytes]) -> float:
    for row in rows[:WARM_UP]:
        _answers(signature, [row])
    seconds = []
    for row in rows:
        begin = time.perf_counter()
        _answers(signature, [row])
        seconds.append(time.perf_counter() - begin)
    return 1000 * median(seconds)
