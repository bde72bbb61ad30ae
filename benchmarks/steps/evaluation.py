"""The evaluation of 150,000 rows on 25 slices: ours, with 95% intervals, and TFX's Evaluator without any, by turns in one process.

python -m benchmarks.steps.evaluation [ROWS [ROUNDS]]
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluation.champion.champion import ChampionVersion
from components.evaluation.config import eval_config
from components.evaluation.evaluator import SAVED_MODEL, Judged, _run_stock
from components.evaluation.judge import evaluate
from components.model.folder import read_model
from components.settings import REPOSITORY, Settings
from tests.components.artifacts import Artifact, artifact
from tests.components.evaluation.evaluated import Road, assert_equal, write_examples
from tests.components.visits import write_model

ROWS, FILES = 150_000, 8
HOURS = 24
"""And all rows are 25 slices."""
NUMBERS = tuple(f"number_{place}" for place in range(10))
TARGET = 0.06
CHAMPION_TARGET = 0.25
"""What evaluating the champion on the same rows may add, of the Evaluator's time."""


@dataclass(frozen=True)
class EvaluationTimes:
    """Seconds of ours and of stock TFX, round by round, and what they found."""

    rows: int
    ours: list[float]
    stock: list[float]
    ours_processor: list[float]
    stock_processor: list[float]
    with_champion: list[float]
    """Of ours with a champion on the same rows, held against it."""
    numbers: int
    """Of metrics, plots and validations, all equal to 1e-9."""
    memory_mebibytes: int
    """What the first round of ours added to the peak of the process."""

    @property
    def ratio(self) -> float:
        """Ours over stock, of the medians."""
        return median(self.ours) / median(self.stock)

    @property
    def champion_ratio(self) -> float:
        """What the champion adds over stock, of the medians."""
        return (median(self.with_champion) - median(self.ours)) / median(self.stock)

    @property
    def processor_ratio(self) -> float:
        """The same of the processor's seconds, which other work on the machine leaves alone."""
        return median(self.ours_processor) / median(self.stock_processor)


def time_evaluation(rows: int = ROWS, rounds: int = 1, *, progress: Callable[[str], None]) -> EvaluationTimes:
    """Time both in a process of their own."""
    progress(f"evaluating {rows:,} rows, ours and the stock Evaluator")
    command = [sys.executable, "-m", "benchmarks.steps.evaluation", str(rows), str(rounds)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return EvaluationTimes(**json.loads(done.stdout.splitlines()[-1]))


def measure(folder: Path, rows: int, rounds: int) -> EvaluationTimes:
    """Both on the same rows, by turns."""
    import tfx.components.evaluator.executor  # noqa: F401 - not counted

    write_model(folder, toml={'[["device"]]': '[["hour"]]'})
    model, beam_args = read_model(folder, "visits"), Settings.model_fields["beam_args"].default
    examples, trained = write_rows(folder / "examples", rows), save_network(folder / "network")
    walls: dict[bool, list[float]] = {False: [], True: []}
    processors: dict[bool, list[float]] = {False: [], True: []}
    champion = ChampionVersion(number=1, saved_model=Path(save_network(folder / "champion", seed=3).path) / SAVED_MODEL)
    memory, numbers, with_champion = 0, 0, list[float]()
    for number in range(rounds):
        taken = {}
        for stock in (False, True):
            road = taken[stock] = Road(artifact(folder / f"evaluation_{number}_{stock}"), artifact(folder / f"blessing_{number}_{stock}"))
            peak, started, processor = peak_mebibytes(), time.monotonic(), time.process_time()
            judged = Judged(examples, trained, road.evaluation, road.blessing)
            if stock:
                _run_stock(eval_config(model), judged, beam_args)
            else:
                evaluate(model, judged, beam_args=beam_args)
            walls[stock].append(time.monotonic() - started)
            processors[stock].append(time.process_time() - processor)
            memory = memory or peak_mebibytes() - peak
        numbers = assert_equal(taken[True], taken[False])
        road, started = (
            Road(artifact(folder / f"evaluation_{number}_champion"), artifact(folder / f"blessing_{number}_champion")),
            time.monotonic(),
        )
        evaluate(model, Judged(examples, trained, road.evaluation, road.blessing), beam_args=beam_args, champion=champion)
        with_champion.append(time.monotonic() - started)
    return EvaluationTimes(rows, walls[False], walls[True], processors[False], processors[True], with_champion, numbers, memory)


def peak_mebibytes() -> int:
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def write_rows(folder: Path, rows: int) -> Artifact:
    """Examples of ten numbers, an hour and a label."""
    chance = np.random.default_rng(1)
    parts = []
    for size in [rows // FILES] * (FILES - 1) + [rows - rows // FILES * (FILES - 1)]:
        columns: dict[str, Any] = {name: chance.normal(size=size).astype(np.float32) for name in NUMBERS}
        columns["hour"] = chance.integers(0, HOURS, size)
        columns["returned"] = (columns[NUMBERS[0]] + chance.normal(size=size) > 0).astype(np.int64)
        parts.append(pa.RecordBatch.from_pydict(columns))
    return write_examples(folder, *parts)


def save_network(folder: Path, *, seed: int = 2) -> Artifact:
    """Two layers on the numbers, with weights that were drawn."""
    import tensorflow as tf

    chance = np.random.default_rng(seed)
    shapes = ((len(NUMBERS), 32), (32, 16), (16, 1))
    module = tf.Module()
    module.layers = [tf.Variable(chance.normal(size=shape).astype(np.float32) / shape[0] ** 0.5) for shape in shapes]
    specification = {name: tf.io.FixedLenFeature([1], tf.float32) for name in NUMBERS}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.io.parse_example(serialized, specification)
        first, second, last = module.layers
        hidden = tf.nn.relu(tf.concat([found[name] for name in NUMBERS], axis=1) @ first)
        return {"score": tf.sigmoid(tf.nn.relu(hidden @ second) @ last)}

    module.score = score
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": score})
    return artifact(folder, tfx_type="Model")


def main() -> None:
    """Print the seconds as JSON."""
    given = [int(argument) for argument in sys.argv[1:]]
    rows, rounds = (given + [ROWS, 1][len(given) :])[:2]
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        print(json.dumps(vars(measure(Path(folder), rows, rounds))))


if __name__ == "__main__":
    main()
