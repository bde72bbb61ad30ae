"""The smoke test on a real SavedModel: what it lets through, and what not."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from components.deployment.smoke import Smoke, largest_difference, smoke_test
from components.errors import RegistryError
from tests.components.served_model import changed, saved_model

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
    sentence = "churn 3 answers 0.3076923 on recorded row 7, and gave 0.3086923 when it was trained: do not deploy it"
    assert refusal(folder) == sentence


def test_the_last_digits_may_differ() -> None:
    assert largest_difference([[0.5, 0.0], [1.0, 0.3]], [[0.50004, 0.000009], [1.0, 0.3]], "churn 3") == pytest.approx(0.00004)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_answer_that_is_no_number_is_refused_even_if_it_was_so_before(value: float) -> None:
    with pytest.raises(RegistryError, match=f"churn 3 answers {value} on recorded row 2"):
        largest_difference([[0.5], [value]], [[0.5], [value]], "churn 3")


def test_answers_of_another_shape_are_refused() -> None:
    with pytest.raises(RegistryError, match="answers 1 rows of 2 values, and gave 2 rows of 1 values when it was trained"):
        largest_difference([[0.5], [0.5]], [[0.5, 0.5]], "churn 3")


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


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    assert refusal(tmp_path).startswith("churn 3 does not load in TensorFlow 2.21.")


def test_deploying_needs_neither_tfx_nor_tensorflow_to_be_imported() -> None:
    code = "import sys, components.deployment.deploy; print(sorted({'tfx', 'tensorflow', 'kfp', 'apache_beam'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
