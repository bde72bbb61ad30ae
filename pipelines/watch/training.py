"""Train for a decision: once, whoever carries it out and however often they are killed."""

from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto

from components.database.statements import execute
from components.decisions.record import DecisionClaim, RecordedDecision, TrainingOutcome, claim_attempt, read_decision
from components.errors import TaskError
from components.lock import exclusive_lock
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model
from components.policy.reasons import ReasonKind
from components.reason import as_reason
from components.registry.versions import find_version_of_run
from components.runs.kubeflow import find_execution
from components.runs.record import RecordedRun, RunState, close_interrupted, finish_run, is_recorded, read_run
from pipelines.run.locks import is_in_progress, run_lock
from pipelines.watch.local import too_long
from pipelines.watch.watcher import RESULTS, TrainingEnd, TrainingOrder, Watcher

MOST_ATTEMPTS = 3
"""So many runs may be killed for one decision."""
INTERRUPTED = "interrupted"
ENDED_ELSEWHERE = "it was ended on Kubeflow before its last step, which would have recorded why"


class ClaimProgress(Enum):
    """How far a claimed run is, unless it has ended."""

    UNDER_WAY = auto()
    DEAD = auto()
    """It began, or was to begin, in a process that is gone."""
    UNHEARD = auto()
    """Who was to train has never heard of it: no run was given up, and it is submitted once more."""


def train_for(
    watcher: Watcher, model: Model, policy: ContinuousSection, decision_id: int, objection: Callable[[RecordedDecision], str]
) -> TrainingEnd | None:
    """Claim the decision and train, unless that is done or under way. Returns how the training ended; None while it goes on.

    Args:
        watcher: who trains.
        model: which is trained.
        policy: its policy as it is now.
        decision_id: the decision.
        objection: says, before a run is claimed, why the decision would not be made any more; empty if it would.

    Raises:
        RegistryError: the registry refuses the claim: another run carries out the decision.
    """
    while True:
        with watcher.cloud.engine.connect() as connection:
            decision = read_decision(connection, decision_id)
        attempt = len(decision.claims)
        progress = _look(watcher, model, policy, decision.claims[-1]) if attempt else ClaimProgress.DEAD
        if progress is ClaimProgress.UNDER_WAY:
            return None
        if isinstance(progress, TrainingEnd):
            return progress
        is_unheard = progress is ClaimProgress.UNHEARD
        if attempt >= MOST_ATTEMPTS and not is_unheard:
            return TrainingEnd(TrainingOutcome.FAILED, f"each of {attempt} runs was interrupted: {decision.claims[-1].run_id} was the last")
        if against := objection(decision):
            return TrainingEnd(TrainingOutcome.WITHDRAWN, f"it does not begin any more, since {against}")
        run_id = decision.claims[-1].run_id if is_unheard else f"{model.name}-decision-{decision_id}-{attempt + 1}"
        if not is_unheard and not _claim(watcher, decision_id, attempt + 1, run_id):
            return None
        end = watcher.train(_order(model, policy, decision, run_id))
        watcher.on_point("trained")
        with watcher.cloud.engine.connect() as connection:
            if end is None or not is_recorded(connection, run_id):
                return end


def _claim(watcher: Watcher, decision_id: int, attempt: int, run_id: str) -> bool:
    with watcher.cloud.engine.begin() as connection:
        at_most = watcher.cloud.settings.trainings_at_once
        is_mine = claim_attempt(connection, decision_id, attempt, run_id=run_id, host=watcher.host, at_most=at_most)
    if is_mine:
        watcher.on_point("claimed")
    return is_mine


def close_dead_runs(watcher: Watcher, model: Model, policy: ContinuousSection) -> bool:
    """End the model's trainings in the registry that go on nowhere, whoever began them. Returns whether there were any."""
    with watcher.cloud.engine.connect() as connection:
        running = [read_run(connection, one) for one in execute(connection, "decisions.running", model=model.name).scalars()]
    closed = [_close(watcher, model, policy, run) for run in running]
    return any(closed)


def _order(model: Model, policy: ContinuousSection, decision: RecordedDecision, run_id: str) -> TrainingOrder:
    if decision.through is None or decision.trigger is None:
        raise ValueError(f"decision {decision.decision_id} is none to train")  # the database has a constraint
    code = decision.facts.get("code")
    changed = code.get("changed", ()) if isinstance(code, dict) else ()
    return TrainingOrder(
        model=model,
        run_id=run_id,
        through=decision.through,
        trigger=decision.trigger,
        reason=as_reason(f"decision {decision.decision_id}: {decision.reason}"),
        force="components" in changed and any(one.kind is ReasonKind.CODE for one in decision.reasons),
        limit_seconds=policy.training_hours * 3600.0,
    )


def _look(watcher: Watcher, model: Model, policy: ContinuousSection, claim: DecisionClaim) -> TrainingEnd | ClaimProgress:
    """How a claimed run stands. One of this machine whose process is gone is ended here, as is one that Kubeflow has ended."""
    run_id, limit = claim.run_id, timedelta(hours=policy.training_hours)
    with watcher.cloud.engine.connect() as connection:
        run = read_run(connection, run_id) if is_recorded(connection, run_id) else None
        waited = execute(connection, "decisions.now").scalar_one() - claim.created_at
    if run is None:
        return _look_before_its_row(watcher, model, claim, is_late=waited >= limit, limit=limit)
    if run.state is RunState.RUNNING:
        is_closed = _close(watcher, model, policy, run)
        return _look(watcher, model, policy, claim) if is_closed else ClaimProgress.UNDER_WAY
    if run.state is RunState.FAILED and run.error == INTERRUPTED:
        return ClaimProgress.DEAD
    return _end(watcher, run)


def _look_before_its_row(
    watcher: Watcher, model: Model, claim: DecisionClaim, *, is_late: bool, limit: timedelta
) -> TrainingEnd | ClaimProgress:
    """How a claimed run stands of which the registry does not know: another watcher of this machine may have begun it."""
    run_id = claim.run_id
    if (end := watcher.end_of(run_id)) is not None:
        return end
    is_here = claim.host == watcher.host and is_in_progress(watcher.cloud.settings, model.name)
    if not is_here and not watcher.is_under_way(run_id):
        if (end := watcher.end_of(run_id)) is not None:  # it may have ended this moment
            return end
        if not watcher.is_unheard(run_id):
            return ClaimProgress.DEAD
        if not is_late:
            return ClaimProgress.UNHEARD
    if is_late:  # such as for a node that nobody has
        watcher.stop(run_id, None)
        return TrainingEnd(TrainingOutcome.FAILED, f"run {run_id} has not begun: {too_long(limit.total_seconds())}")
    return ClaimProgress.UNDER_WAY


def _close(watcher: Watcher, model: Model, policy: ContinuousSection, run: RecordedRun) -> bool:
    """End a run in the registry that goes on nowhere, or for too long. False if it goes on, or nobody here can tell."""
    run_id, limit = run.run.run_id, timedelta(hours=policy.training_hours)
    end = watcher.end_of(run_id)
    if end is not None and end.result is TrainingOutcome.FAILED and not end.is_silent:  # such as one that took too long
        return _finish(watcher, run_id, end.sentence)
    with watcher.cloud.engine.connect() as connection:
        executed_by, now = find_execution(connection, run_id), execute(connection, "decisions.now").scalar_one()
    if executed_by is None and run.run.host == watcher.host and _close_here(watcher, model):
        return True
    sentence = ENDED_ELSEWHERE
    if now - run.started_at >= limit:
        watcher.stop(run_id, executed_by)
        sentence = f"{too_long(limit.total_seconds())} (it began on {run.run.host})"
    elif executed_by is None or not watcher.has_ended(executed_by):
        return False
    return _finish(watcher, run_id, sentence)


def _finish(watcher: Watcher, run_id: str, sentence: str) -> bool:
    with watcher.cloud.engine.begin() as connection:
        finish_run(connection, run_id, RunState.FAILED, sentence)
    return True


def _close_here(watcher: Watcher, model: Model) -> bool:
    """End the model's runs on this machine of which no process lives. False if one lives."""

    def refuse() -> None:
        raise TaskError("a run of it is in progress on this machine")

    try:
        with exclusive_lock(run_lock(watcher.cloud.settings, model.name), on_busy=refuse), watcher.cloud.engine.begin() as connection:
            close_interrupted(connection, model.name, watcher.host)
    except TaskError:
        return False
    return True


def _end(watcher: Watcher, run: RecordedRun) -> TrainingEnd:
    with watcher.cloud.engine.connect() as connection:
        version = find_version_of_run(connection, run.run.run_id)
    sentence = run.error or (f"version {version} passed both gates" if version else "the run made no version")
    return TrainingEnd(RESULTS[run.state], sentence, version)
