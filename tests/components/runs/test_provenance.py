"""The version of a step, and the commit of a run: what it is made of counts, wherever it lies, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.runs import provenance
from components.runs.provenance import component_version, git_state, pipeline_version
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


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit with the folder of a model, in a repository of its own."""
    model = tmp_path / "pipelines" / "models" / "churn"
    model.mkdir(parents=True)
    (model / "model.toml").write_text("[source]")
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "errors.py").touch()
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "Begin")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("written", "files", "is_dirty"),
    [
        (None, ["model.toml"], False),
        ("pipelines/models/churn/model.toml", ["model.toml"], True),
        ("pipelines/models/churn/helper.py", ["helper.py", "model.toml"], True),
        ("pipelines/models/churn/notes.md", ["model.toml"], False),
        ("pipelines/models/another/model.toml", ["model.toml"], False),
        ("components/new.py", ["model.toml"], True),
        ("pipelines/new.py", ["model.toml"], True),
        ("notes.md", ["model.toml"], False),
    ],
)
def test_a_run_is_clean_if_all_that_it_is_made_of_is_in_the_commit(
    repository: Path, written: str | None, files: list[str], is_dirty: bool
) -> None:
    if written:
        (repository / written).parent.mkdir(exist_ok=True)
        (repository / written).write_text("other")
    commit, dirty = git_state(repository / "pipelines" / "models" / "churn", map(Path, files))
    assert (len(commit or ""), dirty) == (40, is_dirty)


def test_a_folder_that_git_does_not_track_or_that_lies_elsewhere_is_not_clean(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inside, elsewhere = repository / "pipelines" / "models" / "untracked", tmp_path_factory.mktemp("elsewhere")
    for folder in (inside, elsewhere):
        folder.mkdir(exist_ok=True)
        (folder / "model.toml").touch()
        assert git_state(folder, [Path("model.toml")])[1]
