"""A day of logged predictions on 25 slices: all that monitoring measures of it, and stock TFMA's metrics alone, on the same rows.

python -m benchmarks.steps.monitoring [ROWS … [stock]]

Ours has profiles of the features, scores by slice and intervals by key besides. BigQuery is left out: rows come as its batches do.
Seconds are the processor's, which other work on the machine leaves alone.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.steps.evaluation import HOURS, peak_mebibytes
from components.diagnosis.own_model import OwnModel
from components.evaluation.metric import Metric
from components.evaluation.results import load_metrics
from components.measurement.tfma_files import parse_config
from components.model.folder import Model, read_model
from components.monitoring.served_rows import CONTRADICTING, LABEL, ServedRows
from components.predictions.measuring import _batch, _config, _run_tfma, measure_batches
from components.predictions.row_file import RowFile
from components.settings import Settings
from tests.components.visits import write_model

ROWS, BATCH = 1_000_000, 20_000
KEYS = 200_000
BEAM_ARGS = Settings.model_fields["beam_args"].default
DAY_FIELD = "event_date"
BOUND = 0.2


def main() -> None:
    """Measure days of so many rows, the smallest first, and print."""
    import apache_beam  # noqa: F401 - not counted
    import tensorflow_model_analysis  # noqa: F401

    sizes = sorted(map(int, filter(str.isdigit, sys.argv[1:]))) or [ROWS]
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        write_model(Path(folder), toml={'[["device"]]': '[["pages"]]'})
        model = read_model(Path(folder), "visits")
        for rows in (BATCH, *sizes):
            file = RowFile(Path(folder) / str(rows))
            metrics, ours = measure_day(model, rows, file)
            print(f"{rows:,} rows: {ours:.1f} s of processor, peak memory {peak_mebibytes():,} MiB", flush=True)
        if "stock" in sys.argv:
            processor = time.process_time()
            _run_tfma(
                parse_config(json.dumps(_config(model))), [_batch(model, *one) for one in file.batches()], f"{folder}/tfma", BEAM_ARGS
            )
            stock = time.process_time() - processor
            numbers = compare(metrics, load_metrics(model, Path(folder) / "tfma"))
            print(f"stock TFMA: {stock:.1f} s; ratio {ours / stock:.3f} (bound {BOUND}); {numbers} metrics are equal to 1e-9")


def measure_day(model: Model, rows: int, file: RowFile) -> tuple[tuple[Metric, ...], float]:
    """What a day comes to, and the seconds of the processor, without those that make the rows."""
    served, seconds = ServedRows(OwnModel(model), DAY_FIELD, file), 0.0
    for batch in batches(rows):
        begun = time.process_time()
        served.add(batch)
        seconds += time.process_time() - begun
    begun = time.process_time()
    assert served.operation
    assert served.score_counts
    assert served.slice_scores
    metrics = measure_batches(model, file.batches, beam_args=BEAM_ARGS)
    return metrics, seconds + time.process_time() - begun


def batches(rows: int) -> Iterator[pa.RecordBatch]:
    """Rows as the log gives them: scores that are right on average, on keys that come several times."""
    chance = np.random.default_rng(1)
    for start in range(0, rows, BATCH):
        size = min(BATCH, rows - start)
        scores = np.clip(0.5 + 0.2 * chance.standard_normal(size), 0.001, 0.999).astype(np.float32)
        columns: dict[str, object] = {
            "key": [f"visitor-{number}" for number in chance.integers(0, KEYS, size).tolist()],
            "score": scores,
            LABEL: (chance.random(size) < scores).astype(np.int64),
            CONTRADICTING: np.zeros(size, bool),
            "latency_microseconds": chance.integers(500, 2000, size),
            "sampling_weight": np.ones(size),
            "device": ["phone"] * size,
            "pages": chance.integers(0, HOURS, size),
            "seconds": chance.normal(size=size),
        }
        yield pa.RecordBatch.from_pydict(columns)


def compare(ours: tuple[Metric, ...], stock: tuple[Metric, ...]) -> int:
    """How many metrics there are, all equal."""
    values = {(one.name, tuple(one.slice.items())): one.value for one in stock}
    assert values.keys() == {(one.name, tuple(one.slice.items())) for one in ours}
    for one in ours:
        np.testing.assert_allclose(one.value, values[one.name, tuple(one.slice.items())], rtol=0, atol=1e-9)
    return len(values)


if __name__ == "__main__":
    main()
