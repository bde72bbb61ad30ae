"""What network.py may build, and what is refused before it is fitted."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.training.network import build_network, fed, require_finite
from tests.components.visits import write_model

FEATURES = {"seconds": tf.io.FixedLenFeature([1], tf.float32), "pages": tf.io.FixedLenFeature([1], tf.int64)}
FUNCTIONAL = """
import keras

def build(features, learning_rate):
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in features.items() if name == "seconds"}
    score = keras.layers.Dense(1)(inputs["seconds"])
    return keras.Model(inputs, OUTPUTS)
"""
SUBCLASSED = """
import keras

class Network(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(1)

    def call(self, features):
        return self.last(features["seconds"] + keras.ops.cast(features["pages"], "float32"))

def build(features, learning_rate):
    return Network()
"""


SEVERAL_INPUTS = """
import keras
from layers_of_ours import Scaled

def build(features, learning_rate):
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in features.items()}
    parts = [Scaled()(keras.ops.cast(value, "float32")) for value in inputs.values()]
    return keras.Model(list(inputs.values()), keras.layers.Dense(1)(keras.layers.Concatenate()(parts)))
"""
OWN_LAYER = """
import keras

class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(name="factor", shape=())

    def call(self, values):
        return values * self.factor
"""


def built(folder: Path, network: str) -> keras.Model:
    (write_model(folder) / "network.py").write_text(network)
    return build_network(read_model(folder, "visits"), FEATURES)


@pytest.mark.parametrize(("network", "names"), [(FUNCTIONAL.replace("OUTPUTS", "score"), {"seconds"}), (SUBCLASSED, {"seconds", "pages"})])
def test_a_functional_network_is_fed_its_inputs_and_any_other_everything(tmp_path: Path, network: str, names: set[str]) -> None:
    found = built(tmp_path, network)
    assert fed(found, FEATURES).keys() == names
    assert len(found.weights) == 2


def test_a_network_may_have_several_inputs_and_layers_of_a_file_of_its_own(tmp_path: Path) -> None:
    (write_model(tmp_path) / "layers_of_ours.py").write_text(OWN_LAYER)
    found = built(tmp_path, SEVERAL_INPUTS)
    assert fed(found, FEATURES).keys() == {"seconds", "pages"}
    assert [weight.name for weight in found.weights] == ["factor", "factor", "kernel", "bias"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("    return None", "build of NETWORK returns None, not a network: return the compiled model"),
        ("    return features['age']", "NETWORK (line 3: return features['age']) fails: KeyError: 'age'; correct it"),
        (
            "    return keras.layers.Dense(1)",
            "NETWORK fails: ValueError: Layer ",
        ),
    ],
)
def test_a_build_that_fails_is_told_with_its_line(tmp_path: Path, body: str, sentence: str) -> None:
    with pytest.raises(ModelFolderError) as error:
        built(tmp_path, f"import keras\ndef build(features, learning_rate):\n{body}\n")
    assert str(error.value).startswith(sentence.replace("NETWORK", str(tmp_path / "visits" / "network.py")))


@pytest.mark.parametrize(
    ("outputs", "has"),
    [
        ("keras.layers.Concatenate()([score, score])", "scores of shape (None, 2)"),
        ("{'score': score}", "a dict"),
        ("[score, score]", "a list"),
    ],
)
def test_anything_but_one_tensor_of_scores_is_refused(tmp_path: Path, outputs: str, has: str) -> None:
    with pytest.raises(ModelFolderError) as error:
        built(tmp_path, FUNCTIONAL.replace("OUTPUTS", outputs))
    expected = "not one tensor of shape (None, 1), the probability of label 1: correct it"
    assert str(error.value) == f"{tmp_path / 'visits' / 'network.py'} gives {has}, {expected}"


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("losses", "weight", "what"),
    [
        ([0.7, NAN, NAN], 0.5, "the loss of epoch 2 of 3 is nan"),
        ([INFINITY], NAN, "the loss of epoch 1 of 1 is inf"),
        ([0.7, 0.6], NAN, "the weights dense/kernel are not finite"),
        ([0.7, 0.6], INFINITY, "the weights dense/kernel are not finite"),
    ],
)
def test_a_training_that_came_to_nothing_is_refused(tmp_path: Path, losses: list[float], weight: float, what: str) -> None:
    network = built(tmp_path, FUNCTIONAL.replace("OUTPUTS", "score").replace("Dense(1)", "Dense(1, name='dense')"))
    network.layers[-1].kernel.assign(np.full((1, 1), weight))
    with pytest.raises(ModelFolderError) as error:
        require_finite(read_model(tmp_path, "visits"), network, losses)
    assert str(error.value) == (
        f"the training of model 'visits' failed, {what}: "
        f"lower training.learning_rate (0.01) in model.toml, or let features.py scale what it feeds"
    )


def test_a_training_with_finite_losses_and_weights_is_let_through(tmp_path: Path) -> None:
    require_finite(read_model(write_model(tmp_path).parent, "visits"), built(tmp_path, FUNCTIONAL.replace("OUTPUTS", "score")), [0.7, 0.6])
