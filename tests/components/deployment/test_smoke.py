"""The smoke test on a real SavedModel: what it lets through, and what not."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.deployment.saved_model import load_signature
from components.deployment.smoke import Smoke, smoke_test
from components.errors import RegistryError
from components.examples.encode import encode_examples
from components.training.session import SessionError, open_session
from components.training.signatures import FILE, Column, Signatures
from components.training.smoke import _signature_inputs
from tests.components.served_model import changed, save, saved_model

__all__ = ["saved_model"]

OUTPUTS = "assets.extra/smoke/outputs.json"


def refusal(folder: Path) -> str:
    with pytest.raises(RegistryError) as error:
        smoke_test(folder, "churn 3")
    return str(error.value)


def test_a_model_that_answers_as_it_did_passes_and_is_measured(saved_model: Path) -> None:
    smoke = smoke_test(saved_model, "churn 3")
    assert (smoke.rows, smoke.largest_difference, smoke.limit_milliseconds, smoke.doubts) == (32, 0, 1000, ())
    assert smoke.median_milliseconds is not None and 0 < smoke.median_milliseconds < 1000


def test_another_answer_is_named_by_its_row(saved_model: Path, tmp_path: Path) -> None:
    values = json.loads((saved_model / OUTPUTS).read_text())["values"]
    values[6][0] += 0.001
    folder = changed(saved_model, tmp_path / "model", {OUTPUTS: json.dumps({"output": "score", "values": values})})
    where = "on recorded row 7 by its signature serving_default in Python"
    assert refusal(folder) == f"churn 3 answers 0.3076923 {where}, and gave 0.3086923 when it was trained: do not deploy it"


@pytest.mark.parametrize(("factor", "answer"), [(math.nan, "nan on recorded row 1"), (3e38, "inf on recorded row 13")])
def test_an_answer_that_is_no_number_is_refused_even_if_it_was_so_before(tmp_path: Path, factor: float, answer: str) -> None:
    assert refusal(save(tmp_path, factor)) == f"churn 3 answers {answer}, as it did when it was trained: do not deploy it"


def test_a_model_that_is_slower_than_its_own_limit_is_doubtful(saved_model: Path, tmp_path: Path) -> None:
    toml = {"assets.extra/model/model.toml": "[serving]\nlatency_milliseconds = 0.001\n"}
    (doubt,) = smoke_test(changed(saved_model, tmp_path / "model", toml), "churn 3").doubts
    assert doubt.endswith(" ms for a row, where its model.toml promises 0.001 ms ([serving] latency_milliseconds)")


@pytest.mark.parametrize("toml", [None, "[serving]\n", "[serving]\nlatency_milliseconds = 'fast'\n", "not toml"])
def test_a_model_that_promises_nothing_is_refused(saved_model: Path, tmp_path: Path, toml: str | None) -> None:
    folder = changed(saved_model, tmp_path / "model", {"assets.extra/model/model.toml": toml})
    assert refusal(folder).startswith("churn 3 does not say how fast it must be, in assets.extra/model/model.toml (")


@pytest.mark.parametrize("empty", [False, True])
def test_a_model_without_recorded_answers_is_doubtful(saved_model: Path, tmp_path: Path, empty: bool) -> None:
    files = {OUTPUTS: '{"output": "score", "values": []}', "assets.extra/smoke/examples.tfrecord.gz": ""} if empty else {}
    smoke = smoke_test(changed(saved_model, tmp_path / "model", files or {"assets.extra/smoke": None}), "churn 3")
    assert smoke == Smoke(0)
    assert smoke.doubts == ("has no recorded answers, so nobody can say whether it answers as it did when it was trained",)


@pytest.mark.parametrize("name", [OUTPUTS, "assets.extra/smoke/examples.tfrecord.gz"])
def test_recorded_answers_that_cannot_be_read_are_refused(saved_model: Path, tmp_path: Path, name: str) -> None:
    folder = changed(saved_model, tmp_path / "model", {name: b"\x1f\x8b broken"})
    assert refusal(folder).startswith("the recorded answers of churn 3 cannot be read (")


def test_what_is_no_model_is_refused(saved_model: Path, tmp_path: Path) -> None:
    folder = changed(saved_model, tmp_path / "model", {"saved_model.pb": b"no model"})
    assert refusal(folder).startswith("churn 3 does not load in TensorFlow 2.21.")


def test_a_keras_model_that_was_saved_as_it_is_runs_in_python_and_in_no_session(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    network = keras.Sequential([keras.Input((1,), name="seconds"), keras.layers.Dense(1, name="hours")], name="sequential")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)  # type: ignore[untyped-decorator]
    def score(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": network(tf.io.parse_example(examples, {"seconds": tf.io.FixedLenFeature([1], tf.float32)})["seconds"])}

    tf.saved_model.save(network, str(tmp_path), signatures={"serving_default": score})
    assert refusal(tmp_path) == (
        "churn 3 has no assets.extra/signatures.json: it was made before versions ran in TensorFlow Serving; "
        "train the model again with `perennial train MODEL --force`, and deploy that version"
    )
    rows = encode_examples(pa.RecordBatch.from_pydict({"seconds": [1.0]})).to_pylist()
    asked = _signature_inputs(rows, Signatures((Column("seconds", "float32"),), 1))
    assert np.isfinite(load_signature(tmp_path, "it")(examples=tf.constant(asked["serving_default"]["examples"]))["score"]).all()
    with pytest.raises(SessionError, match="Could not find variable sequential/hours/"), open_session(tmp_path) as ask:
        ask("serving_default", asked["serving_default"])


def test_a_signature_that_is_described_must_be_there(saved_model: Path, tmp_path: Path) -> None:
    text = (saved_model / FILE).read_text()
    folder = changed(saved_model, tmp_path / "model", {FILE.as_posix(): text.replace("seconds", "minutes")})
    assert refusal(folder).startswith("churn 3 cannot be asked its recorded rows by assets.extra/signatures.json (Feature: minutes")


def test_deploying_needs_neither_tfx_nor_tensorflow_to_be_imported() -> None:
    code = "import sys, components.deployment.deploy; print(sorted({'tfx', 'tensorflow', 'kfp', 'apache_beam'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
