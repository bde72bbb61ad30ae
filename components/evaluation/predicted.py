"""The metrics of predictions that are there already, by TFMA and as in training; its Evaluator would read a model and files of examples."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluation.config import eval_config
from components.evaluation.results import Metric, load_results
from components.model.folder import Model

PREDICTION = "perennial_prediction"
"""A column of its own beside label and slices."""


def measure_predictions(model: Model, rows: pa.Table, scores: np.ndarray, *, beam_args: Sequence[str]) -> tuple[Metric, ...]:
    """Every metric of every slice, with its interval.

    Args:
        model: says what is measured.
        rows: label and slices of at least one row.
        scores: what was predicted, float32 [rows, outputs].
        beam_args: where Beam runs.
    """
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    config = json_format.ParseDict(_config(model), config_pb2.EvalConfig())
    with tempfile.TemporaryDirectory(prefix="tfma-") as folder:
        with beam.Pipeline(options=PipelineOptions(list(beam_args))) as pipeline:
            batches = pipeline | beam.Create([_batch(model, rows, scores)])
            _ = batches | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=folder)
        return load_results(model, Path(folder), blessed=False).metrics


def _config(model: Model) -> dict[str, Any]:
    """That of training, for predictions in a column, and without its plots, which take a third of the time."""
    document: dict[str, Any] = json.loads(eval_config(model))
    document["modelSpecs"] = [{"labelKey": model.rows.label, "predictionKey": PREDICTION}]
    for specification in document["metricsSpecs"]:
        specification["metrics"] = [metric for metric in specification["metrics"] if not metric["className"].endswith("Plot")]
    return document


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
