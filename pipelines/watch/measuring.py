"""Measure how fast versions age where it was decided: one model after the other, once all were looked at."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Collection
from functools import partial

from components.database.locks import only_holder
from components.decisions.record import DONE, DecisionOutcome, OutcomeKind, open_measurements, record_outcome
from components.deployment.request import actor
from components.errors import PerennialError
from components.model.folder import Model, read_model
from components.staleness.ageing import UNTOLD
from pipelines.run.task import end_with
from pipelines.watch.watcher import MeasurementEnd, Watcher

FAILED = "failed"
BEGIN_SECONDS = 60.0
"""In so many seconds of a pass measurements begin: with many models the next pass goes on."""
LONGEST_SECONDS = 1_800.0
"""What one has measured by then is kept, and the next one goes on."""


def measure_decided(watcher: Watcher, names: Collection[str]) -> list[str]:
    """Carry out decisions to measure, the oldest first. Whoever is killed meanwhile leaves one to the next look, which loses nothing.

    Returns the models of which it is known now.

    Raises:
        AccessError: the registry does not answer.
    """
    until, measured = time.monotonic() + BEGIN_SECONDS, list[str]()
    with watcher.cloud.engine.connect() as connection:
        waiting = [(one, name) for one, name in open_measurements(connection) if name in names]
    for decision_id, name in waiting:
        if time.monotonic() >= until or watcher.crowded(""):
            break  # a training on this machine has the memory, and goes first
        with only_holder(watcher.cloud.engine, f"watch {name}") as is_alone:
            if is_alone and _measure(watcher, decision_id, name):
                measured.append(name)
    return measured


def _measure(watcher: Watcher, decision_id: int, name: str) -> bool:
    """Measure, unless somebody was faster. Returns whether it is known now."""
    with watcher.cloud.engine.connect() as connection:
        if decision_id not in {one for one, _ in open_measurements(connection)}:
            return False
    try:
        end = watcher.measure(read_model(watcher.cloud.settings.models_folder, name))
    except PerennialError as error:
        end = MeasurementEnd(False, str(error))
    watcher.on_point("measured")
    result, who = DONE if end.is_done else FAILED, actor(watcher.cloud.settings)
    with watcher.cloud.engine.begin() as connection:
        record_outcome(
            connection, decision_id, DecisionOutcome(kind=OutcomeKind.MEASUREMENT, result=result, sentence=end.sentence, actor=who)
        )
    watcher.on_news(name, end.sentence)
    return end.is_done


def measure_in_a_process(model: Model) -> MeasurementEnd:
    """Run `perennial staleness` in a process of its own, which ends with this one: TensorFlow's memory goes with it."""
    command = [sys.executable, "-m", "pipelines", "staleness", model.name, "--json"]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
            preexec_fn=partial(end_with, os.getpid()),
        )
        document = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return MeasurementEnd(False, f"`perennial staleness {model.name}` did not end within {LONGEST_SECONDS / 60:g} minutes")
    except json.JSONDecodeError:
        return MeasurementEnd(False, f"`perennial staleness {model.name}` ended with exit code {done.returncode} and said nothing")
    if "error" in document:
        return MeasurementEnd(UNTOLD in document["error"], document["error"])
    return MeasurementEnd(True, document["headline"])
