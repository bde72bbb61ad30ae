"""What a simple model reaches on the newest days: the measure that a network has to pass, with its interval."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import SourceError
from pipelines.scaffold.features import FEW_VALUES

STEPS, RATE, PENALTY = 300, 0.5, 1e-3
RESAMPLES = 200
NEWEST_SHARE = 0.2
"""The share of spans, the newest ones, that the baseline is measured on."""
LEAST_ROWS = 200


@dataclass(frozen=True)
class Baseline:
    """A metric of a linear model on the newest spans."""

    metric: str
    """`auc` for two classes, `accuracy` for more."""
    value: float
    low: float
    high: float
    """The 95 % interval, by resampling keys."""
    constant: float
    """What a model that always says the same reaches."""
    rows: int
    since: str
    """The first span that it was measured on."""


def measure_baseline(rows: pa.Table, *, key: str, span: str, label: str, seed: int = 7) -> Baseline:
    """Fit a logistic regression on the older spans of source.sql's rows, and measure it on the newest.

    Raises:
        SourceError: there are too few rows, or the newest spans have one class only.
    """
    spans = np.array(rows.column(span).to_pylist(), dtype="datetime64[D]")
    labels = rows.column(label).to_numpy().astype(int)
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
    scores = inputs[is_new] @ _fit(inputs[~is_new], labels[~is_new])
    truth, keys = labels[is_new], pc.rank(rows.column(key).filter(pa.array(is_new)), tiebreaker="dense").to_numpy()
    is_binary = labels.max() == 1
    measure = _auc if is_binary else _accuracy
    judged = scores[:, 1] - scores[:, 0] if is_binary else scores
    low, high = _interval(measure, judged, truth, keys, seed)
    constant = 0.5 if is_binary else float(np.bincount(truth).max() / len(truth))
    return Baseline("auc" if is_binary else "accuracy", measure(judged, truth), low, high, constant, len(truth), str(since))


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


def _accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == labels).mean())


def _interval(measure, scores: np.ndarray, labels: np.ndarray, keys: np.ndarray, seed: int) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The 95 % interval by drawing keys with replacement: the rows of a key are one fact."""
    order = np.argsort(keys, kind="stable")
    begins = np.flatnonzero(np.r_[True, np.diff(keys[order]) > 0])
    groups = np.split(order, begins[1:])
    random = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([groups[group] for group in random.integers(0, len(groups), len(groups))])
        values.append(measure(scores[drawn], labels[drawn]))
    return float(np.nanquantile(values, 0.025)), float(np.nanquantile(values, 0.975))
