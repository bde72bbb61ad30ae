"""Train a model: `perennial train` in a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Thread
from typing import IO, Any

STOP_SECONDS = 60.0
"""How long a training may take to end in order once it is interrupted."""
STEP_ENDS = ("  ✓ ", "  ✗ ")
"""What the command's lines about steps begin with."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a training ended."""

    model: str
    state: str
    """SUCCEEDED, BLOCKED by a gate, FAILED, CANCELLED, or ALREADY_TRAINED: the same data and code gave `version` before."""
    version: int | None
    """The version. Of a BLOCKED run, the candidate that was not better than the champion, if it came so far."""
    error: str | None
    """Why it did not succeed, in one sentence."""
    run: str | None
    """The run's id; None where nothing was run."""
    report: Path | None
    """The page of the run."""
    findings: tuple[Mapping[str, Any], ...]
    """What the gate before training found, the likely culprit first (`perennial train --json`)."""

    @property
    def succeeded(self) -> bool:
        """Whether there is a version that passed the gates."""
        return self.state in ("SUCCEEDED", "ALREADY_TRAINED")


def train(
    model: str,
    *,
    through: date | None = None,
    reason: str = "asked for from Python",
    force: bool = False,
    waive_gate: bool = False,
    progress: Callable[[str], object] | None = None,
) -> Training:
    """Train a model on a snapshot of its source, as `perennial train MODEL` does; returns when the run has ended, after some minutes.

    It runs in a process of its own, since steps are forks of it, and a process that has threads, as a notebook's has, cannot be forked.

    Args:
        model: the name of its folder.
        through: the last partition to use; None means the newest one.
        reason: recorded with the run.
        force: train again even if there is a version of this snapshot and code already.
        waive_gate: train whatever the gate finds in the data; `reason` says why.
        progress: is told each step as it ends, in the line that the command prints: `progress=print`. What it raises ends the run in order.

    Raises:
        PerennialError: the run could not begin; one sentence says why, and what to do.
    """
    options = ["--json", "--reason", reason]
    options += ["--through", through.isoformat()] if through else []
    options += ["--force"] if force else []
    options += ["--waive-gate"] if waive_gate else []
    options += ["--steps"] if progress else []
    output, errors = _run([sys.executable, "-P", "-m", "pipelines", "train", *options, "--", model], progress)
    return _trained(model, output, errors)


def _run(command: list[str], progress: Callable[[str], object] | None = None) -> tuple[str, str]:
    """What a command writes on its standard output, and on its standard error. Whoever interrupts it tells the command once."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    output: list[str] = []
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:  # out of a terminal's reach
        reader = _reader(process.stdout, output)
        try:
            errors = _errors(process.stderr, progress)
            process.wait()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                _reader(process.stderr, [])
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
        reader.join()
    return "".join(output), errors


def _reader(pipe: IO[str] | None, lines: list[str]) -> Thread:
    """A thread that reads a pipe to its end."""
    reader = Thread(target=lambda: lines.extend(pipe or ()), daemon=True)
    reader.start()
    return reader


def _errors(pipe: IO[str] | None, progress: Callable[[str], object] | None) -> str:
    """All lines but those of steps, which are told as they come."""
    errors = []
    for line in pipe or ():
        if progress and line.startswith(STEP_ENDS):
            progress(line.strip())
        else:
            errors.append(line)
    return "".join(errors)


def _trained(model: str, output: str, errors: str) -> Training:
    from components.errors import TaskError

    try:
        document = json.loads(output)
    except json.JSONDecodeError:
        last = next((line for line in reversed(errors.splitlines()) if line.strip()), "it printed nothing")
        raise TaskError(f"the training of {model} ended without a result ({last}): run `perennial train {model}` to see why") from None
    if "state" not in document:
        raise TaskError(document["error"])
    return Training(
        model=model,
        state=document["state"],
        version=document["version"],
        error=document.get("error"),
        run=document.get("run"),
        report=Path(document["report"]) if document.get("report") else None,
        findings=tuple(document.get("findings", ())),
    )
