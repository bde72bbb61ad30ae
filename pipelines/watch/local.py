"""Train on this machine: `perennial train` in a process of its own, which ends with the watcher's."""

import json
import os
import subprocess
import sys
from functools import partial

from components.decisions.record import TrainingOutcome
from components.runs.record import RunState
from pipelines.run.task import end_with
from pipelines.watch.watcher import TrainingEnd, TrainingOrder

STATES = {
    RunState.SUCCEEDED: TrainingOutcome.VERSION,
    RunState.BLOCKED: TrainingOutcome.REFUSED,
    RunState.CANCELLED: TrainingOutcome.CANCELLED,
    "ALREADY_TRAINED": TrainingOutcome.KNOWN,
}


def train_here(order: TrainingOrder) -> TrainingEnd:
    """Run the training to its end. A run needs a process without threads for its fork server, so it is not this one."""
    asked = ["--through", order.through.isoformat(), "--claimed", order.trigger, order.run_id, "--reason", order.reason]
    command = [sys.executable, "-m", "pipelines", "train", order.model.name, *asked, "--json", *(["--force"] if order.force else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=partial(end_with, os.getpid()))
    out, _ = process.communicate()
    try:
        document = json.loads(out)
    except json.JSONDecodeError:
        return TrainingEnd(TrainingOutcome.FAILED, f"`perennial train` ended with exit code {process.returncode} and said nothing")
    result = STATES.get(document.get("state", ""), TrainingOutcome.FAILED)
    version = document.get("version")
    if result is TrainingOutcome.KNOWN:
        return TrainingEnd(result, f"version {version} was trained on the same data, code and environment", version)
    return TrainingEnd(result, document.get("error") or f"version {version} passed both gates", version)
