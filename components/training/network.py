"""A team's network: what network.py builds, what it is fed, and that it gives the scores that model.toml speaks of."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.errors import ModelFolderError
from components.model.code import load_module, told_with_place
from components.model.folder import Model

PRECISION = 1e-3
"""By so much float32 sums may be off."""


def build_network(model: Model, features: Mapping[str, object]) -> Any:
    """The network of a model's folder, with its variables, before it is fitted.

    Args:
        model: whose.
        features: transformed ones without the label, as tf.io.parse_example is given them.

    Raises:
        ModelFolderError: what it gives is not one tensor of a score for each class, or of the probability of label 1.
    """
    dtypes = {name: features[name].dtype.name for name in sorted(features)}  # type: ignore[attr-defined]
    module = load_module(model.folder, "network.py", "build")
    with told_with_place(model.folder, "network.py", "fails"):
        network = module.build(dtypes, model.training.learning_rate)
    if not callable(network):
        raise ModelFolderError(f"build of {model.folder / 'network.py'} returns {network!r}, not a network: return the compiled model")
    with told_with_place(model.folder, "network.py", "fails"):
        scores = network(fed(network, {name: _symbol(feature) for name, feature in features.items()}), training=False)
    if getattr(scores, "shape", None) != (None, model.score_count):
        has = f"scores of shape {scores.shape}" if hasattr(scores, "shape") else f"a {type(scores).__name__}"
        expected = f"(None, {model.score_count}), {model.task.score_meaning}"
        raise ModelFolderError(f"{model.folder / 'network.py'} gives {has}, not one tensor of shape {expected}: correct it")
    return network


def require_probabilities(model: Model, scores: Any) -> None:
    """Refuse a network whose scores are no probabilities, before it is fitted: most likely its last layer lacks an activation.

    Args:
        model: whose; numbers may be any.
        scores: float [rows, scores], of some rows.

    Raises:
        ModelFolderError: a score is not from 0 to 1, or those of several classes do not come to 1.
    """
    values = np.asarray(scores, np.float64)
    if model.task.is_regression or not np.isfinite(values).all():
        return
    outside = values[(values < -PRECISION) | (values > 1 + PRECISION)]
    total = values.sum(axis=1)
    if not len(outside) and (not model.classes or np.allclose(total, 1, atol=PRECISION)):
        return
    what = f"gives the score {outside[0]:.4g}" if len(outside) else f"gives scores that come to {total[0]:.4g}"
    raise ModelFolderError(
        f"{model.folder / 'network.py'} {what}, which is no probability: let its last layer have "
        f'activation="{"softmax" if model.classes else "sigmoid"}", and its loss not from_logits=True'
    )


def fed(network: Any, features: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the features that a network takes: a functional one names its inputs, any other gets all."""
    inputs = getattr(network, "inputs", None)
    return {tensor.name: features[tensor.name] for tensor in inputs} if inputs else dict(features)


def require_finite(model: Model, network: Any, losses: Sequence[float]) -> None:
    """Refuse a fitted network that cannot score: nothing of it is worth being evaluated or pushed.

    Args:
        model: whose.
        network: fitted.
        losses: of the train split, by epoch.

    Raises:
        ModelFolderError: a loss or a weight is NaN or infinite.
    """
    epoch = next((number for number, loss in enumerate(losses, start=1) if not math.isfinite(loss)), None)
    broken = next((weight.path for weight in network.weights if not _is_finite(np.asarray(weight))), None)
    if epoch is None and broken is None:
        return
    what = f"the weights {broken} are not finite" if epoch is None else f"the loss of epoch {epoch} of {len(losses)} is {losses[epoch - 1]}"
    raise ModelFolderError(
        f"the training of model {model.name!r} failed, {what}: "
        f"lower training.learning_rate ({model.training.learning_rate:g}) in model.toml, or let features.py scale what it feeds"
    )


def _is_finite(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _symbol(feature: Any) -> Any:
    import keras

    is_sparse = not hasattr(feature, "shape")
    return keras.KerasTensor((None, None) if is_sparse else (None, *feature.shape), feature.dtype.name, sparse=is_sparse)
