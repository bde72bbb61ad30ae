"""Measure how fast versions age where it was decided: one model after the other, once all were looked at."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Collection
from functools import partial

from components.database.locks import only_holder
from components.decisions.record import (
    DONE,
    DecisionOutcome,
    OutcomeKind,
    RecordedDecision,
    TrainingOutcome,
    begin_measurement,
    open_measurements,
    read_decision,
    record_outcome,
)
from components.deployment.request import actor
from components.errors import PerennialError
from components.model.folder import Model, read_model
from pipelines.run.task import end_with
from pipelines.watch.model_pass import would_measure
from pipelines.watch.watcher import MeasurementEnd, Watcher

BEGIN_SECONDS = 60.0
"""In so many seconds of a pass measurements begin: with many models the next pass goes on."""
LONGEST_SECONDS = 600.0
"""For so long one may hold the looks up. What it has measured by then is kept, and the next one goes on."""
MOST_ATTEMPTS = 3
"""So many measurements for one decision may end with their watcher."""
log = logging.getLogger(__name__)


def measure_decided(watcher: Watcher, names: Collection[str]) -> tuple[list[str], bool]:
    """Carry out decisions to measure. Whoever is killed meanwhile leaves one to the next look, which loses nothing.

    Returns the models of which it is known now, and whether nothing was wrong with any.

    Raises:
        AccessError: the registry does not answer.
    """
    until, measured, is_well = time.monotonic() + BEGIN_SECONDS, list[str](), True
    with watcher.cloud.engine.connect() as connection:
        waiting = [(one, name) for one, name in open_measurements(connection) if name in names]
    for decision_id, name in waiting:
        if time.monotonic() >= until or watcher.crowded(""):
            break  # a training on this machine has the memory, and goes first
        try:
            with only_holder(watcher.cloud.engine, f"watch {name}") as is_alone:
                if is_alone and _measure(watcher, decision_id, name):
                    measured.append(name)
        except Exception as error:  # of a service, or a fault of ours: the others have their turn, and the next look tries again
            log.exception("nothing was measured", extra={"model": name})
            watcher.on_news(name, f"not measured: {_told(error)}")
            is_well = False
    return measured, is_well


def _measure(watcher: Watcher, decision_id: int, name: str) -> bool:
    """Measure, unless somebody was faster, or it has to wait. Returns whether it is known now."""
    with watcher.cloud.engine.connect() as connection:
        decision = read_decision(connection, decision_id)
    if decision.outcome(OutcomeKind.MEASUREMENT) is not None or (found := _result(watcher, decision, name)) is None:
        return False
    watcher.on_point("measured")
    result, sentence = found
    outcome = DecisionOutcome(kind=OutcomeKind.MEASUREMENT, result=result, sentence=sentence, actor=actor(watcher.cloud.settings))
    with watcher.cloud.engine.begin() as connection:
        record_outcome(connection, decision_id, outcome)
    watcher.on_news(name, sentence)
    return result == DONE


def _result(watcher: Watcher, decision: RecordedDecision, name: str) -> tuple[str, str] | None:
    """What came of the decision, and in which words; None while it has to wait."""
    attempts = len(decision.claims)
    if attempts >= MOST_ATTEMPTS:
        where = f"{attempts} measurements ended with the watcher that had begun them, the last on {decision.claims[-1].host}"
        return TrainingOutcome.FAILED, f"{where}: it may lack the memory that `perennial staleness {name}` takes"
    model = read_model(watcher.cloud.settings.models_folder, name)
    if model.continuous is None:
        return TrainingOutcome.WITHDRAWN, "it is not measured any more, since model.toml has no section [continuous]"
    if not would_measure(watcher, model, model.continuous):
        return None
    with watcher.cloud.engine.begin() as connection:
        begin_measurement(connection, decision.decision_id, watcher.host)
    watcher.on_point("begun")
    try:
        end = watcher.measure(model)
    except Exception as error:  # such as of a machine that begins no process any more
        log.exception("a measurement failed", extra={"model": name})
        return TrainingOutcome.FAILED, _told(error)
    return DONE if end.is_done else TrainingOutcome.FAILED, end.sentence


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, PerennialError) else f"{type(error).__name__}: {error}"


def measure_in_a_process(model: Model) -> MeasurementEnd:
    """Run `perennial staleness` in a process of its own, which ends with this one: TensorFlow's memory goes with it."""
    command = [sys.executable, "-m", "pipelines", "staleness", model.name, "--json"]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=LONGEST_SECONDS,
            preexec_fn=partial(end_with, os.getpid()),
        )
    except subprocess.TimeoutExpired:
        return MeasurementEnd(False, f"`perennial staleness {model.name}` did not end within {LONGEST_SECONDS / 60:g} minutes")
    try:
        document = json.loads(done.stdout)
        if "error" in document:
            return MeasurementEnd(bool(document.get("is_final")), document["error"])
        return MeasurementEnd(True, document["headline"])
    except (ValueError, TypeError, KeyError):  # nothing, or no JSON of this command
        said = "said nothing" if not done.stdout.strip() else "said something else than the JSON that was asked for"
        return MeasurementEnd(False, f"`perennial staleness {model.name}` ended with exit code {done.returncode} and {said}")
