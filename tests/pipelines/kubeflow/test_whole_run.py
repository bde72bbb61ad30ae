"""A whole training on Kubeflow's emulator, each step a process of its own: the same examples, weights and metrics as on one machine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.settings import Settings
from infra.emulators.kubeflow.launcher import LaunchedTask
from infra.emulators.kubeflow.server import serving
from pipelines.run.kfp_internals import parse_command
from pipelines.run.local import ForkServer
from tests.components.html_page import assert_harmless
from tests.pipelines.command_line import CommandLine, small_churn
from tests.pipelines.kubeflow.conftest import IMAGE, KubeflowCommandLine, namespace_of

pytestmark = [pytest.mark.slow, pytest.mark.story]
LONGEST_SECONDS = 900
ROOT = "gs://bucket/root"
MODEL = "whole"
"""A copy of the small churn, whose versions nobody else counts."""
OWN = ("state_folder", "models_folder")
"""Settings that a step has of its image."""


@dataclass(frozen=True)
class ForkedSteps:
    """Runs a task's command in a process that has imported TFX. Of Perennial's variables it sees its pod's and its image's alone."""

    server: ForkServer
    settings: Settings

    def __call__(self, task: LaunchedTask) -> int:
        command = parse_command(task.command)
        assert command.name == task.name
        image = {f"PERENNIAL_{name.upper()}": str(getattr(self.settings, name)) for name in OWN}
        environment = task.environment | image | {"_KFP_RUNTIME": "true"}
        return self.server.run(command, environment, log=task.log, limit_seconds=LONGEST_SECONDS).code


@pytest.fixture
def settings(command_line: CommandLine) -> Settings:
    changes = {"image": IMAGE, "pipeline_root": ROOT, "kubeflow_credentials_secret": "perennial-credentials"}
    return command_line.settings.model_copy(update=changes)


@pytest.fixture
def steps(settings: Settings) -> Iterator[ForkedSteps]:
    """All steps come of a process of its own: this one has threads, and must not fork."""
    ours, theirs = socket.socketpair()
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    command = [sys.executable, "-m", "pipelines.run.fork_server"]
    with ours, theirs, subprocess.Popen(command, stdin=theirs.fileno(), env=bare) as process:
        yield ForkedSteps(ForkServer(lambda: process.poll() is not None, ours, ours), settings)
        process.kill()


def test_a_run_on_kubeflow_makes_the_version_that_a_local_run_makes(
    command_line: CommandLine, settings: Settings, steps: ForkedSteps, tmp_path: Path
) -> None:
    small_churn(settings.models_folder, MODEL)
    local = command_line.json("train", MODEL, "--force")
    with serving(tmp_path, steps, namespace=namespace_of(settings)) as backend:
        perennial = KubeflowCommandLine(settings.model_copy(update={"kubeflow_endpoint": backend.url}))
        process = perennial.start("train", MODEL, "--on", "kubeflow", "--wait", "--json")
        out, err = process.communicate(timeout=LONGEST_SECONDS)
        assert process.returncode == 0, out + err
        remote = json.loads(out)
    assert (remote["state"], remote["error"]) == ("SUCCEEDED", None)

    versions = {version["version"]: version for version in perennial.json("versions", MODEL)}
    first, second = versions[local["version"]], versions[remote["version"]]
    for same in ("snapshot_id", "training_sha256", "metrics"):
        assert second[same] == first[same], same
    story = perennial.json("show", MODEL, str(remote["version"]))
    assert story["examples_sha256"] == perennial.json("show", MODEL, str(local["version"]))["examples_sha256"]
    (here,) = (settings.state_folder / "runs" / local["run"] / "artifacts").glob("*/train/trained")
    (there,) = tmp_path.glob("gs/bucket/root/training/*/train/*/trained")
    weights = sorted(path.relative_to(here) for path in here.rglob("variables/*"))
    assert weights
    for weight in weights:
        assert (there / weight).read_bytes() == (here / weight).read_bytes(), weight

    assert story["run"]["address"] == remote["address"]
    assert perennial.json("lineage", MODEL, str(remote["version"]))["run"]["address"] == remote["address"]
    assert f"\n  kubeflow     {remote['address']}\n" in perennial.run("lineage", MODEL, str(remote["version"])).stdout
    assert perennial.json("lineage", MODEL, str(local["version"]))["run"]["address"] is None
    assert story["run"]["run"]["image_digest"] == IMAGE.partition("@")[2]
    pages = {path.parent.parent.name: path for path in tmp_path.rglob("page") if path.is_file()}
    assert pages.keys() == {"evaluate", "inspect", "validate"}
    for page in pages.values():
        assert_harmless(page.read_text())
    schedules = tmp_path / "schedules.toml"
    schedules.write_text(f'[schedules.{MODEL}-daily]\nmodel = "{MODEL}"\ncron = "0 0 5 * * *"\nfirst = 1998-06-30\nlag_days = 0\n')
    assert perennial.run("backfill", MODEL, "--due", "--file", str(schedules)).stdout == "1998-06-30  trained already\n"
    (summary,) = tmp_path.rglob("record/*/summary")
    assert f"perennial show {MODEL} {remote['version']}" in summary.read_text()
