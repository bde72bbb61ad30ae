"""Pipelines of tiny tasks on this machine, each task in a process of its own."""

import builtins
import logging
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kfp import dsl

from components.runs.steps import TaskState
from components.settings import IMAGE, REPOSITORY
from pipelines.run.local import LocalRun
from tests.waiting import wait_until

LIMIT_SECONDS = 5.0
"""Longer than it takes to import kfp."""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def say(text: str) -> str:
    """Print and return a text."""
    print(text)  # noqa: T201 - what a task prints is in its log
    return text


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def fail(text: str):  # type: ignore[no-untyped-def]
    """Fail with a text."""
    raise ValueError(text)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def die(number: int):  # type: ignore[no-untyped-def]
    """Be killed by a signal."""
    import os

    os.kill(os.getpid(), number)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def leave():  # type: ignore[no-untyped-def]
    """Leave without a word."""
    import os

    os._exit(0)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def sleep(path: str):  # type: ignore[no-untyped-def]
    """Start a process, and never end."""
    import subprocess
    import time
    from pathlib import Path

    Path(path).write_text(str(subprocess.Popen(["sleep", "3600"]).pid))
    time.sleep(3600)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def end(status: dsl.PipelineTaskFinalStatus):  # type: ignore[no-untyped-def]
    """Print how the pipeline ended."""
    print("the pipeline", status.state)  # noqa: T201


@dsl.pipeline
def good(text: str) -> None:
    with dsl.ExitHandler(end()):
        said = say(text=text)
        with dsl.If(said.output == "nothing"):
            fail(text="skipped")


@dsl.pipeline
def bad(text: str) -> None:
    with dsl.ExitHandler(end()):
        say(text=say(text=text).after(fail(text="no such thing")).output)


@dsl.pipeline
def mortal(number: int) -> None:
    with dsl.ExitHandler(end()):
        die(number=number)


@dsl.pipeline
def left() -> None:
    with dsl.ExitHandler(end()):
        leave()


@dsl.pipeline
def endless(path: str) -> None:
    with dsl.ExitHandler(end()):
        sleep(path=path)


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    return LocalRun(tmp_path, None, on_start=lambda name: None, on_end=lambda result: None)


def results(run: LocalRun) -> list[tuple[str, TaskState]]:
    return [(result.name, result.state) for result in run.results]


def test_a_pipeline_succeeds_when_every_task_that_had_to_run_did(run: LocalRun, capfd: pytest.CaptureFixture[str]) -> None:
    assert run.run(good, {"text": "hello"}) is True
    assert results(run) == [("say", TaskState.DONE), ("end", TaskState.DONE)]
    assert "hello\n" in (run.folder / "logs" / "say.log").read_text()
    assert "the pipeline SUCCEEDED\n" in (run.folder / "logs" / "end.log").read_text()
    assert capfd.readouterr() == ("", "")


def test_a_pipeline_fails_when_a_task_does_and_its_exit_handler_runs(run: LocalRun) -> None:
    assert run.run(bad, {"text": "hello"}) is False
    assert results(run) == [("fail", TaskState.FAILED), ("end", TaskState.DONE)]
    assert "ValueError: no such thing\n" in (run.folder / "logs" / "fail.log").read_text()
    assert "the pipeline FAILED\n" in (run.folder / "logs" / "end.log").read_text()


@pytest.mark.parametrize(
    ("number", "likely"),
    [
        (signal.SIGKILL, "likely the machine or the container ran out of memory (dmesg says so); free some, or train on fewer rows"),
        (signal.SIGSEGV, "a library crashed"),
        (signal.SIGTERM, "somebody or something sent it"),
    ],
)
def test_of_a_task_that_is_killed_the_signal_and_the_likely_reason_are_told(tmp_path: Path, number: signal.Signals, likely: str) -> None:
    deaths = list[str]()
    run = LocalRun(tmp_path, None, on_start=lambda _: None, on_end=lambda _: None, on_death=deaths.append)
    assert run.run(mortal, {"number": int(number)}) is False
    assert deaths == [f"step die was killed by {number.name}: {likely}; run again (log: {tmp_path / 'logs' / 'die.log'})"]


def test_a_task_that_left_by_os_exit_has_not_done_its_work(tmp_path: Path) -> None:
    deaths = list[str]()
    run = LocalRun(tmp_path, None, on_start=lambda _: None, on_end=lambda _: None, on_death=deaths.append)
    assert run.run(left, {}) is False
    log = tmp_path / "logs" / "leave.log"
    sentence = "the code that leave runs called os._exit, and its work is not done: let it return, or raise an exception"
    assert deaths == [f"{sentence} (log: {log})"]


def test_a_task_that_does_not_end_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    deaths = list[str]()
    run = LocalRun(tmp_path, None, on_start=lambda _: None, on_end=lambda _: None, on_death=deaths.append, limit_seconds=LIMIT_SECONDS)
    assert run.run(endless, {"path": str(tmp_path / "pid")}) is False
    log = tmp_path / "logs" / "sleep.log"
    assert deaths[0] == f"step sleep did not end within {LIMIT_SECONDS:g} s and was killed: its log tells what it waited for (log: {log})"
    if (tmp_path / "pid").exists():  # a slow machine has not come so far
        started = int((tmp_path / "pid").read_text())
        wait_until(lambda: not is_running(started), "a process of the task lives on")


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_run_leaves_print_and_the_root_logger_as_they_were(run: LocalRun) -> None:
    before = builtins.print, logging.root.handlers[:], logging.root.level, logging.root.manager.disable
    run.run(good, {"text": "hello"})
    assert (builtins.print, logging.root.handlers[:], logging.root.level, logging.root.manager.disable) == before


def test_the_fork_server_is_started_before_anything_that_takes_long_is_imported() -> None:
    program = "import sys; import pipelines.cli.commands.training; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout
    assert not {"sqlalchemy", "google.auth", "kfp", "numpy", "pandas", "altair"} & set(printed.split())
