"""The compiled pipeline: what Kubeflow is given."""

from pathlib import Path

import pytest
import yaml

from components.settings import IMAGE
from pipelines.run.launch import compile_training

GOLDEN = Path(__file__).parents[1] / "goldens" / "churn.yaml"
DIGEST = "example.test/perennial@sha256:" + "a" * 64


def without_versions(path: Path) -> list[object]:
    """The documents of a compiled pipeline, but for the SDK that compiled it."""
    documents = list(yaml.safe_load_all(path.read_text()))
    for document in documents:
        document.pop("sdkVersion", None)
    return documents


def test_the_compiled_pipeline_is_the_golden_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    compile_training(tmp_path / "churn.yaml", None, model="churn")
    if request.config.getoption("--renew-goldens"):
        GOLDEN.write_text((tmp_path / "churn.yaml").read_text())
    assert without_versions(tmp_path / "churn.yaml") == without_versions(GOLDEN), f"{GOLDEN} is stale; run: make goldens"


def test_kfp_accepts_the_compiled_pipeline(tmp_path: Path) -> None:
    from kfp import components

    compile_training(tmp_path / "churn.yaml", None, model="churn")
    loaded = components.load_component_from_file(str(tmp_path / "churn.yaml"))
    assert set(loaded.component_spec.inputs) == {"run_id", "model", "through", "launch"}
    assert loaded.component_spec.inputs["model"].default == "churn"


def test_every_step_runs_the_image_of_the_submission(tmp_path: Path) -> None:
    compile_training(tmp_path / "churn.yaml", DIGEST, model="churn")
    (document, *_) = yaml.safe_load_all((tmp_path / "churn.yaml").read_text())
    images = [executor["container"]["image"] for executor in document["deploymentSpec"]["executors"].values()]
    assert len(images) == 13
    assert set(images) == {DIGEST}


def test_no_step_installs_packages_at_run_time(tmp_path: Path) -> None:
    compile_training(tmp_path / "churn.yaml", None)
    assert "pip install" not in (tmp_path / "churn.yaml").read_text()


def test_the_hash_of_a_pipeline_does_not_depend_on_image_and_model(tmp_path: Path) -> None:
    hashes = {compile_training(tmp_path / "a.yaml", None), compile_training(tmp_path / "b.yaml", DIGEST, model="churn")}
    assert len(hashes) == 1
    assert IMAGE not in (tmp_path / "b.yaml").read_text()
