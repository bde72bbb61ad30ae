"""What network.py may build, and what is refused before it is fitted."""

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.training.network import build_network, fed
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


def built(folder: Path, network: str) -> keras.Model:
    (write_model(folder) / "network.py").write_text(network)
    return build_network(read_model(folder, "visits"), FEATURES)


@pytest.mark.parametrize(("network", "names"), [(FUNCTIONAL.replace("OUTPUTS", "score"), {"seconds"}), (SUBCLASSED, {"seconds", "pages"})])
def test_a_functional_network_is_fed_its_inputs_and_any_other_everything(tmp_path: Path, network: str, names: set[str]) -> None:
    found = built(tmp_path, network)
    assert fed(found, FEATURES).keys() == names
    assert len(found.weights) == 2


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
