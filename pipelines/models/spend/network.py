"""A small dense network over standardised numbers and embedded groups, which predicts dollars: always more than none."""

import keras

GROUP_SIZE = 8
"""At least as many as a group has values, and one for unknown ones."""
LOG_OF_USUAL = 3.0
"""Of the 20 dollars that a customer spends on average: what the network begins with."""


def build(features: dict[str, str], learning_rate: float) -> keras.Model:
    """The compiled network.

    The loss is Poisson's, with which predictions are right on average, and the few who spend a lot do not outweigh all others as they
    do with squares.

    Args:
        features: transformed features by name (label excluded) with their dtype, each of shape [batch, 1].
        learning_rate: from model.toml.

    Returns:
        A model from {name: [batch, 1]} to the predicted label [batch, 1].
    """
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in features.items()}
    parts = []
    for name, dtype in features.items():
        if dtype == "int64":
            parts.append(keras.layers.Flatten()(keras.layers.Embedding(GROUP_SIZE, 2, name=f"{name}_embedding")(inputs[name])))
        else:
            parts.append(inputs[name])
    hidden = keras.layers.Dense(32, activation="relu")(keras.layers.Concatenate()(parts))
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    start = keras.initializers.Constant(LOG_OF_USUAL)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="exponential", bias_initializer=start, name="score")(hidden))
    model.compile(keras.optimizers.Adam(learning_rate), loss="poisson", metrics=["mean_absolute_error"])
    return model
