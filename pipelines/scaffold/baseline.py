"""What a simple model reaches on the newest days: the measure that a network has to pass, with its interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import SourceError
from pipelines.scaffold.features import FEW_VALUES

STEPS, RATE, PENALTY = 300, 0.5, 1e-3
RESAMPLES, SEED = 200, 7
NEWEST_SHARE = 0.2
"""The share of spans, the newest ones, that the baseline is measured on."""
LEAST_ROWS = 200


Measure = Callable[[np.ndarray, np.ndarray], float]
"""Of scores and labels."""


@dataclass(frozen=True)
class Baseline:
    """A metric of a linear model on the newest spans."""

    metric: str
    """`auc` for two classes, `macro_auc` for more, `r_squared` for numbers: all the same for a model that always says the same."""
    value: float
    low: float
    high: float
    """The 95 % interval, by resampling keys."""
    constant: float
    """What a model that always says the same reaches."""
    rows: int
    since: str
    """The first span that it was measured on."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of older spans, to fit on, and those of the newest, to measure on."""

    inputs: np.ndarray
    """float64 [rows, inputs]"""
    labels: np.ndarray
    """int64 or float64 [rows]"""
    is_new: np.ndarray
    """bool [rows]"""
    keys: np.ndarray
    """int64 [new rows]"""
    since: str


def measure_baseline(rows: pa.Table, *, key: str, span: str, label: str, is_number: bool = False) -> Baseline:
    """Fit a linear model, of the logarithm of the odds or of the number, on the older spans of source.sql's rows; measure it on the newest.

    Raises:
        SourceError: there are too few rows, or the older or the newest spans have one label only.
    """
    found = _split(rows, key=key, span=span, label=label, is_number=is_number)
    known, truth = found.labels[~found.is_new], found.labels[found.is_new]
    if is_number:
        return _of_numbers(found, known, truth)
    scores = found.inputs[found.is_new] @ _fit(found.inputs[~found.is_new], known)
    if found.labels.max() == 1:
        return _baseline("auc", _auc, scores[:, 1] - scores[:, 0], found, constant=0.5)
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    return _baseline("macro_auc", _macro_auc, likelihood / likelihood.sum(axis=1, keepdims=True), found, constant=0.5)


def _of_numbers(found: _Rows, known: np.ndarray, truth: np.ndarray) -> Baseline:
    inputs, weight = found.inputs[~found.is_new], PENALTY * len(known)
    weights = np.linalg.solve(inputs.T @ inputs + weight * np.eye(inputs.shape[1]), inputs.T @ known)
    constant = _r_squared(np.full(len(truth), known.mean()), truth)
    return _baseline("r_squared", _r_squared, found.inputs[found.is_new] @ weights, found, constant=constant)


def _baseline(metric: str, measure: Measure, scores: np.ndarray, found: _Rows, *, constant: float) -> Baseline:
    truth = found.labels[found.is_new]
    low, high = _interval(measure, scores, truth, found.keys)
    return Baseline(metric, measure(scores, truth), low, high, constant, len(truth), found.since)


def _split(rows: pa.Table, *, key: str, span: str, label: str, is_number: bool) -> _Rows:
    spans = np.array(rows.column(span).to_pylist(), dtype="datetime64[D]")
    labels = rows.column(label).to_numpy().astype(float if is_number else int)
    names = np.unique(spans)
    since = names[-max(1, round(NEWEST_SHARE * len(names)))]
    is_new = spans >= since
    if min(is_new.sum(), (~is_new).sum()) < LEAST_ROWS:
        raise SourceError(
            f"{(~is_new).sum():,} rows before {since} and {is_new.sum():,} since then: "
            f"a model needs at least {LEAST_ROWS} of each; load more days"
        )
    if len(np.unique(labels[is_new])) < 2 or len(np.unique(labels[~is_new])) < 2:
        raise SourceError(f"all labels since or before {since} are the same: load more days, or give another --label")
    inputs = _inputs(rows.drop_columns([key, span, label]), ~is_new)
    keys = pc.rank(rows.column(key).filter(pa.array(is_new)), tiebreaker="dense").to_numpy()
    return _Rows(inputs, labels, is_new, keys, str(since))


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
