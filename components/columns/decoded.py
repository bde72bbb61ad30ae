"""Examples as tfx_bsl decodes them, from their columns where these are kept: a list of one value for each row, null where it has none."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.columns.column_file import kept_schema, read_kept


def read_decoded(files: Sequence[Path], rows: int, schema: Any = None) -> Iterator[pa.RecordBatch]:
    """The examples of files, in the order of the files, so many at a time.

    Args:
        files: gzipped TFRecords of tf.train.Example.
        rows: the last batch may have fewer.
        schema: of TFMD, which says what columns there are; None takes those that some row of a batch has, by name.
    """
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString()) if schema else ExamplesToRecordBatchDecoder()
    wanted, kept = decoder.ArrowSchema() if schema else None, kept_schema(files)
    if kept is not None and (wanted is None or _fits(kept, wanted)):
        yield from (_lists(batch, wanted) for batch in read_kept(files, rows))
        return
    import tensorflow as tf

    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP", buffer_size=1 << 20)
    for batch in records.batch(rows).prefetch(1).as_numpy_iterator():
        yield decoder.DecodeBatch(batch.tolist())


def _fits(kept: pa.Schema, wanted: pa.Schema) -> bool:
    """Whether the columns that are wanted are of the wanted types, or not there."""
    return all(name not in kept.names or _list_type(kept.field(name).type) == wanted.field(name).type for name in wanted.names)


def _list_type(kind: pa.DataType) -> pa.DataType:
    return pa.large_list(pa.large_binary() if pa.types.is_binary(kind) else kind)


def _lists(batch: pa.RecordBatch, wanted: pa.Schema | None) -> pa.RecordBatch:
    if wanted is None:
        names = [name for name in sorted(batch.schema.names, key=str.encode) if batch.column(name).null_count < batch.num_rows]
        return pa.RecordBatch.from_arrays([_list(batch.column(name)) for name in names], names)
    columns = [
        _list(batch.column(field.name)) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type) for field in wanted
    ]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


def _list(column: pa.Array) -> pa.LargeListArray:
    """Values begin where their buffers do, as the decoder's: tfx_bsl does not look for them elsewhere."""
    values = column.drop_null()
    values = pc.take(values, pa.array(np.arange(len(values)))) if values.offset else values
    values = values.cast(pa.large_binary()) if pa.types.is_binary(values.type) else values
    if not column.null_count:
        return pa.LargeListArray.from_arrays(pa.array(np.arange(len(column) + 1)), values)
    is_there = np.asarray(column.is_valid())
    ends = np.concatenate([[0], np.cumsum(is_there)])
    return pa.LargeListArray.from_arrays(pa.array(ends), values, mask=pa.array(~is_there))
