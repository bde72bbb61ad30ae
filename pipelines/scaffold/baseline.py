"""What a simple model reaches on the keys that are held out: the measure that a network has to pass there, with its interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import SourceError
from components.examples.keys import split_buckets
from components.model.folder import Model
from pipelines.scaffold.features import FEW_VALUES

STEPS, RATE, PENALTY = 300, 0.5, 1e-3
RESAMPLES, SEED = 200, 7
LEAST_ROWS = 200


Measure = Callable[[np.ndarray, np.ndarray], float]
"""Of scores and labels."""


@dataclass(frozen=True)
class Baseline:
    """A metric of a linear model on the rows of the split `eval`, of the same window that the first version is trained on."""

    metric: str
    """`auc` for two classes, `macro_auc` for more, `r_squared` for numbers: all the same for a model that always says the same."""
    value: float
    low: float
    high: float
    """The 95 % interval, by resampling keys."""
    constant: float
    """What a model that always says the same reaches."""
    rows: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows to fit on, and others to measure on."""

    inputs: np.ndarray
    """float64 [rows, inputs]"""
    labels: np.ndarray
    """int64 or float64 [rows]"""
    is_held_out: np.ndarray
    """bool [rows]"""
    keys: np.ndarray
    """int64 [held out]: a number for each key."""


def measure_baseline(rows: pa.Table, model: Model) -> Baseline:
    """Fit a linear model, of the logarithm of the odds or of the number, on the keys that are trained on; measure it on the others.

    The newest spans, which no version is trained on, are left out.

    Raises:
        SourceError: there are too few rows, or those of a split have one label only.
    """
    found, is_number = _split(rows, model), model.task.is_regression
    known, truth = found.labels[~found.is_held_out], found.labels[found.is_held_out]
    if is_number:
        return _of_numbers(found, known, truth)
    scores = found.inputs[found.is_held_out] @ _fit(found.inputs[~found.is_held_out], known)
    if found.labels.max() == 1:
        return _baseline("auc", _auc, scores[:, 1] - scores[:, 0], found, constant=0.5)
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    return _baseline("macro_auc", _macro_auc, likelihood / likelihood.sum(axis=1, keepdims=True), found, constant=0.5)


def _of_numbers(found: _Rows, known: np.ndarray, truth: np.ndarray) -> Baseline:
    inputs, weight = found.inputs[~found.is_held_out], PENALTY * len(known)
    weights = np.linalg.solve(inputs.T @ inputs + weight * np.eye(inputs.shape[1]), inputs.T @ known)
    constant = _r_squared(np.full(len(truth), known.mean()), truth)
    return _baseline("r_squared", _r_squared, found.inputs[found.is_held_out] @ weights, found, constant=constant)


def _baseline(metric: str, measure: Measure, scores: np.ndarray, found: _Rows, *, constant: float) -> Baseline:
    truth = found.labels[found.is_held_out]
    low, high = _interval(measure, scores, truth, found.keys)
    return Baseline(metric, measure(scores, truth), low, high, constant, len(truth))


def _split(rows: pa.Table, model: Model) -> _Rows:
    columns, split = model.rows, model.split
    spans = np.array(rows.column(columns.span).to_pylist(), dtype="datetime64[D]")
    if model.newest_spans:
        rows = rows.filter(pa.array(spans < np.unique(spans)[-model.newest_spans]))
    labels = rows.column(columns.label).to_numpy().astype(float if model.task.is_regression else int)
    held_out = split_buckets(rows.column(columns.key).combine_chunks(), split.train + split.eval) >= split.train
    if min(held_out.sum(), (~held_out).sum()) < LEAST_ROWS:
        raise SourceError(
            f"{(~held_out).sum():,} rows to train on and {held_out.sum():,} of other keys to evaluate: "
            f"a model needs at least {LEAST_ROWS} of each; load more days"
        )
    if len(np.unique(labels[held_out])) < 2 or len(np.unique(labels[~held_out])) < 2:
        raise SourceError("all labels to train on, or to evaluate, are the same: load more days, or give another --label")
    inputs = _inputs(rows.drop_columns([columns.key, columns.span, columns.label]), ~held_out)
    keys = pc.rank(rows.column(columns.key).filter(pa.array(held_out)), tiebreaker="dense").to_numpy()
    return _Rows(inputs, labels, held_out, keys)


def _inputs(columns: pa.Table, is_known: np.ndarray) -> np.ndarray:
    """Float [rows, inputs]: numbers on a logarithmic scale and standardised, categories as ones and zeros, and a constant."""
    parts = [np.ones((columns.num_rows, 1))]
    for values in columns.columns:
        if pa.types.is_string(values.type):
            encoded = values.combine_chunks().dictionary_encode()
            codes = encoded.indices.to_numpy()
            frequent = np.argsort(-np.bincount(codes[is_known], minlength=len(encoded.dictionary)), kind="stable")[:FEW_VALUES]
            parts.append((codes[:, None] == frequent[None, :]).astype(float))
        else:
            numbers = values.to_numpy().astype(float)
            scaled = np.sign(numbers) * np.log1p(np.abs(numbers))
            deviation = scaled[is_known].std() or 1.0
            parts.append(((scaled - scaled[is_known].mean()) / deviation)[:, None])
    return np.concatenate(parts, axis=1)


def _fit(inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Float [inputs, classes]: the weights of a multinomial logistic regression, by accelerated gradient descent."""
    truth = np.eye(labels.max() + 1)[labels]
    weights = velocity = np.zeros((inputs.shape[1], truth.shape[1]))
    for _ in range(STEPS):
        ahead = weights + 0.9 * velocity
        scores = inputs @ ahead
        likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
        likelihood /= likelihood.sum(axis=1, keepdims=True)
        gradient = inputs.T @ (likelihood - truth) / len(labels) + PENALTY * ahead
        velocity = 0.9 * velocity - RATE / np.sqrt(inputs.shape[1]) * gradient
        weights = weights + velocity
    return weights


def _auc(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks = pc.rank(pa.array(scores), tiebreaker="min").to_numpy() + pc.rank(pa.array(scores), tiebreaker="max").to_numpy()
    ones = labels.sum()
    zeros = len(labels) - ones
    return float((ranks[labels == 1].sum() / 2 - ones * (ones + 1) / 2) / (ones * zeros)) if ones and zeros else float("nan")


def _macro_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the classes that there are: one that always says the same has 0.5, however frequent the most frequent class is."""
    return float(np.nanmean([_auc(scores[:, label], (labels == label).astype(int)) for label in range(scores.shape[1])]))


def _r_squared(scores: np.ndarray, labels: np.ndarray) -> float:
    spread = float(((labels - labels.mean()) ** 2).sum())
    return 1 - float(((labels - scores) ** 2).sum()) / spread if spread > 0 else float("nan")


def _interval(measure: Measure, scores: np.ndarray, labels: np.ndarray, keys: np.ndarray) -> tuple[float, float]:
    """The 95 % interval by drawing keys with replacement: the rows of a key are one fact."""
    order = np.argsort(keys, kind="stable")
    begins = np.flatnonzero(np.r_[True, np.diff(keys[order]) > 0])
    groups = np.split(order, begins[1:])
    random = np.random.default_rng(SEED)
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([groups[group] for group in random.integers(0, len(groups), len(groups))])
        values.append(measure(scores[drawn], labels[drawn]))
    return float(np.nanquantile(values, 0.025)), float(np.nanquantile(values, 0.975))
