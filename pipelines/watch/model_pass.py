"""One look at a model: finish what was decided, gather facts, decide, claim, train, deploy, and record what came of it.

Whoever is killed at any point leaves rows from which the next look goes on: nothing is lost, and nothing is done twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from components.database.locks import only_holder
from components.decisions.effects import record_effects
from components.decisions.gather import facts_of, gather_cost, gather_facts, stand
from components.decisions.record import (
    DecisionOutcome,
    OutcomeKind,
    RecordedDecision,
    TrainingOutcome,
    append_decision,
    last_seen,
    open_decisions,
    read_decision,
    record_outcome,
    subject_of,
    under_way,
)
from components.decisions.standing import Standing
from components.deployment.request import actor
from components.deployment.rollouts import open_rollouts
from components.errors import PerennialError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model
from components.policy.decide import decide, decide_rollback
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import Cause, Facts
from pipelines.watch.deploying import deploy_by_policy, roll_back
from pipelines.watch.rolling_out import advance_rollouts
from pipelines.watch.training import close_dead_runs, train_for
from pipelines.watch.watcher import Watcher

BUSY = "another watcher is at work on it"
COSTLY = (PolicyVerdict.TRAIN, PolicyVerdict.MEASURE)
"""What takes room on a machine, and reads BigQuery."""


def look(watcher: Watcher, model: Model, policy: ContinuousSection) -> Decision:
    """What would be decided about a model now. Nothing is written.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    reading = replace(watcher, sources=replace(watcher.sources, keeps=False))
    return _decision(reading, model, policy, _facts(reading, model, policy))[1]


def would_measure(watcher: Watcher, model: Model, policy: ContinuousSection) -> bool:
    """Whether a decision to measure, which waits for its turn, would be made now: these may be quiet hours, or the model was paused.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    facts = _facts(watcher, model, policy)
    others = tuple(one for one in facts.measured if not one.is_open)
    return _decision(watcher, model, policy, replace(facts, measured=others))[1].verdict is PolicyVerdict.MEASURE


def settle(watcher: Watcher, model: Model, policy: ContinuousSection, standing: Standing) -> bool:
    """Decide about a model that is not busy by how it stood when the pass began. Returns whether that is all there is to do.

    It is not locked for that: of several decisions after the same one, the registry takes one.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    facts = facts_of(watcher.cloud, model, policy, watcher.sources, standing)
    decision = decide(policy, facts)
    if decision.verdict is PolicyVerdict.TRAIN:
        facts = _with_room(watcher, model, facts, "")
        decision = decide(policy, facts)
    if _is_known(decision, facts, standing.subject):
        return True
    if decision.verdict in (*COSTLY, PolicyVerdict.ROLL_BACK):
        return False
    _record(watcher, policy, facts, decision, seen=standing.seq)
    return True


def _is_known(decision: Decision, facts: Facts, subject: str) -> bool:
    """Whether a decision says nothing that is not recorded, given the subject of the last one."""
    if decision.verdict is PolicyVerdict.MEASURE:
        return decision.because[0].key in {one.key for one in facts.measured if one.is_open}
    return decision.verdict is PolicyVerdict.NOTHING or (not _acts(decision) and subject_of(decision) == subject)


def _acts(decision: Decision) -> bool:
    return decision.verdict in (PolicyVerdict.TRAIN, PolicyVerdict.ROLL_BACK)


def _facts(watcher: Watcher, model: Model, policy: ContinuousSection) -> Facts:
    return gather_facts(watcher.cloud, model, policy, watcher.sources, watcher.read_alarms)


def _decision(watcher: Watcher, model: Model, policy: ContinuousSection, facts: Facts, *, but_for: str = "") -> tuple[Facts, Decision]:
    """What is decided by these facts, and, should it be to train, by whether there is room, and by what it would cost, too.

    Trainings of the model `but_for` leave room.
    """
    decision = decide(policy, facts)
    if decision.verdict in COSTLY:
        facts = _with_room(watcher, model, facts, but_for)
        decision = decide(policy, facts)
    if decision.verdict in COSTLY:
        facts = gather_cost(watcher.cloud, model, facts, watcher.sources)
        decision = decide(policy, facts)
    return facts, decision


def _with_room(watcher: Watcher, model: Model, facts: Facts, but_for: str) -> Facts:
    """The facts with why there is no room for a training where trainings run, if there is none."""
    at_most = watcher.cloud.settings.trainings_at_once
    if not (crowded := watcher.crowded(but_for)):
        with watcher.cloud.engine.connect() as connection:
            others = [run_id for run_id, name in under_way(connection) if name != model.name]
        if len(others) >= at_most:
            crowded = f"{len(others)} trainings are under way, and PERENNIAL_TRAININGS_AT_ONCE is {at_most}: {', '.join(others)}"
    return replace(facts, crowded=crowded)


def watch_model(watcher: Watcher, model: Model, policy: ContinuousSection) -> bool:
    """Look at a model once, and do what its policy says. Whatever goes wrong is told, and the next look goes on from there.

    Returns whether nothing went wrong: what is refused, waits or failed as a training is recorded, and is none of that.
    """
    try:
        with only_holder(watcher.cloud.engine, f"watch {model.name}") as is_alone:
            if not is_alone:
                watcher.on_news(model.name, BUSY)
                return True
            return _look_at_all(watcher, model, policy)
    except PerennialError as error:
        watcher.on_news(model.name, f"not looked at to the end: {error}")
        return False


def _look_at_all(watcher: Watcher, model: Model, policy: ContinuousSection) -> bool:
    """Roll back first, for which the registry is enough: a source or a Kubeflow that does not answer is in the way of no other part.

    Returns whether nothing went wrong.
    """
    with watcher.cloud.engine.connect() as connection:
        rollouts, unfinished = open_rollouts(connection, model.name), open_decisions(connection, model.name)
        rollbacks = [one for one in unfinished if read_decision(connection, one).verdict is PolicyVerdict.ROLL_BACK]
    trainings = [one for one in unfinished if one not in rollbacks]
    parts: tuple[Callable[[], None], ...] = (
        lambda: _roll_back(watcher, model, policy, rollbacks),
        lambda: advance_rollouts(watcher, model, policy, rollouts),
        lambda: _go_on(watcher, model, policy, trainings),
        lambda: _tell_effects(watcher, model),
    )
    told: list[str] = []
    for part in parts:
        try:
            part()
        except PerennialError as error:
            if str(error) not in told:
                watcher.on_news(model.name, f"not looked at to the end: {error}")
                told.append(str(error))
    return not told


def _roll_back(watcher: Watcher, model: Model, policy: ContinuousSection, rollbacks: Sequence[int]) -> None:
    """Bring rollbacks to their end that were decided before, and decide by what the registry knows whether another one is due."""
    for decision_id in rollbacks:
        _carry_out(watcher, model, policy, decision_id)
    facts = stand(watcher.cloud, model, watcher.read_alarms)
    decision = decide_rollback(policy, facts.facts)
    decided = None if decision is None else _record(watcher, policy, facts.facts, decision, seen=facts.seq)
    if decided is not None:
        _carry_out(watcher, model, policy, decided)


def _go_on(watcher: Watcher, model: Model, policy: ContinuousSection, trainings: Sequence[int]) -> None:
    """Finish trainings that were decided before, and decide about the next one."""
    with watcher.cloud.engine.connect() as connection:
        last = last_seen(connection, model.name)
    is_free = _finish(watcher, model, policy, trainings)
    decision_id = _decide(watcher, model, policy, last) if is_free else None
    if decision_id is not None:
        _carry_out(watcher, model, policy, decision_id)


def _tell_effects(watcher: Watcher, model: Model) -> None:
    for sentence in record_effects(watcher.cloud.engine, model.name, actor(watcher.cloud.settings)):
        watcher.on_news(model.name, sentence)


def leave_model(watcher: Watcher, model: Model) -> bool:
    """Hold what is rolled out still of a model that has no policy any more. Returns whether nothing went wrong.

    Raises:
        AccessError: a service refuses or does not answer: the next look goes on from here.
    """
    with watcher.cloud.engine.connect() as connection:
        if not open_rollouts(connection, model.name):
            return True
    with only_holder(watcher.cloud.engine, f"watch {model.name}") as is_alone:
        if is_alone:
            with watcher.cloud.engine.connect() as connection:
                rollouts = open_rollouts(connection, model.name)
            advance_rollouts(watcher, model, None, rollouts)
    return True


def _finish(watcher: Watcher, model: Model, policy: ContinuousSection, unfinished: Sequence[int]) -> bool:
    """Go on with what an earlier look decided and did not bring to its end. Returns whether nothing is under way any more."""
    if not unfinished:
        return True
    for decision_id in unfinished:
        _carry_out(watcher, model, policy, decision_id)
    with watcher.cloud.engine.connect() as connection:
        return not open_decisions(connection, model.name)


def _decide(watcher: Watcher, model: Model, policy: ContinuousSection, last: tuple[int, str]) -> int | None:
    """Decide, and record it unless it is what was decided last. Returns the id of a decision that is to be carried out.

    `last` are the number and the subject of the last decision.
    """
    (seen, subject), facts = last, _facts(watcher, model, policy)
    if any(run.is_running for run in facts.runs) and close_dead_runs(watcher, model, policy):
        facts = _facts(watcher, model, policy)
    facts, decision = _decision(watcher, model, policy, facts)
    if _is_known(decision, facts, subject):
        return None
    decision_id = _record(watcher, policy, facts, decision, seen=seen)
    return decision_id if _acts(decision) else None


def _record(watcher: Watcher, policy: ContinuousSection, facts: Facts, decision: Decision, *, seen: int) -> int | None:
    """Record a decision as the one after `seen`. None if somebody else has decided meanwhile."""
    with watcher.cloud.engine.begin() as connection:
        decision_id = append_decision(connection, policy, facts, decision, seen=seen, actor=actor(watcher.cloud.settings))
    if decision_id is not None:
        watcher.on_news(facts.model, f"{decision.verdict}: {decision.reason}")
        watcher.on_point("decided")
    return decision_id


def _carry_out(watcher: Watcher, model: Model, policy: ContinuousSection, decision_id: int) -> None:
    """Bring a decision to its end, or as far as it goes now. Its last row says that nothing is left to do."""
    with watcher.cloud.engine.connect() as connection:
        decision = read_decision(connection, decision_id)
    if decision.verdict is PolicyVerdict.ROLL_BACK:
        roll_back(watcher, decision)
        return
    end = train_for(watcher, model, policy, decision_id, lambda made: _objection(watcher, model, policy, made))
    if end is None:
        return
    if end.result in (TrainingOutcome.VERSION, TrainingOutcome.KNOWN) and end.version is not None:
        deploy_by_policy(watcher, policy, decision, end.version, is_known=end.result is TrainingOutcome.KNOWN)
    who = actor(watcher.cloud.settings)
    outcome = DecisionOutcome(kind=OutcomeKind.TRAINING, result=end.result, sentence=end.sentence, version=end.version, actor=who)
    with watcher.cloud.engine.begin() as connection:
        record_outcome(connection, decision_id, outcome)
    watcher.on_news(model.name, f"{end.result}: {end.sentence}")
    watcher.on_point("recorded")


def _objection(watcher: Watcher, model: Model, policy: ContinuousSection, decision: RecordedDecision) -> str:
    """Why a decision to train would not be made any more: the model was paused, or its source broke, since. Empty if it would be.

    The runs that were claimed for it, and were interrupted, count for nothing, nor does a bad version, which is rolled back beside it.
    """
    facts, own = _facts(watcher, model, policy), {claim.run_id for claim in decision.claims}
    runs = tuple(run for run in facts.runs if run.run_id not in own)
    alarms = tuple(one for one in facts.alarms if one.cause is not Cause.BAD_VERSION)
    own_model = model.name if decision.claims else ""
    _, now = _decision(watcher, model, policy, replace(facts, runs=runs, alarms=alarms), but_for=own_model)
    return "" if now.verdict is PolicyVerdict.TRAIN else now.reason
