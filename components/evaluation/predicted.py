"""The metrics of predictions that are there already, by TFMA and as in training; its Evaluator would read a model and files of examples."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.errors import TaskError
from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.config import NO_STOCK, eval_config, without_plots
from components.evaluation.metric import Metric
from components.evaluation.results import load_metrics
from components.evaluation.split_scores import RowCollector, SplitRows
from components.examples.keys import key_hashes
from components.measurement.measurement import Measurement
from components.measurement.slices import SliceKey, Slices
from components.measurement.sums import ScoredRows, StockOnlyError
from components.measurement.tfma_files import parse_config, write_results
from components.model.folder import Model

PREDICTION = "perennial_prediction"
"""A column of its own beside label and slices."""


def measure_predictions(model: Model, rows: pa.Table, scores: np.ndarray, *, beam_args: Sequence[str]) -> tuple[Metric, ...]:
    """Every metric of every slice, with its interval by key.

    Args:
        model: says what is measured.
        rows: key, label and slices of at least one row.
        scores: what was predicted, float32 [rows, outputs].
        beam_args: where Beam runs, should TFMA's own pipeline be needed.
    """
    config = parse_config(json.dumps(_config(model)))
    with tempfile.TemporaryDirectory(prefix="tfma-") as folder:
        try:
            measurement = Measurement(config)
            measurement.add(_rows(model, rows, scores, measurement.features))
            write_results(config, measurement, Path(folder))
        except StockOnlyError as error:
            if model.task.quantiles:
                raise TaskError(f"{NO_STOCK}, and only it knows {error}") from error
            _run_tfma(config, _batch(model, rows, scores), folder, beam_args)
        metrics = load_metrics(model, Path(folder))
    return with_key_intervals(metrics, split_rows(model, rows, {PREDICTION: scores}), PREDICTION, model.task)


def split_rows(model: Model, rows: pa.Table, scores: Mapping[str, np.ndarray]) -> SplitRows:
    """Rows as several versions score them, float32 [rows, outputs] by name, for what chance explains."""
    slices = Slices([[], *(list(names) for names in model.evaluation.slices)])
    columns = {name: _as_in_examples(rows.column(name).combine_chunks()) for name in slices.features}
    collector, labels = RowCollector(), np.asarray(rows.column(model.rows.label).combine_chunks().cast(pa.float64()))
    numbers = slices.number(columns, rows.num_rows)
    weights = np.ones(rows.num_rows)
    collector.add({name: ScoredRows(labels, one.astype(np.float32), weights, {}) for name, one in scores.items()}, numbers)
    has_keys = model.rows.key in rows.column_names
    keys = key_hashes(rows.column(model.rows.key).combine_chunks()) if has_keys else None
    return collector.rows(keys, slices.keys, list(scores))


def rows_by_slice(model: Model, rows: pa.Table) -> dict[SliceKey, np.ndarray]:
    """The places of the rows of each slice but that of all rows; none where TFMA alone can tell them."""
    slices = Slices([list(names) for names in model.evaluation.slices])
    try:
        numbers = slices.number({name: _as_in_examples(rows.column(name).combine_chunks()) for name in slices.features}, rows.num_rows)
    except StockOnlyError:
        return {}
    found: dict[SliceKey, np.ndarray] = {}
    for of_rows in numbers:
        order = np.argsort(of_rows, kind="stable")
        starts = np.flatnonzero(np.diff(of_rows[order], prepend=-2))
        for part in np.split(order, starts[1:]) if len(order) else ():
            if of_rows[part[0]] >= 0:
                found[slices.keys[of_rows[part[0]]]] = part
    found.pop((), None)
    return found


def _rows(model: Model, rows: pa.Table, scores: np.ndarray, features: Sequence[str]) -> ScoredRows:
    labels = rows.column(model.rows.label).combine_chunks().cast(pa.float32()).cast(pa.float64())  # as examples hold them
    columns = {name: _as_in_examples(rows.column(name).combine_chunks()) for name in features}
    return ScoredRows(np.asarray(labels), scores.astype(np.float32), np.ones(rows.num_rows), columns)


def _as_in_examples(column: pa.Array) -> pa.Array:
    """With the type that the column has in an example, so that slices have the same names as in training."""
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_boolean(kind):
        return column.cast(pa.int64())
    return column.cast(pa.float32()) if types.is_floating(kind) or types.is_decimal(kind) else column


def _run_tfma(config: Any, batch: pa.RecordBatch, folder: str, beam_args: Sequence[str]) -> None:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    with beam.Pipeline(options=PipelineOptions(list(beam_args))) as pipeline:
        batches = pipeline | beam.Create([batch])
        _ = batches | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=folder)


def _config(model: Model) -> dict[str, Any]:
    """That of training, for predictions in a column, and without its plots."""
    return without_plots(eval_config(model)) | {"modelSpecs": [{"labelKey": model.rows.label, "predictionKey": PREDICTION}]}


def _batch(model: Model, rows: pa.Table, scores: np.ndarray) -> pa.RecordBatch:
    """As TFMA takes it: a list in every cell."""
    slices = dict.fromkeys(name for names in model.evaluation.slices for name in names)
    columns = {name: _lists(rows.column(name).combine_chunks()) for name in slices}
    columns[model.rows.label] = _lists(rows.column(model.rows.label).combine_chunks().cast(pa.float32()))
    width = scores.shape[1]
    ends = pa.array(np.arange(0, scores.size + 1, width, dtype=np.int32))
    columns[PREDICTION] = pa.ListArray.from_arrays(ends, pa.array(scores.astype(np.float32).reshape(-1)))
    return pa.RecordBatch.from_pydict(columns)


def _lists(column: pa.Array) -> pa.ListArray:
    """One value a cell, none where it is NULL."""
    is_there = np.asarray(column.is_valid())
    ends = np.concatenate([[0], np.cumsum(is_there)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), column.drop_null())
