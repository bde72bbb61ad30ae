"""The version of a step: what it imports counts, wherever it lies, and nothing else."""

import subprocess
import sys

import pytest

from components.runs.provenance import component_version, pipeline_version
from components.settings import REPOSITORY

VERSION = """
import sys
from pathlib import Path

read_bytes = Path.read_bytes
Path.read_bytes = lambda path: read_bytes(path) + (b"changed" if path.as_posix().endswith(sys.argv[1]) else b"")

from components.runs.provenance import component_version, pipeline_version
print(pipeline_version(), *map(component_version, ("checks", "training", "registry")))
"""


def versions(changed: str) -> list[str]:
    """Of everything, checks, training and registry, as if a file had changed."""
    return subprocess.run(
        [sys.executable, "-c", VERSION, changed], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout.split()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("components/checks/component.py", [True, True, False, False]),
        ("components/profiles/profiling.py", [True, True, False, False]),
        ("components/registry/versions.sql", [True, False, False, True]),
        ("components/errors.py", [True, True, True, True]),
        ("components/diagnosis/versions.py", [True, False, False, False]),
    ],
)
def test_a_step_has_another_version_when_something_that_it_imports_has_changed(file: str, expected: list[bool]) -> None:
    before = [pipeline_version(), *map(component_version, ("checks", "training", "registry"))]
    assert [one != other for one, other in zip(before, versions(file), strict=True)] == expected
