"""Examples that a SavedModel scores as they are read, file by file and batch by batch: memory does not grow with their number."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from components.measurement.sums import ScoredRows, StockOnlyError

if TYPE_CHECKING:
    import tensorflow as tf

SCORED = 1_024
"""Rows scored at a time, always: the last bits of a score may depend on the size of its batch, so the last one is filled up."""
ROWS = 16 * SCORED
"""Decoded and summed up at a time."""
SERVING = "serving_default"


@dataclass(frozen=True)
class Network:
    """A signature of a SavedModel that takes serialised examples."""

    function: Any
    input: str
    output: str

    def score(self, records: "tf.Tensor") -> np.ndarray:
        """Float32 [rows, outputs] of serialised examples, string [rows]."""
        import tensorflow as tf

        parts = [records[start : start + SCORED] for start in range(0, len(records), SCORED)]
        parts[-1] = tf.concat([parts[-1], tf.repeat(parts[-1][-1:], SCORED - len(parts[-1]))], axis=0)
        scores = np.concatenate([self.function(**{self.input: part})[self.output].numpy() for part in parts])[: len(records)]
        if scores.ndim > 2:
            raise StockOnlyError(f"scores of {scores.ndim} dimensions")
        return scores.reshape(len(records), -1)


def load_network(saved_model: Path, model_spec: Any) -> Network:
    """The signature that a ModelSpec names.

    Raises:
        StockOnlyError: it has several inputs or outputs.
    """
    import tensorflow as tf

    function = tf.saved_model.load(str(saved_model)).signatures[model_spec.signature_name or SERVING]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    wanted = [name for name in outputs if model_spec.prediction_key in ("", name)]
    if len(inputs) != 1 or len(outputs) != 1 or len(wanted) != 1:
        raise StockOnlyError(f"a signature with the inputs {sorted(inputs)} and the outputs {sorted(outputs)}")
    return Network(function, next(iter(inputs)), wanted[0])


@dataclass(frozen=True, eq=False)
class DecodedRows:
    """Examples as they lie in their files, and what of them is measured by."""

    records: "tf.Tensor"
    """Serialised examples, string [rows]."""
    labels: np.ndarray
    """float64 [rows]"""
    weights: np.ndarray
    """float64 [rows]"""
    features: Mapping[str, pa.Array]
    """The columns to slice by."""
    has_whole_labels: bool

    def scored(self, network: Network) -> ScoredRows:
        """With what a network says of them."""
        scores = network.score(self.records)
        return ScoredRows(self.labels, scores, self.weights, self.features, has_whole_labels=self.has_whole_labels)


def read_rows(files: Sequence[Path], model_spec: Any, features: Sequence[str]) -> Iterator[DecodedRows]:
    """The rows of files of examples, in their order; the next batch is decoded while one is in use.

    Args:
        files: gzipped TFRecords of tf.train.Example.
        model_spec: TFMA's; says which features are label and weight.
        features: which are sliced by.

    Raises:
        StockOnlyError: a row has several values of a feature, or no label or weight.
    """
    with ThreadPoolExecutor(1, "decode") as thread:
        batches = _decoded(files, model_spec, features)
        ahead = thread.submit(next, batches, None)
        while (rows := ahead.result()) is not None:
            ahead = thread.submit(next, batches, None)
            yield rows


def _decoded(files: Sequence[Path], model_spec: Any, features: Sequence[str]) -> Iterator[DecodedRows]:
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP", buffer_size=1 << 20)
    for batch in records.batch(ROWS).prefetch(1):
        table = decoder.DecodeBatch(batch.numpy().tolist())
        yield DecodedRows(
            records=batch,
            labels=_numbers(table, model_spec.label_key),
            weights=_numbers(table, model_spec.example_weight_key) if model_spec.example_weight_key else np.ones(table.num_rows),
            features={name: _column(table, name) for name in features},
            has_whole_labels=pa.types.is_integer(_column(table, model_spec.label_key).type),
        )


def read_columns(folder: Path) -> list[str]:
    """The columns that the first examples of a split have."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    records = tf.data.TFRecordDataset([str(file) for file in sorted(folder.iterdir())], compression_type="GZIP")
    batch = next(iter(records.batch(ROWS)))
    return list(ExamplesToRecordBatchDecoder().DecodeBatch(batch.numpy().tolist()).schema.names)


def _numbers(table: pa.RecordBatch, name: str) -> np.ndarray:
    """Float64 [rows]."""
    column = _column(table, name)
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise StockOnlyError(f"a row without a number in {name}")
    return np.asarray(column).astype(np.float64)


def _column(table: pa.RecordBatch, name: str) -> pa.Array:
    """The one value of each row, null where there is none."""
    place = table.schema.get_field_index(name)
    if place < 0 or pa.types.is_null(table.schema.field(place).type):
        return pa.nulls(table.num_rows, pa.binary())
    column = table.column(place)
    lengths = np.asarray(column.value_lengths().fill_null(0))
    if (lengths > 1).any():
        raise StockOnlyError(f"several values of {name} in a row")
    has_one = lengths == 1
    if has_one.all():
        return column.flatten()
    places = np.where(has_one, np.cumsum(has_one) - 1, 0)
    return column.flatten().take(pa.array(places, mask=~has_one))
