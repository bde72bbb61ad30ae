"""A team's network: what network.py builds, what it is fed, and that it gives the scores that model.toml speaks of."""

from collections.abc import Mapping
from typing import Any

from components.errors import ModelFolderError
from components.model.code import load_module
from components.model.folder import Model


def build_network(model: Model, features: Mapping[str, object]) -> Any:
    """The network of a model's folder, with its variables, before it is fitted.

    Args:
        model: whose.
        features: transformed ones without the label, as tf.io.parse_example is given them.

    Raises:
        ModelFolderError: what it gives is not one tensor of a score for each class, or of the probability of label 1.
    """
    dtypes = {name: features[name].dtype.name for name in sorted(features)}  # type: ignore[attr-defined]
    network = load_module(model.folder, "network.py", "build").build(dtypes, model.training.learning_rate)
    scores = network(fed(network, {name: _symbol(feature) for name, feature in features.items()}), training=False)
    if getattr(scores, "shape", None) != (None, model.score_count):
        has = f"scores of shape {scores.shape}" if hasattr(scores, "shape") else f"a {type(scores).__name__}"
        expected = f"(None, {model.score_count}), {'a score for each class' if model.classes else 'the probability of label 1'}"
        raise ModelFolderError(f"{model.folder / 'network.py'} gives {has}, not one tensor of shape {expected}: correct it")
    return network


def fed(network: Any, features: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the features that a network takes: a functional one names its inputs, any other gets all."""
    inputs = getattr(network, "inputs", None)
    return {tensor.name: features[tensor.name] for tensor in inputs} if inputs else dict(features)


def _symbol(feature: Any) -> Any:
    import keras

    is_sparse = not hasattr(feature, "shape")
    return keras.KerasTensor((None, None) if is_sparse else (None, *feature.shape), feature.dtype.name, sparse=is_sparse)
