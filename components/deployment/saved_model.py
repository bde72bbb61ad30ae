"""A SavedModel on this machine: its serving signature, and what it answers on many rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.errors import RegistryError
from components.training.servable import Answer
from components.training.session import said
from components.training.signatures import INPUT, OUTPUT, SIGNATURE

BATCH_ROWS = 2048


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model answers on rows."""

    scores: np.ndarray
    """float32 [rows, outputs]; NaN in all outputs of a row that the model refuses."""
    refusal: str | None
    """What TensorFlow says of rows that it refuses; None where there are none."""


def load_signatures(folder: Path, what: str) -> Mapping[str, Answer]:
    """The signatures of the SavedModel in a folder, which holds `what`, by name.

    Raises:
        RegistryError: it does not load, or has none.
    """
    import tensorflow as tf

    try:
        signatures: Mapping[str, Answer] = tf.saved_model.load(str(folder)).signatures
        signatures[SIGNATURE]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise RegistryError(f"{what} does not load in TensorFlow {tf.__version__} ({said(error)}): train a new version") from error
    return signatures


def load_signature(folder: Path, what: str) -> Answer:
    """The one of them that takes tf.train.Examples, of a version of any age."""
    return load_signatures(folder, what)[SIGNATURE]


def answer(signature: Answer, examples: Sequence[bytes], *, complete: np.ndarray) -> Answers:
    """What a model answers on serialised tf.train.Examples. Rows that it refuses cost the others nothing.

    Args:
        signature: of the model.
        examples: one for each row.
        complete: bool [rows], which rows have every feature: those are asked alone where a batch is refused.
    """
    refusals, parts = [], []
    for start in range(0, len(examples), BATCH_ROWS):
        rows, is_complete = list(examples[start : start + BATCH_ROWS]), complete[start : start + BATCH_ROWS]
        scores, refusal = _batch(signature, rows, np.ones(len(rows), bool))
        if refusal and not is_complete.all():
            scores, _ = _batch(signature, rows, is_complete)
        parts.append(scores)
        refusals += [refusal] if refusal else []
    width = max((part.shape[1] for part in parts), default=1)
    whole = [part if part.shape[1] == width else np.full((len(part), width), np.nan, np.float32) for part in parts]
    return Answers(np.concatenate(whole) if whole else np.empty((0, width), np.float32), next(iter(refusals), None))


def _batch(signature: Answer, rows: list[bytes], asked: np.ndarray) -> tuple[np.ndarray, str | None]:
    import tensorflow as tf

    if not asked.any():
        return np.full((len(rows), 1), np.nan, np.float32), None
    try:
        found = signature(**{INPUT: tf.constant([row for row, is_asked in zip(rows, asked, strict=True) if is_asked], tf.string)})[OUTPUT]
    except tf.errors.OpError as error:
        return np.full((len(rows), 1), np.nan, np.float32), said(error)
    scores = np.full((len(rows), int(found.shape[1])), np.nan, np.float32)
    scores[asked] = found.numpy()
    return scores, None
