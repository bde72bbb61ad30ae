"""A run that is killed in any step, and run again, ends in exactly one version and leaves nothing half done."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from components.database.engine import make_engine
from components.google import storage_client
from components.registry.history import list_versions
from components.runs.record import RunState
from components.settings import Settings
from tests.components.storage.whole import assert_whole
from tests.pipelines.command_line import COLD, CommandLine, quick_churn
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

STEPS = ("start", "schema", "pin", "read", "statistics", "validate", "transform", "train", "evaluate", "push", "record", "finish")
OF_A_COLD_RUN = ("read", "train", "push")
"""In these a run is killed that is no fork of the warm interpreter."""
DEADLINE_SECONDS = 240


@pytest.mark.parametrize(
    ("model", "steps"), [("mortal", ("push",)), pytest.param("mortal_in_all", STEPS, marks=pytest.mark.story)], ids=["push", "any step"]
)
def test_a_run_killed_in_any_step_and_run_again_ends_in_one_version(command_line: CommandLine, model: str, steps: tuple[str, ...]) -> None:
    quick_churn(command_line.settings.models_folder, model)
    cold = replace(command_line, variables=COLD)
    for step in steps:
        kill_in(cold if step in OF_A_COLD_RUN else command_line, model, step)
    command_line.json("train", model)

    (version,) = command_line.json("versions", model)
    assert_whole(storage_client(command_line.settings), version["uri"])
    with make_engine(command_line.settings).begin() as connection:
        assert len(list_versions(connection, model)) == 1
        orphans = connection.execute(sa.text(NOT_OF_THE_VERSION), {"model": model, "run": version["run_id"]}).scalars().all()
    recorded = command_line.runs(model)
    assert RunState.RUNNING not in {run.state for run in recorded}
    assert [run.run.run_id for run in recorded if run.state == RunState.SUCCEEDED] == [version["run_id"]]
    assert {run.error for run in recorded if run.state == RunState.FAILED} == {"interrupted"}
    assert orphans == []
    assert list(command_line.settings.state_folder.glob(f"cache/examples/{model}/*.unfinished-*")) == []


NOT_OF_THE_VERSION = """
SELECT task_name FROM registry.run_task JOIN registry.pipeline_run USING (run_id) WHERE model = :model AND run_id <> :run
UNION ALL
SELECT run_id FROM registry.run_dataset JOIN registry.pipeline_run USING (run_id) WHERE model = :model AND run_id <> :run
"""


def kill_in(command_line: CommandLine, model: str, step: str) -> None:
    """Kill `perennial train` as soon as the step writes its log; its tasks die with it."""
    before = logs(command_line.settings, step)
    process = command_line.start("train", model)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not logs(command_line.settings, step) - before:
        if process.poll() is not None:
            _, err = process.communicate()
            assert process.returncode == 0, err  # a kill in `record` or `finish` came too late: the version is there
            assert step in ("record", "finish"), f"{step} was never reached: {err}"
            return
        assert time.monotonic() < deadline, f"{step} was not reached"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until_tasks_are_gone(command_line.settings)


def logs(settings: Settings, step: str) -> set[Path]:
    return set(settings.state_folder.glob(f"runs/*/logs/{step}.log"))


def wait_until_tasks_are_gone(settings: Settings) -> None:
    """No process may still have a file of the killed run's logs open."""
    wait_until(lambda: not open_logs(settings.state_folder / "runs"), "a task outlived its killed run")


def open_logs(folder: Path) -> list[str]:
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/[12]"):
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found
