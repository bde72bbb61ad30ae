"""The columns of examples, kept beside them: what the examples say, without decoding them.

Split-SPLIT/NAME.gz has its columns in Columns-SPLIT/NAME.arrow, as Arrow's stream of batches: the same rows in the same order, a
column for each feature, by its name, with the type that an example holds. A feature that a row lacks is null.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import pyarrow as pa

COMPRESSION = "lz4"


def columns_file(examples: Path) -> Path:
    """Where the columns of a file of examples lie."""
    split = examples.parent.name.removeprefix("Split-")
    return examples.parent.parent / f"Columns-{split}" / f"{examples.name.removesuffix('.gz')}.arrow"


class ColumnFile:
    """Writes the columns of examples, batch by batch. There is no file before the first batch, which may have no rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.RecordBatchStreamWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows. All batches have the same columns."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self._path), batch.schema, options=pa.ipc.IpcWriteOptions(compression=COMPRESSION))
        if batch.num_rows:
            self._writer.write_batch(batch)

    def __enter__(self) -> "ColumnFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()


def kept_schema(files: Sequence[Path]) -> pa.Schema | None:
    """The columns that are kept of all of these files of examples; None if they are not kept of each, or not with the same types."""
    paths = [columns_file(file) for file in files]
    if not paths or not all(path.is_file() for path in paths):
        return None
    schemas = [_schema(path) for path in paths]
    return schemas[0] if all(schema.equals(schemas[0]) for schema in schemas) else None


def _schema(path: Path) -> pa.Schema:
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        return stream.schema


def read_kept(files: Sequence[Path], rows: int) -> Iterator[pa.RecordBatch]:
    """The columns of files of examples, in the order of the files, so many rows at a time; the last ones may be fewer."""
    waiting, count = list[pa.RecordBatch](), 0
    for batch in _batches(map(columns_file, files)):
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            whole = _joined(waiting)
            end = count - count % rows
            yield from (whole.slice(start, rows) for start in range(0, end, rows))
            waiting, count = [whole.slice(end)], count - end
    if count:
        yield _joined(waiting)


def _batches(paths: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined
