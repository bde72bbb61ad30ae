"""`perennial new --from-keras`: somebody's Keras model becomes a model's folder, and its training goes on."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.model.task import BINARY
from components.training.network import build_network
from components.training.servable import columns_of, save_servable
from components.training.signatures import Signatures
from pipelines.scaffold.folder import SCHEMA, write_files
from pipelines.scaffold.guess import Wish, draft_of
from pipelines.scaffold.start import Start, read_start, require_probabilities, start_files, taking
from tests.pipelines.command_line import CommandLine
from tests.pipelines.scaffold.rows import loans
from tests.pipelines.scaffold.test_new import load

TABLE = "started.loans"
ROWS = loans(days=30, rows=120)
DRAFT = draft_of(
    Wish(name="loans", table=TABLE, key="loan_id", label="defaulted", partition_field=None, title="Will it default?", owner="risk"), ROWS
)
GUESS = DRAFT.guess


def saved(folder: Path, model: keras.Model) -> Path:
    path = folder / "loans.keras"
    model.save(path)
    return path


def by_name(*names: str, dtype: str = "float32", outputs: int = 1) -> keras.Model:
    """A model that takes numbers by their names."""
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name in names}
    whole = keras.ops.concatenate([keras.ops.log(1 + keras.ops.cast(value, "float32")) for value in inputs.values()], axis=1)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation="sigmoid")(keras.layers.Dense(8, activation="tanh")(whole)))


def in_one(width: int) -> keras.Model:
    """A model that takes numbers in one tensor."""
    return keras.Sequential([keras.Input((width,)), keras.layers.Dense(1, activation="sigmoid")])


def test_inputs_are_features_by_name_or_in_an_order_that_is_told(tmp_path: Path) -> None:
    named = read_start(saved(tmp_path, by_name("amount", "income")), GUESS, BINARY, order=())
    assert (sorted(named.inputs), named.is_vector) == (["amount", "income"], False)
    assert read_start(saved(tmp_path, in_one(2)), GUESS, BINARY, order=("income", "amount")) == Start(("income", "amount"), True)
    kept = taking(GUESS, named)
    assert {feature.name for feature in kept.features} == {"amount", "income"}
    assert kept.left_out["purpose"] == kept.left_out["is_new"] == "the model to begin with does not take it"


def test_what_is_no_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("no model")

    def refused(path: Path, *order: str) -> str:
        with pytest.raises(ModelFolderError) as error:
            read_start(path, GUESS, BINARY, order=order)
        return str(error.value).replace(str(path), "FILE")

    in_one(2).save(tmp_path / "loans.h5")
    assert refused(tmp_path / "loans.h5", "income", "amount").startswith(
        "FILE is no .keras file, which alone goes into the folder: load it"
    )
    numbers = "applied_at_hour, income, income_is_missing, amount, is_new, weekday"
    assert refused(tmp_path / "text.keras").startswith("FILE is no Keras model that loads by itself (")
    assert refused(saved(tmp_path, in_one(2))) == "FILE takes 2 numbers in one tensor: name their columns in its order, --inputs A,B,…"
    assert refused(saved(tmp_path, in_one(2)), "income", "purpose") == (
        f"FILE takes 'purpose', which is no numeric feature of the table: those are {numbers}"
    )
    assert refused(saved(tmp_path, by_name("amount", "age"))) == (
        f"FILE takes 'age', which is no numeric feature of the table: those are {numbers}"
    )
    assert refused(saved(tmp_path, by_name("amount", outputs=3))) == (
        "FILE gives scores of shape (None, 3), not (None, 1), the probability of label 1"
    )


def exported(folder: Path, model: keras.Model) -> Path:
    model.export(folder / "exported", verbose=False)
    return folder / "exported"


def test_a_saved_model_is_a_start_by_its_signature(tmp_path: Path) -> None:
    path = exported(tmp_path, in_one(2))
    assert read_start(path, GUESS, BINARY, order=("income", "amount")) == Start(("income", "amount"), True, is_saved=True)
    assert set(start_files(path)) >= {"start/saved_model.pb", "start/variables/variables.index"}
    with pytest.raises(ModelFolderError, match="exported takes 2 numbers in one tensor: name their columns in its order, --inputs A,B,…$"):
        read_start(path, GUESS, BINARY, order=())
    with pytest.raises(ModelFolderError, match=r"is no SavedModel that loads \(.*\): give the folder that has saved_model.pb$"):
        read_start(tmp_path, GUESS, BINARY, order=())


def test_a_saved_model_of_a_classifier_gives_probabilities(tmp_path: Path) -> None:
    rows = pa.table({"income": [1.0, 2.0, None], "amount": [3.0, 4.0, 5.0]})
    whole = keras.Input((2,))
    logits = keras.Model(whole, keras.layers.Dense(1, kernel_initializer="ones")(whole))
    path = exported(tmp_path, logits)
    start = read_start(path, GUESS, BINARY, order=("income", "amount"))
    with pytest.raises(ModelFolderError, match="exported gives 4, which is no probability: let it end with a sigmoid, or a softmax"):
        require_probabilities(path, start, rows)
    path = exported(tmp_path / "named", by_name("amount", "income"))
    require_probabilities(path, read_start(path, GUESS, BINARY, order=()), rows)


def test_what_a_saved_model_scores_is_fitted_and_saved_with_the_version(tmp_path: Path) -> None:
    model = by_name("amount", "income")
    path = exported(tmp_path, model)
    begun = replace(DRAFT, start=read_start(path, GUESS, BINARY, order=()))
    begun = replace(begun, guess=taking(begun.guess, begun.start))  # type: ignore[arg-type]
    write_files({**begun.render(), SCHEMA: "", **start_files(path)}, tmp_path / "loans")
    features = {name: tf.io.FixedLenFeature((1,), tf.float32) for name in ("amount", "income")}
    network = build_network(read_model(tmp_path, "loans"), features)
    rows = {name: np.array([[0.5], [7.0], [3000.0]], np.float32) for name in features}
    expected = model.predict(rows, verbose=0)
    assert np.allclose(network(rows), expected, atol=1e-5)
    assert [weight.shape for weight in network.trainable_weights] == [(1, 1), (1,)]
    network.fit(rows, np.array([[0.0], [1.0], [1.0]]), verbose=0)
    shutil.rmtree(tmp_path / "loans")
    save_servable(lambda raw: network(raw), Signatures(columns_of(features), 1), [network], tmp_path / "saved")
    raw = tf.saved_model.load(str(tmp_path / "saved")).signatures["raw"]
    (answer,) = raw(**{name: tf.constant(value) for name, value in rows.items()}).values()
    assert np.allclose(answer, network(rows), atol=1e-6)


@pytest.mark.slow
def test_a_keras_model_becomes_a_folder_whose_training_goes_on(command_line: CommandLine, tmp_path: Path) -> None:
    load(command_line.settings, TABLE, ROWS)
    user = CommandLine(command_line.settings.model_copy(update={"models_folder": tmp_path / "models"}))
    known = [label is not None for label in ROWS.rows.column("defaulted").to_pylist()]
    columns = {
        name: np.array([float(value or 0) for value in ROWS.rows.column(name).to_pylist()])[known][:, None] for name in ("amount", "income")
    }
    labels = np.array(ROWS.rows.column("defaulted").to_pylist())[known].astype(float)
    model = by_name(*columns)
    model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    model.fit(columns, labels, epochs=10, verbose=0)
    path = saved(tmp_path, model)
    options = ("--table", TABLE, "--key", "loan_id", "--label", "defaulted", "--from-keras", str(path), "--yes")
    made = user.json("new", "going_on", *options)
    assert sorted(made["features"]) == ["amount", "income"]
    folder = tmp_path / "models" / "going_on"
    assert (folder / "start.keras").read_bytes() == path.read_bytes()
    trained = user.json("train", "going_on")
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    path.unlink()
    assert set(user.json("upgrade", "going_on")["files"].values()) == {"unchanged"}
