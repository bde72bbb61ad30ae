"""Examples that a SavedModel scores as they are read, file by file and batch by batch: memory does not grow with their number."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from components.columns.column_file import kept_schema, read_kept
from components.columns.decoded import read_decoded
from components.columns.tensors import TYPES, column_of, matrix
from components.examples.encode import encode_examples
from components.measurement.sums import ScoredRows, StockOnlyError

if TYPE_CHECKING:
    import tensorflow as tf

SCORED = 1_024
"""Rows scored at a time, always: the last bits of a score may depend on the size of its batch, so the last one is filled up."""
ROWS = 16 * SCORED
"""Decoded and summed up at a time."""
SCORING = 2
"""Batches scored at a time."""
SERVING, RAW = "serving_default", "raw"


@dataclass(frozen=True)
class Network:
    """A signature of a SavedModel that takes serialised examples."""

    function: Any
    input: str
    output: str
    raw: Any = None
    """The one that gives the same of a tensor [rows, 1] for each column; None if there is none, or rows may lack columns."""

    def score(self, records: "tf.Tensor") -> np.ndarray:
        """Float32 [rows, outputs] of serialised examples, string [rows]."""
        return self._scores(self.function, {self.input: records.numpy()})

    def score_columns(self, batch: pa.RecordBatch) -> np.ndarray:
        """Float32 [rows, outputs] of the columns of examples."""
        wanted = self.raw.structured_input_signature[1].items() if self.raw is not None else ()
        columns = {name: column_of(batch, name, kind.dtype.name) for name, kind in wanted}
        if not columns or any(column is None or column.null_count for column in columns.values()):
            return self._scores(self.function, {self.input: np.array(encode_examples(batch).to_pylist(), object)})
        return self._scores(self.raw, {name: matrix(column) for name, column in columns.items()})

    def _scores(self, function: Any, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = len(next(iter(inputs.values())))
        parts = [{name: column[start : start + SCORED] for name, column in inputs.items()} for start in range(0, rows, SCORED)]
        lacking = SCORED * len(parts) - rows
        parts[-1] = {name: np.concatenate([column, np.repeat(column[-1:], lacking, axis=0)]) for name, column in parts[-1].items()}
        scores = np.concatenate([function(**_tensors(part))[self.output].numpy() for part in parts])[:rows]
        if scores.ndim > 2:
            raise StockOnlyError(f"scores of {scores.ndim} dimensions")
        return scores.reshape(rows, -1)


def _tensors(arrays: Mapping[str, np.ndarray]) -> "dict[str, tf.Tensor]":
    import tensorflow as tf

    return {name: tf.constant(array, tf.string if array.dtype == object else None) for name, array in arrays.items()}


def load_network(saved_model: Path, model_spec: Any) -> Network:
    """The signature that a ModelSpec names.

    Raises:
        StockOnlyError: it has several inputs or outputs.
    """
    import tensorflow as tf

    signatures = tf.saved_model.load(str(saved_model)).signatures
    function = signatures[model_spec.signature_name or SERVING]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    wanted = [name for name in outputs if model_spec.prediction_key in ("", name)]
    if len(inputs) != 1 or len(outputs) != 1 or len(wanted) != 1:
        raise StockOnlyError(f"a signature with the inputs {sorted(inputs)} and the outputs {sorted(outputs)}")
    return Network(function, next(iter(inputs)), wanted[0], _by_column(signatures, model_spec, wanted[0]))


def _by_column(signatures: Mapping[str, Any], model_spec: Any, output: str) -> Any:
    raw = signatures.get(RAW) if model_spec.signature_name in ("", SERVING) else None
    if raw is None or output not in raw.structured_outputs:
        return None
    inputs = raw.structured_input_signature[1].values()
    return raw if all(one.shape.as_list() == [None, 1] and one.dtype.name in TYPES for one in inputs) else None


@dataclass(frozen=True, eq=False)
class DecodedRows:
    """Examples, and what of them is measured by."""

    records: "tf.Tensor | None"
    """As they lie in their files, string [rows]; None where there are their columns."""
    labels: np.ndarray
    """float64 [rows]"""
    weights: np.ndarray
    """float64 [rows]"""
    features: Mapping[str, pa.Array]
    """The columns to slice by."""
    has_whole_labels: bool
    columns: pa.RecordBatch | None = None

    def scored(self, network: Network) -> ScoredRows:
        """With what a network says of them."""
        scores = network.score(self.records) if self.columns is None else network.score_columns(self.columns)
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
    is_kept = kept_schema(files) is not None
    with ThreadPoolExecutor(1, "decode") as thread:
        batches = (_kept if is_kept else _decoded)(files, model_spec, features)
        ahead = thread.submit(next, batches, None)
        while (rows := ahead.result()) is not None:
            ahead = thread.submit(next, batches, None)
            yield rows


def score_ahead(batches: Iterator[DecodedRows], networks: Mapping[str, Network]) -> Iterator[dict[str, "Future[ScoredRows]"]]:
    """Each batch, as each network scores it; the next ones are scored while one is in use."""
    waiting = deque[dict[str, Future[ScoredRows]]]()
    with ThreadPoolExecutor(SCORING, "score") as threads:
        for rows in batches:
            waiting.append({name: threads.submit(rows.scored, network) for name, network in networks.items()})
            if len(waiting) > SCORING:
                yield waiting.popleft()
        yield from waiting


def _kept(files: Sequence[Path], model_spec: Any, features: Sequence[str]) -> Iterator[DecodedRows]:
    for batch in read_kept(files, ROWS):
        yield _rows(batch, model_spec, features, columns=batch)


def _decoded(files: Sequence[Path], model_spec: Any, features: Sequence[str]) -> Iterator[DecodedRows]:
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP", buffer_size=1 << 20)
    for batch in records.batch(ROWS).prefetch(1):
        yield _rows(decoder.DecodeBatch(batch.numpy().tolist()), model_spec, features, records=batch)


def _rows(
    table: pa.RecordBatch,
    model_spec: Any,
    features: Sequence[str],
    *,
    records: "tf.Tensor | None" = None,
    columns: pa.RecordBatch | None = None,
) -> DecodedRows:
    return DecodedRows(
        records=records,
        labels=_numbers(table, model_spec.label_key),
        weights=_numbers(table, model_spec.example_weight_key)
        if model_spec.example_weight_key
        else np.broadcast_to(np.ones(1), table.num_rows),
        features={name: _column(table, name) for name in features},
        has_whole_labels=pa.types.is_integer(_column(table, model_spec.label_key).type),
        columns=columns,
    )


def read_columns(folder: Path) -> list[str]:
    """The columns that the first examples of a split have."""
    return next(read_decoded(sorted(folder.iterdir()), ROWS)).schema.names  # type: ignore[no-any-return]


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
    if not pa.types.is_large_list(column.type):
        return column
    lengths = np.asarray(column.value_lengths().fill_null(0))
    if (lengths > 1).any():
        raise StockOnlyError(f"several values of {name} in a row")
    has_one = lengths == 1
    if has_one.all():
        return column.flatten()
    places = np.where(has_one, np.cumsum(has_one) - 1, 0)
    return column.flatten().take(pa.array(places, mask=~has_one))
