"""Which features of a team's features.py are taken for computed from the label."""

import re
from pathlib import Path

import pytest
import tensorflow as tf

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.training.features import transformed
from tests.components.visits import write_model

HELPER = """
@tf.function
def scaled(all_of_them):
    return {name: tensor / 2.0 for name, tensor in all_of_them.items()}

@tf.function
def half(seconds, label):
    return seconds / 2.0
"""


def features(folder: Path, seconds: str) -> dict[str, object]:
    """What features.py gives that makes the feature `seconds` so."""
    body = f"    names = [*inputs]\n    rest = {{'returned': inputs['returned']}}\n    return {{**rest, 'seconds': {seconds}}}\n"
    (write_model(folder) / "features.py").write_text(f"import tensorflow as tf\n{HELPER}\ndef preprocessing_fn(inputs):\n{body}")
    with tf.Graph().as_default():
        inputs = {name: tf.compat.v1.placeholder(tf.float32, (None, 1)) for name in ("seconds", "returned")}
        return transformed(read_model(folder, "visits"), inputs)


@pytest.mark.parametrize(
    "seconds",
    [
        "inputs['seconds'] * 2.0",
        "scaled(inputs)['seconds']",
        "half(inputs['seconds'], inputs['returned'])",
        "tf.split(tf.concat([inputs[name] for name in names], 1), 2, 1)[0]",
        "tf.concat([inputs[name] for name in names], 1)[:, 0:1] * 2.0",
        "tf.gather(tf.stack([inputs[name] for name in names]), 0)",
        "tf.unstack(tf.concat([inputs[name] for name in names], 1), 2, 1)[0]",
    ],
)
def test_what_only_passed_by_the_label_is_no_leak(tmp_path: Path, seconds: str) -> None:
    assert {*features(tmp_path, seconds)} == {"seconds", "returned"}


@pytest.mark.parametrize(
    "seconds",
    [
        "inputs['returned']",
        "inputs['seconds'] + inputs['returned']",
        "half(inputs['seconds'], 0.0) + inputs['returned']",
        "tf.expand_dims(inputs['returned'][:, 0], 1)",
        "tf.reduce_sum(tf.concat([inputs[name] for name in names], 1), 1)",
    ],
)
def test_what_is_computed_from_the_label_is_refused(tmp_path: Path, seconds: str) -> None:
    with pytest.raises(ModelFolderError, match=re.escape("computes the feature 'seconds' from the label 'returned'")):
        features(tmp_path, seconds)
