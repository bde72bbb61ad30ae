"""Runs that end in the midst of a step: the reason is told in one sentence, and the run's row has it at once."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from components.google import storage_client
from components.runs.record import RunState
from components.runs.steps import STEPS
from tests.pipelines.command_line import COLD, CommandLine, edit, quick_churn
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
START_SECONDS = 300.0


@pytest.fixture
def network(command_line: CommandLine) -> Iterator[Path]:
    """network.py of a small model."""
    folder = quick_churn(command_line.settings.models_folder, "ending")
    yield folder / "network.py"
    shutil.rmtree(folder)


def begin_with(network: Path, code: str) -> None:
    edit(network, "    parts = []\n", f"    parts = []\n    {code}\n")


def test_a_run_says_why_it_ended_early(command_line: CommandLine, network: Path) -> None:
    good = network.read_text()

    begin_with(network, "import os; os.kill(os.getpid(), 9)")
    killed = command_line.json("train", "ending", exit_code=1)
    log = command_line.settings.state_folder / "runs" / killed["run"] / "logs" / "train.log"
    assert killed["state"] == "FAILED"
    assert killed["error"] == (
        "step train was killed by SIGKILL: likely the machine or the container ran out of memory (dmesg says so); free some, or train "
        f"on fewer rows; run again (log: {log})"
    )

    network.write_text(good)
    begin_with(network, "import sys; sys.exit(0)")
    left = command_line.json("train", "ending", exit_code=1)
    assert (left["state"], left["error"]) == (
        "FAILED",
        "the code that train runs called sys.exit(0): let it return, or raise an exception",
    )

    network.write_text(good)
    begin_with(network, "import time; print('asleep', flush=True); time.sleep(3600)")
    process, _ = begin(command_line, "train", "asleep")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    stopped = command_line.runs("ending")[0]
    assert (stopped.state, stopped.error) == (RunState.CANCELLED, "stopped by SIGTERM")
    sentence = f"Error: run {stopped.run.run_id} was stopped by SIGTERM: run the same command again, what is done already is kept"
    assert err.splitlines()[-1] == sentence
    assert process.returncode == 1


def begin(command_line: CommandLine, step: str, word: str = "") -> tuple[subprocess.Popen[str], Path]:
    """Start a training, and wait until the log of a step has the word. Returns its process and the log."""
    earlier = {run.run.run_id for run in command_line.runs("ending")}
    process = command_line.start("train", "ending", "--json")

    def logs() -> list[Path]:
        found = command_line.settings.state_folder.glob(f"runs/ending-*/logs/{step}.log")
        return [path for path in found if path.parts[-3] not in earlier and word in path.read_text()]

    wait_until(lambda: logs() or process.poll() is not None, f"the run does not come to {step}", seconds=START_SECONDS)
    return process, logs()[0]


def end(command_line: CommandLine, process: subprocess.Popen[str]) -> tuple[str, str]:
    """The run as `train` shows it: its state, and its error without the name of the log."""
    out, err = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1, err
    shown, recorded = json.loads(out), command_line.runs("ending")[0]
    assert (shown["state"], shown["error"]) == (recorded.state, recorded.error)
    return shown["state"], shown["error"].partition(" (log: ")[0]


LOST = "the process that starts the steps was killed, likely for lack of memory; run again"


def test_a_task_whose_supervisor_is_killed_ends_with_it(command_line: CommandLine, network: Path) -> None:
    begin_with(network, "import os, time; print('asleep in', os.getpid(), flush=True); time.sleep(3600)")
    process, log = begin(command_line, "train", "asleep")
    task = psutil.Process(int(log.read_text().partition("asleep in ")[2].split()[0]))
    supervisor = task.parent()
    assert supervisor is not None
    supervisor.kill()
    assert end(command_line, process) == ("FAILED", f"step train was lost: {LOST}")
    assert psutil.wait_procs([task], 60)[1] == []


@pytest.mark.parametrize("name", ["heavy", "light"])
def test_a_lost_fork_server_is_told(command_line: CommandLine, network: Path, name: str) -> None:
    process, _ = begin(replace(command_line, variables=COLD), "pin")  # before it, the run is not begun
    children = psutil.Process(process.pid).children()
    (server,) = [child for child in children if ("pipelines.run.fork_server" in child.cmdline()) is (name == "heavy")]
    server.kill()
    state, error = end(command_line, process)
    assert state == "FAILED"
    lost = error.partition(" was lost: ")
    assert lost[2] == LOST
    assert STEPS[lost[0].removeprefix("step ")].needs_tfx is (name == "heavy")


def test_a_slice_that_the_registry_could_not_hold_ends_the_run_before_anything_is_pushed(command_line: CommandLine, network: Path) -> None:
    value = "y" * 900
    edit(network.parent / "source.sql", "'over a year'", f"'{value}'")
    edit(network.parent / "schema.pbtxt", '"over a year"', f'"{value}"')
    shown = command_line.json("train", "ending", "--waive-gate", "--reason", "the value is meant", exit_code=1)
    sentence = (
        f"slice recency_band has the value '{'y' * 39}…' of recency_band: with it the slice's name has 913 characters, 512 are possible"
    )
    assert shown["state"] == "FAILED"
    assert shown["error"].startswith(sentence)
    client, bucket = storage_client(command_line.settings), command_line.settings.bucket
    assert [blob.name for blob in client.list_blobs(bucket, prefix="content/ending/")] == []


def test_a_folder_of_runs_that_cannot_be_written_is_named(command_line: CommandLine, tmp_path: Path) -> None:
    quick_churn(command_line.settings.models_folder, "closed")
    (tmp_path / "runs").write_text("no folder")
    state = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    (tmp_path / "endpoints.env").write_bytes((command_line.settings.state_folder / "endpoints.env").read_bytes())
    sentence = f"the folder of runs {tmp_path / 'runs'} cannot be written (File exists): mend it, or set PERENNIAL_STATE_FOLDER"
    assert state.refused("train", "closed") == sentence
    (run,) = [run for run in command_line.runs("closed") if run.error == sentence]
    assert run.state is RunState.FAILED
