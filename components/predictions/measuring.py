"""The metrics of predictions that are there already, by TFMA and as in training; its Evaluator would read a model and files of examples."""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.errors import TaskError
from components.evaluation.config import NO_STOCK, eval_config, without_plots
from components.evaluation.metric import Metric
from components.evaluation.results import load_metrics
from components.evaluation.split_scores import RowCollector, SplitRows
from components.examples.keys import key_hashes
from components.measurement.measurement import Measurement
from components.measurement.slices import Slices
from components.measurement.sums import ScoredRows, StockOnlyError
from components.measurement.tfma_files import parse_config, write_results
from components.model.folder import Model
from components.predictions.kept_rows import KeptRows

PREDICTION = "perennial_prediction"
"""A column of its own beside label and slices."""
Batches = Callable[[], Iterable[tuple[pa.Table, np.ndarray]]]
"""Gives batches of rows with their key, label and slices, and what was predicted, float32 [rows, outputs]; from the first one each time."""


def measure_predictions(model: Model, rows: pa.Table, scores: np.ndarray, *, beam_args: Sequence[str]) -> tuple[Metric, ...]:
    """Every metric of every slice, with its interval by key.

    Args:
        model: says what is measured.
        rows: key, label and slices of at least one row.
        scores: what was predicted, float32 [rows, outputs].
        beam_args: where Beam runs, should TFMA's own pipeline be needed.
    """
    return measure_batches(model, lambda: [(rows, scores)], beam_args=beam_args)


def measure_batches(model: Model, batches: Batches, *, beam_args: Sequence[str]) -> tuple[Metric, ...]:
    """Like `measure_predictions`, of rows that need not be in memory together, at least one."""
    config = parse_config(json.dumps(_config(model)))
    with tempfile.TemporaryDirectory(prefix="tfma-") as folder, tempfile.TemporaryDirectory(prefix="rows-") as rows_folder:
        kept = KeptRows(model, Path(rows_folder))
        for rows, scores in batches():
            kept.add(rows, scores)
        try:
            write_results(config, _measured(config, model, batches), Path(folder))
        except StockOnlyError as error:
            if model.task.quantiles:
                raise TaskError(f"{NO_STOCK}, and only it knows {error}") from error
            _run_tfma(config, [_batch(model, rows, scores) for rows, scores in batches()], folder, beam_args)
        return kept.with_intervals(load_metrics(model, Path(folder)))


def split_rows(model: Model, rows: pa.Table, scores: Mapping[str, np.ndarray]) -> SplitRows:
    """Rows as several versions score them, float32 [rows, outputs] by name, for what chance explains."""
    slices = Slices([[], *(list(names) for names in model.evaluation.slices)])
    columns = {name: rows.column(name).combine_chunks() for name in slices.features}
    collector, labels = RowCollector(), np.asarray(rows.column(model.rows.label).combine_chunks().cast(pa.float64()))
    numbers = slices.number(columns, rows.num_rows)
    weights = np.ones(rows.num_rows)
    collector.add({name: ScoredRows(labels, one.astype(np.float32), weights, {}) for name, one in scores.items()}, numbers)
    has_keys = model.rows.key in rows.column_names
    keys = key_hashes(rows.column(model.rows.key).combine_chunks()) if has_keys else None
    return collector.rows(keys, slices.keys, list(scores))


def _measured(config: Any, model: Model, batches: Batches) -> Measurement:
    measurement = Measurement(config)
    for rows, scores in batches():
        labels = rows.column(model.rows.label).combine_chunks().cast(pa.float32()).cast(pa.float64())  # as examples hold them
        columns = {name: rows.column(name).combine_chunks() for name in measurement.features}
        measurement.add(ScoredRows(np.asarray(labels), scores.astype(np.float32), np.ones(rows.num_rows), columns))
    return measurement


def _run_tfma(config: Any, batches: Sequence[pa.RecordBatch], folder: str, beam_args: Sequence[str]) -> None:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    with beam.Pipeline(options=PipelineOptions(list(beam_args))) as pipeline:
        created = pipeline | beam.Create(batches)
        _ = created | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=folder)


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
