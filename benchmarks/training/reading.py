"""BigQuery to examples against CSV to examples: the same rows by 20 columns, each in a process of its own.

python -m benchmarks.training.reading stock MODEL CSV-FOLDER OUT-FOLDER OUR-FOLDER
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ground import Ground, Size
from benchmarks.training.rounds import read_alone, write_csv
from benchmarks.training.stock import make_components, run
from components.model.folder import read_model
from components.settings import read_settings

TARGET = 1 / 20


@dataclass(frozen=True)
class WideReading:
    """Seconds without imports. The values of every column that both wrote are equal, which the program requires."""

    rows: int
    ours: float
    stock: float

    @property
    def ratio(self) -> float:
        """Ours over CsvExampleGen."""
        return self.ours / self.stock


def time_reading(ground: Ground, size: Size, *, progress: Callable[[str], None]) -> WideReading:
    """Ours first."""
    rows = write_csv(ground, size)
    ours = read_alone(ground, size)
    out = ground.folder / "reading" / size.model
    arguments = ("stock", size.model, ground.csv(size), out, ground.folder / "examples" / size.model)
    printed = ground.call(sys.executable, "-m", "benchmarks.training.reading", *arguments)
    stock = json.loads(printed.splitlines()[-1])
    if stock["different"] or rows != ours.rows:
        raise SystemExit(f"not the same examples of {rows:,} and {ours.rows:,} rows: columns {stock['different']}")
    progress(f"reading {rows:,} rows by 20 columns: ours {ours.seconds:.1f} s, CsvExampleGen {stock['seconds']:.1f} s")
    return WideReading(rows, ours.seconds, stock["seconds"])


def main() -> None:
    """Run CsvExampleGen alone, compare what it wrote with OUR-FOLDER, and print its seconds as JSON."""
    _, name, rows, out, ours = sys.argv[1:]
    Path(out).mkdir(parents=True)
    model = read_model(read_settings().models_folder, name)
    examples = make_components(model, Path(rows), Path(out))[:1]
    started = time.monotonic()
    run(examples, Path(out))
    seconds = time.monotonic() - started
    theirs, found = _columns(Path(out)), _columns(Path(ours))
    names = theirs.keys() | found.keys()
    different = sorted(name for name in names if name not in theirs or name not in found or not np.array_equal(theirs[name], found[name]))
    print(json.dumps({"seconds": seconds, "different": different}))


def _columns(folder: Path) -> dict[str, np.ndarray]:
    """The values of every column in all files, sorted: the two ways split and order rows otherwise."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder, parts = ExamplesToRecordBatchDecoder(), defaultdict[str, list[np.ndarray]](list)
    files = sorted(str(path) for path in folder.rglob("*.gz"))
    for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(10_000).as_numpy_iterator():
        decoded = decoder.DecodeBatch(batch.tolist())
        for name, column in zip(decoded.schema.names, decoded.columns, strict=True):
            parts[name].append(np.asarray(column.flatten()))
    return {name: np.sort(np.concatenate(values).astype("S" if values[0].dtype.kind == "O" else float)) for name, values in parts.items()}


if __name__ == "__main__":
    main()
