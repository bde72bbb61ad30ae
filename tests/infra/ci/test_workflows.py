"""The workflows of GitHub Actions and the builds of Cloud Build: what their tools do not ask. `make check-files` runs those tools."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
BUILDS = sorted((REPOSITORY / "infra" / "cloudbuild").glob("*.yaml"))
TARGETS = set(re.findall(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[0].split())
WITHOUT_CREDENTIALS = "check.yml"
PREPARATION = ("apt-get update && apt-get install ", "git config --global --add safe.directory ")
"""What a step in a bare container of Cloud Build begins with."""


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - or `on` would be true
    return document


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_a_step_calls_a_target_of_make_or_an_action_that_is_pinned_by_commit(path: Path) -> None:
    for job in read(path)["jobs"].values():
        assert int(job["timeout-minutes"]) <= 120
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
            else:
                assert re.fullmatch(r"make [a-z-]+", step["run"]), step["run"]
                assert step["run"].removeprefix("make ") in TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_no_workflow_has_a_key_or_more_rights_than_it_uses(path: Path) -> None:
    assert "secrets." not in path.read_text()
    workflow = read(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        uses_google = any("google-github-actions/auth@" in step.get("uses", "") for step in job["steps"])
        assert ("id-token" in job["permissions"]) == uses_google
        assert ("environment" in job) == uses_google
        assert job["permissions"]["contents"] == ("write" if path.name == "release.yml" else "read")


def test_a_pull_request_runs_without_credentials() -> None:
    (workflow,) = [read(path) for path in WORKFLOWS if path.name == WITHOUT_CREDENTIALS]
    assert set(workflow["on"]) == {"pull_request", "merge_group"}
    assert all(set(job["permissions"]) == {"contents"} for job in workflow["jobs"].values())
    assert [path.name for path in WORKFLOWS if "pull_request" in read(path)["on"]] == [WITHOUT_CREDENTIALS]


@pytest.mark.parametrize("path", BUILDS, ids=name)
def test_a_step_of_cloud_build_ends_with_a_target_of_make(path: Path) -> None:
    for step in read(path)["steps"]:
        *before, last = step["script"].strip().splitlines()
        assert last.removeprefix("make ") in TARGETS, last
        assert [line for line in before if not line.startswith(PREPARATION)] == []
        assert not step["name"].endswith(":latest")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small repository with two models and the scripts."""
    for file in ("infra/cloudbuild/changed-models", "infra/userland/host.sh"):
        target = tmp_path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / file).read_bytes())
        target.chmod(0o755)
    for file in ("pipelines/models/churn/model.toml", "pipelines/models/loyalty/model.toml", "components/files.py", "docs/a.md", "uv.lock"):
        write(tmp_path / file, "before")
    write(tmp_path / "pipelines/cli/main.py", "before")
    write(tmp_path / "pipelines/training.py", "before")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "models"),
    [
        ("pipelines/models/churn/model.toml", ["churn"]),
        ("components/files.py", ["churn", "loyalty"]),
        ("pipelines/training.py", ["churn", "loyalty"]),
        ("uv.lock", ["churn", "loyalty"]),
        ("pipelines/cli/main.py", []),
        ("docs/a.md", []),
    ],
)
def test_a_change_trains_the_models_that_it_makes_anew(clone: Path, file: str, models: list[str]) -> None:
    write(clone / file, "after")
    commit(clone)
    assert changed_models(clone, "HEAD~1").stdout.split() == models


def test_an_unknown_commit_is_named(clone: Path) -> None:
    done = changed_models(clone, "0" * 40)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"perennial: commit {'0' * 40} is not in this clone: fetch the history (git fetch --unshallow)\n"


def changed_models(clone: Path, since: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(clone / "infra/cloudbuild/changed-models"), since], capture_output=True, text=True, check=False)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "Change")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
