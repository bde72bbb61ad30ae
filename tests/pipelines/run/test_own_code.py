"""A model whose code is in several files: it trains, its helpers travel with the version, and its mistakes are told by file and line."""

import json
from pathlib import Path

import pytest

from components.runs.record import RunState
from components.storage.manifest import CODE
from tests.pipelines.command_line import CommandLine, edit, small_churn

pytestmark = pytest.mark.slow

NETWORK = '''
"""A subclassed network, with a layer of a file of its own."""

import keras
from helpers import GROUP_SIZE
from layers.groups import Groups


class Network(keras.Model):
    def __init__(self, features):
        super().__init__()
        self.groups = Groups([name for name, dtype in features.items() if dtype == "int64"], GROUP_SIZE)
        self.numbers = [name for name, dtype in features.items() if dtype != "int64"]
        self.hidden = keras.layers.Dense(32, activation="relu")
        self.score = keras.layers.Dense(1, activation="sigmoid")

    def call(self, features):
        numbers = keras.ops.concatenate([features[name] for name in self.numbers], axis=1)
        return self.score(self.hidden(keras.ops.concatenate([numbers, self.groups(features)], axis=1)))


def build(features, learning_rate):
    model = Network(features)
    model.compile(keras.optimizers.Adam(learning_rate), loss="binary_crossentropy")
    return model
'''
LAYER = '''
import keras


class Groups(keras.layers.Layer):
    """Embeds groups."""

    def __init__(self, names, size):
        super().__init__()
        self.names = names
        self.embeddings = [keras.layers.Embedding(size, 2) for _ in names]

    def call(self, features):
        embedded = zip(self.names, self.embeddings)
        return keras.ops.concatenate([layer(features[name][:, 0]) for name, layer in embedded], axis=1)
'''
HELPERS = """
import tensorflow as tf

GROUP_SIZE = 8


def squeezed(numbers):
    return tf.math.log1p(numbers)
"""


@pytest.fixture(scope="module")
def folder(command_line: CommandLine) -> Path:
    """The small churn, its code in several files, and trained."""
    folder = small_churn(command_line.settings.models_folder, "in_files")
    edit(
        folder / "features.py",
        "import tensorflow_transform as tft\n",
        "import tensorflow_transform as tft\n\nfrom helpers import squeezed\n",
    )
    edit(folder / "features.py", "tf.math.log1p(numbers)", "squeezed(numbers)")
    (folder / "network.py").write_text(NETWORK)
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "layers").mkdir()
    (folder / "layers" / "groups.py").write_text(LAYER)
    trained = command_line.json("train", folder.name)
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    return folder


def test_helpers_are_kept_with_the_version(command_line: CommandLine, folder: Path, tmp_path: Path) -> None:
    command_line.json("pull", folder.name, "1", str(tmp_path / "version"))
    for name in ("helpers.py", "layers/groups.py"):
        assert (tmp_path / "version" / CODE / name).read_bytes() == (folder / name).read_bytes()


def test_a_version_scores_without_its_python_files(command_line: CommandLine, folder: Path, tmp_path: Path) -> None:
    query = "SELECT 3 AS days_since_purchase"
    assert "lacks the field" in command_line.refused("predict", folder.name, "--query", query)


def test_a_version_is_reproduced_with_the_helpers_that_it_had(command_line: CommandLine, folder: Path) -> None:
    text = (folder / "helpers.py").read_text()
    (folder / "helpers.py").write_text(text.replace("log1p(numbers)", "sqrt(numbers)"))
    again = command_line.json("reproduce", folder.name, "1")
    (folder / "helpers.py").write_text(text)
    assert (again["state"], again["is_equal"]) == (RunState.SUCCEEDED, True)


def test_a_changed_helper_is_another_training(command_line: CommandLine, folder: Path) -> None:
    assert command_line.json("train", folder.name)["state"] == "ALREADY_TRAINED"
    with (folder / "helpers.py").open("a") as file:
        file.write("\nGROUP_SIZE = 9\n")
    trained = command_line.json("train", folder.name)
    assert (trained["state"], trained["version"]) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(
    ("file", "old", "new", "step", "sentence"),
    [
        (
            "helpers.py",
            "return tf.math.log1p(numbers)",
            "return tf.math.log1p(numbers['age'])",
            "transform",
            "helpers.py (line 8: return tf.math.log1p(numbers['age'])) fails: TypeError: ",
        ),
        (
            "network.py",
            "self.score(self.hidden(",
            "self.score(self.hiden(",
            "train",
            "network.py (line 19: return self.score(self.hiden(keras.ops.concatenate([numbers, self.groups(features)], axis=1)))) fails: ",
        ),
    ],
)
def test_an_exception_names_file_and_line(
    command_line: CommandLine, folder: Path, file: str, old: str, new: str, step: str, sentence: str
) -> None:
    text = (folder / file).read_text()
    edit(folder / file, old, new)
    done = command_line.run("train", folder.name, "--force", "--json")
    (folder / file).write_text(text)
    document = json.loads(done.stdout)
    assert (done.returncode, document["state"]) == (1, RunState.FAILED)
    assert document["error"].startswith(f"{folder / file} {sentence.partition(' ')[2]}")
    assert [task["name"] for task in document["tasks"] if task["state"] == "failed"] == [step]
