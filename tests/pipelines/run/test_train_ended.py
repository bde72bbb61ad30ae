"""Runs that end in the midst of a step: the reason is told in one sentence, and the run's row has it at once."""

import signal
from pathlib import Path

import pytest

from components.runs.record import RunState
from tests.pipelines.command_line import CommandLine, edit, small_churn
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
START_SECONDS = 300.0


@pytest.fixture
def network(command_line: CommandLine) -> Path:
    """network.py of a small model."""
    folder = small_churn(command_line.settings.models_folder, "ending")
    edit(folder / "model.toml", "spans = 3", "spans = 1")
    return folder / "network.py"


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
    process = command_line.start("train", "ending")
    logs = command_line.settings.state_folder / "runs"
    wait_until(
        lambda: any("asleep" in path.read_text() for path in logs.glob("ending-*/logs/train.log")) or process.poll() is not None,
        "the run does not come to its training",
        seconds=START_SECONDS,
    )
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    stopped = command_line.runs("ending")[0]
    assert (stopped.state, stopped.error) == (RunState.CANCELLED, "stopped by SIGTERM")
    sentence = f"Error: run {stopped.run.run_id} was stopped by SIGTERM: run the same command again, what is done already is kept"
    assert err.splitlines()[-1] == sentence
    assert process.returncode == 1


def test_a_folder_of_runs_that_cannot_be_written_is_named(command_line: CommandLine, tmp_path: Path) -> None:
    small_churn(command_line.settings.models_folder, "closed")
    (tmp_path / "runs").write_text("no folder")
    state = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    (tmp_path / "endpoints.env").write_bytes((command_line.settings.state_folder / "endpoints.env").read_bytes())
    sentence = f"the folder of runs {tmp_path / 'runs'} cannot be written (File exists): mend it, or set PERENNIAL_STATE_FOLDER"
    assert state.refused("train", "closed") == sentence
    (run,) = [run for run in command_line.runs("closed") if run.error == sentence]
    assert run.state is RunState.FAILED
