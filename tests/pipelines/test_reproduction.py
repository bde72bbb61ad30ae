"""The compiled reproduction pipeline: the steps of a training without its gates, and nothing that makes a version."""

from pathlib import Path

import pytest
import yaml

from pipelines.reproduction import reproduction
from pipelines.run.launch import compile_pipeline


@pytest.fixture
def tasks(tmp_path: Path) -> dict[str, set[str]]:
    """What each step waits for, by its name."""
    compile_pipeline(reproduction, tmp_path / "reproduction.yaml")
    (document, *_) = yaml.safe_load_all((tmp_path / "reproduction.yaml").read_text())
    (group,) = (component["dag"] for name, component in document["components"].items() if "dag" in component)
    return {name: set(task.get("dependentTasks", ())) for name, task in group["tasks"].items()}


def test_the_steps_are_those_of_a_training_without_gates(tasks: dict[str, set[str]]) -> None:
    assert tasks == {
        "begin": set(),
        "recall": {"begin"},
        "schema": {"begin"},
        "read": {"recall"},
        "transform": {"read", "schema"},
        "train": {"read", "schema", "transform"},
        "measure": {"read", "train"},
        "compare": {"measure", "read", "recall", "train"},
    }
