"""The warm interpreter: a command in a fork of it is like one in a process of its own, and nothing stale is ever used."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from components.settings import REPOSITORY
from pipelines.local.emulators import EmulatorState
from pipelines.local.interpreter import interpreter_status, start_interpreter, stop_interpreter
from pipelines.warm.address import Warmth, folder_of
from pipelines.warm.client import begin, run
from tests.waiting import wait_until

COMMANDS = "tests.pipelines.warm.commands"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely after TensorFlow's import")


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Has a warm interpreter, at a path that is longer than the kernel takes for a socket."""
    folder = tmp_path_factory.mktemp("s" * 100)
    start_interpreter(folder)
    wait_until(lambda: interpreter_status(folder).state is EmulatorState.UP, "it is not ready", seconds=180)
    yield folder
    stop_interpreter(folder)


def ask(state_folder: Path, function: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """A process that asks the interpreter to run a function, as `perennial` does."""
    program = (
        "import sys; from pathlib import Path; from pipelines.warm import client;"
        "client.GREETING_SECONDS = 60;"  # a busy machine is no reason to go without
        f"sys.exit(client.run(Path({str(state_folder)!r}), 'light', '{COMMANDS}:{function}', sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options = {"preexec_fn": _take_interrupts, **options}
    return subprocess.Popen(command, **(pipes | options))  # type: ignore[call-overload,no-any-return]


def _take_interrupts() -> None:
    """What is started in the background ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_command_has_the_arguments_streams_folder_variables_and_umask_of_whoever_asks(state_folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SAID": "hello", "PYTHONPATH": str(REPOSITORY)}
    without_path = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    asked = ask(state_folder, "tell", "a", "-b", cwd=tmp_path, env=without_path, umask=0o027)
    out, err = asked.communicate("typed")
    imported = "['pipelines.warm', 'pipelines.warm.address', 'pipelines.warm.forking']"
    assert (out, err, asked.returncode) == (f"['a', '-b'] {tmp_path} hello 27 'typed' {imported} True\n", "", 0)


def test_changed_code_is_noticed(state_folder: Path, tmp_path: Path) -> None:
    said = []
    for text in ("before", "after it was changed"):
        (tmp_path / "changing.py").write_text(f"TEXT = {text!r}\n")
        said.append(ask(state_folder, "import_from", str(tmp_path)).communicate()[0])
    assert said == ["before\n", "after it was changed\n"]


@pytest.mark.parametrize(("function", "arguments", "code"), [("fail", ["3"], 3), ("be_killed", [], 137), ("tell", [], 0)])
def test_the_exit_code_is_the_commands(state_folder: Path, function: str, arguments: list[str], code: int) -> None:
    asked = ask(state_folder, function, *arguments)
    asked.communicate()
    assert asked.returncode == code


def test_a_reader_that_goes_away_ends_the_command(state_folder: Path) -> None:
    asked = ask(state_folder, "print_much")
    assert asked.stdout is not None and asked.stderr is not None
    assert asked.stdout.readline() == "0\n"
    asked.stdout.close()
    assert asked.wait(60) == 1
    asked.stderr.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_reaches_the_command(state_folder: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    asked = ask(state_folder, "wait", str(tmp_path / "pid"))
    wait_until((tmp_path / "pid").is_file, "it does not begin")
    asked.send_signal(number)
    asked.communicate(timeout=60)
    assert asked.returncode == code


def test_a_command_ends_with_whoever_asked_for_it(state_folder: Path, tmp_path: Path) -> None:
    asked = ask(state_folder, "wait", str(tmp_path / "pid"))
    wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text(), "it does not begin")
    process = psutil.Process(int((tmp_path / "pid").read_text()))
    asked.kill()
    asked.communicate()
    process.wait(60)


def test_an_interpreter_that_does_not_answer_is_not_waited_for_and_begins_nothing(state_folder: Path, tmp_path: Path) -> None:
    pid = interpreter_status(state_folder).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert run(state_folder, Warmth.LIGHT, f"{COMMANDS}:wait", [str(tmp_path / "pid")]) is None
    finally:
        os.kill(pid, signal.SIGCONT)
    ask(state_folder, "tell").communicate()  # which comes after it
    assert not (tmp_path / "pid").exists()


def test_other_libraries_need_another_interpreter(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = folder_of(state_folder)
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "1")
    assert folder_of(state_folder) != here
    assert begin(state_folder, Warmth.LIGHT, f"{COMMANDS}:tell", []) is None


def test_the_command_line_imports_nothing_but_the_standard_library_where_there_is_one(state_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "training.yaml"
    command = [sys.executable, "-X", "importtime", "-m", "pipelines", "compile", "training", "--model", "churn", "-o", str(output)]
    done = subprocess.run(
        command, env={**os.environ, "PERENNIAL_STATE_FOLDER": str(state_folder)}, capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout == f"training pipeline of churn: {output}\n"
    assert output.is_file()
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "pipelines" in imported
    assert not imported & {"click", "components", "kfp", "pydantic", "sqlalchemy"}


def test_without_one_nothing_is_begun(tmp_path: Path) -> None:
    assert run(tmp_path, Warmth.LIGHT, f"{COMMANDS}:tell", []) is None
    assert interpreter_status(tmp_path).state is EmulatorState.DOWN


def test_one_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    start_interpreter(tmp_path)
    start_interpreter(tmp_path)  # which finds the first
    pid = interpreter_status(tmp_path).pid
    assert pid is not None
    wait_until((folder_of(tmp_path) / Warmth.LIGHT).exists, "it is not ready")
    children = psutil.Process(pid).children()
    assert stop_interpreter(tmp_path) is True
    psutil.wait_procs(children, 60)
    assert not any(child.is_running() for child in children)
    assert not (tmp_path / "warm").exists()
    assert stop_interpreter(tmp_path) is False
