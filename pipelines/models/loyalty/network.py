"""A small dense network over standardised points."""

import keras

LEVELS = 3
"""As many as rows.classes in model.toml names."""


def build(features: dict[str, str], learning_rate: float) -> keras.Model:
    """The compiled network.

    Args:
        features: transformed features by name (label excluded) with their dtype, each of shape [batch, 1].
        learning_rate: from model.toml.

    Returns:
        A model from {name: [batch, 1]} to the probability of each level [batch, 3].
    """
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in features.items()}
    hidden = keras.layers.Dense(32, activation="relu")(keras.layers.Concatenate()(list(inputs.values())))
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(LEVELS, activation="softmax", name="score")(hidden))
    model.compile(keras.optimizers.Adam(learning_rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
