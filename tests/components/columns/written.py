"""Examples with their columns beside them, as the step `read` leaves both."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from components.columns.column_file import ColumnFile, columns_file
from components.examples.encode import TFRecordFile, as_in_examples, encode_examples


def write_file(path: Path, batches: Sequence[pa.RecordBatch]) -> None:
    """A file of examples, of batches of rows."""
    for made in (path, columns_file(path)):
        made.parent.mkdir(parents=True, exist_ok=True)
    with TFRecordFile(path) as examples, ColumnFile(columns_file(path)) as columns:
        for batch in batches:
            examples.write(encode_examples(batch))
            columns.write(as_in_examples(batch))


def write_files(folder: Path, *files: Sequence[pa.RecordBatch]) -> list[Path]:
    """The split eval."""
    paths = [folder / "Split-eval" / f"data_tfrecord-{place}.gz" for place in range(len(files))]
    for path, batches in zip(paths, files, strict=True):
        write_file(path, batches)
    return paths
