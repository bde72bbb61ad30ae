"""What is launched: the same pipeline has the same hash, and the launch says whose code it is."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.errors import SettingsError
from components.runs.record import Trigger
from pipelines.reproduction import reproduction
from pipelines.run.launch import compile_pipeline, new_launch, new_run_id
from pipelines.training import training


@pytest.mark.parametrize("pipeline", [training, reproduction], ids=["training", "reproduction"])
def test_launching_again_says_the_same(pipeline: Any) -> None:
    first, second = (new_launch(pipeline, None, code_sha256="c0de", trigger=Trigger.PERSON, reason="why not") for _ in range(2))
    assert first == second
    assert (first.code_sha256, first.trigger, first.reason, first.waive_gate) == ("c0de", "person", "why not", False)
    assert re.fullmatch("[0-9a-f]{64}", first.pipeline_sha256)
    assert json.loads(first.to_json()) == dataclasses.asdict(first)


def test_two_pipelines_have_two_hashes() -> None:
    launches = [new_launch(pipeline, None, code_sha256="", trigger=Trigger.PERSON, reason="") for pipeline in (training, reproduction)]
    assert launches[0].pipeline_sha256 != launches[1].pipeline_sha256


def test_the_id_of_a_run_begins_with_the_model_and_the_time_and_is_new() -> None:
    ids = {new_run_id("churn") for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"churn-\d{8}T\d{6}-[0-9a-f]{6}", run_id) for run_id in ids)


@pytest.mark.parametrize(
    "image", ["perennial", "eu.pkg.dev/shop/perennial:1.0", f"perennial@sha256:{'a' * 63}", f"perennial@md5:{'a' * 32}", ""]
)
def test_an_image_that_may_change_under_its_name_is_refused(image: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        compile_pipeline(training, tmp_path / "training.yaml", image=image)
    sentence = "name it by digest, as `make image REGISTRY=…` prints it (NAME@sha256:…)"
    assert str(refusal.value) == f"{image!r} may be another image tomorrow: {sentence}"
    assert not (tmp_path / "training.yaml").exists()


def test_an_image_that_only_a_cluster_on_this_machine_has_is_taken(tmp_path: Path) -> None:
    compile_pipeline(training, tmp_path / "training.yaml", image="localhost/perennial-training:kind")
    assert "image: localhost/perennial-training:kind" in (tmp_path / "training.yaml").read_text()
