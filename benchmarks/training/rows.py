"""Programs of the benchmark that read a model's rows: once as CSV for TFX, once as examples with the memory that took.

python -m benchmarks.training.rows csv MODEL FOLDER
python -m benchmarks.training.rows examples MODEL FOLDER
"""

import json
import resource
import sys
import time
from pathlib import Path

import click
from pyarrow import csv

from components.cloud import Cloud
from components.examples.read import read_examples
from components.examples.rows import stream_rows
from components.model.folder import Model, read_model
from components.settings import read_settings
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition, pin

KIBIBYTE = 1 if sys.platform == "darwin" else 1024
"""What ru_maxrss counts in."""


def main() -> None:
    """Do what the arguments say, and print JSON."""
    what, name, folder = sys.argv[1:]
    settings = read_settings()
    model = read_model(settings.models_folder, name)
    cloud = Cloud(settings)
    snapshot = pin(cloud, model, latest_partition(cloud, model))
    Path(folder).mkdir(parents=True)
    program = {"csv": write_csv, "examples": write_examples}[what]
    click.echo(json.dumps(program(cloud, model, snapshot, Path(folder))))


def write_csv(cloud: Cloud, model: Model, snapshot: Snapshot, folder: Path) -> dict[str, int]:
    """The rows of source.sql without key and span, in one file, unquoted: CsvExampleGen takes quotes for part of a name."""
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    rows = 0
    with (folder / "rows.csv").open("wb") as file:
        for _, span_rows in stream_rows(cloud, model, snapshot, snapshot.spans):
            batch = span_rows.drop_columns([model.rows.key, model.rows.span])
            if not rows:
                file.write(",".join(batch.schema.names).encode() + b"\n")
            csv.write_csv(batch, file, options)
            rows += batch.num_rows
    return {"rows": rows}


def write_examples(cloud: Cloud, model: Model, snapshot: Snapshot, folder: Path) -> dict[str, float]:
    """What the step `read` does."""
    before, started = _peak_bytes(), time.monotonic()
    counts = read_examples(cloud, model, snapshot, folder)
    seconds = time.monotonic() - started
    return {"rows": sum(count.rows for count in counts), "seconds": seconds, "before_bytes": before, "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE


if __name__ == "__main__":
    main()
