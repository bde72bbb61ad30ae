"""The compiled reproduction pipeline: the steps of a training without its gates, and nothing that makes a version."""

from pathlib import Path

import pytest
import yaml

from pipelines.run.reproduce import compile_reproduction


@pytest.fixture
def tasks(tmp_path: Path) -> dict[str, set[str]]:
    """What each step waits for, by its name."""
    compile_reproduction(tmp_path / "reproduction.yaml")
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


def test_compiling_again_gives_the_same_hash(tmp_path: Path) -> None:
    assert compile_reproduction(tmp_path / "a.yaml") == compile_reproduction(tmp_path / "b.yaml")
