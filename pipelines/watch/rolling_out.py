"""Versions that go live in steps: begun after a training, taken further or held by what monitoring says, whoever watches."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from components.decisions.record import DONE, DecisionOutcome, OutcomeKind, RecordedDecision, read_decision, record_outcome
from components.decisions.rollouts import read_rollout_facts, read_served_fact
from components.deployment.request import actor
from components.deployment.rollouts import Rollout, RolloutStage, RolloutStep, aside, take_step
from components.errors import AccessError, ConflictError
from components.model.continuous_section import ContinuousSection, DeployRule
from components.model.folder import Model
from components.monitoring.live_metrics.worse import OVERALL
from components.policy.rollout import RolloutFacts, judge_step, steps_of
from components.registry.deployments import Event, last_event
from pipelines.watch.placing import deploy_version, deployment_id, held_back, new_outcome, wait_for_approval
from pipelines.watch.watcher import Watcher

STAGES = {DeployRule.CANARY: RolloutStage.CANARY, DeployRule.SHADOW: RolloutStage.SHADOW}
"""How far a version may be by a rule."""


def begin_rollout(watcher: Watcher, policy: ContinuousSection, decision: RecordedDecision, version: int, target: str) -> DecisionOutcome:
    """Take the first step. What refuses it is an outcome, too.

    Raises:
        ConflictError: somebody else deploys there at the same time.
    """
    stage, share = steps_of(policy, policy.deploy[target])[0]
    step = RolloutStep(RolloutStage(stage), share)
    place = aside(target, step.stage)
    with watcher.cloud.engine.connect() as connection:
        last = last_event(connection, decision.model, place)
    outcome = deploy_version(watcher.cloud, decision, version, place, request_id=deployment_id(decision.decision_id, place), last=last)
    if outcome.result != DONE:
        return outcome
    now = datetime.now(UTC)
    rollout = Rollout(decision.decision_id, target, 1, version, step, f"decision {decision.decision_id}", since=now, begun=now)
    with watcher.cloud.engine.begin() as connection:
        take_step(connection, rollout, actor=actor(watcher.cloud.settings))
    return replace(outcome, sentence=f"version {version} is {step.words} for {target}")


def advance_rollouts(watcher: Watcher, model: Model, policy: ContinuousSection | None, rollouts: Sequence[Rollout]) -> None:
    """Take the next step of each version that is rolled out, or hold it, by what monitoring says, or since the policy has another rule now.

    Raises:
        AccessError: a service refuses or does not answer: the next look goes on from here.
    """
    for rollout in rollouts:
        rule = policy.deploy.get(rollout.target, DeployRule.NEVER) if policy else None
        if policy is None or rule is None:
            _hold(watcher, rollout, "model.toml has no section [continuous] any more")
        elif STAGES.get(rule) is not rollout.step.stage:
            _hold(watcher, rollout, f'continuous.deploy says "{rule}" of {rollout.target} now')
        else:
            _advance(watcher, model, policy, rollout)


def _advance(watcher: Watcher, model: Model, policy: ContinuousSection, rollout: Rollout) -> None:
    with watcher.cloud.engine.connect() as connection:
        objection = held_back(watcher, connection, model.name, rollout.target)
        live = last_event(connection, model.name, rollout.target)
        facts = read_rollout_facts(connection, model.name, rollout, live=live, objection=objection)
    if live is not None and live.version is not None and not (facts.interference or facts.alarms):
        facts = _with_served_rows(watcher, model, rollout, facts, live.version)
    # A canary answers other keys than the live version, so that chance alone may tell them apart: there alarms count, which know of it.
    metrics = OVERALL if rollout.step.stage is RolloutStage.SHADOW else ()
    verdict = judge_step(policy, facts, metrics)
    if verdict.is_bad:
        _hold(watcher, rollout, verdict.reason)
    elif verdict.advances:
        steps = steps_of(policy, policy.deploy[rollout.target])
        stage, share = next((one for one in steps if one[1] > rollout.step.share), steps[-1])
        _take(watcher, rollout, RolloutStep(RolloutStage(stage), share), verdict.reason, live)


def _with_served_rows(watcher: Watcher, model: Model, rollout: Rollout, facts: RolloutFacts, live: int) -> RolloutFacts:
    """The facts with what the served rows say. Where nobody may ask the log, the step waits, and the model is looked at all the same."""
    try:
        return replace(facts, served=read_served_fact(watcher.cloud, model, rollout, live))
    except AccessError as error:
        return replace(facts, objection=facts.objection or str(error))


def _take(watcher: Watcher, rollout: Rollout, step: RolloutStep, reason: str, live: Event | None) -> None:
    """Take a step. The last one deploys the version on the target itself, whose last event `live` was; what refuses that holds it."""
    sentence = f"version {rollout.version} is {step.words} for {rollout.target}, since {reason}"
    subject = f"{aside(rollout.target, step.stage)} {step.share} %"
    outcome = new_outcome(watcher.cloud, OutcomeKind.DEPLOYMENT, subject, DONE, sentence, rollout.version)
    if step.stage is RolloutStage.LIVE:
        with watcher.cloud.engine.connect() as connection:
            decision = read_decision(connection, rollout.decision_id)
        request_id = deployment_id(rollout.decision_id, rollout.target)
        try:
            outcome = deploy_version(watcher.cloud, decision, rollout.version, rollout.target, request_id=request_id, last=live)
        except ConflictError as error:
            _hold(watcher, rollout, str(error))
            return
        watcher.on_point("deployed")
        if outcome.result != DONE:
            _hold(watcher, rollout, outcome.sentence)
            return
    _record(watcher, replace(rollout, seq=rollout.seq + 1, step=step, reason=reason), outcome)


def _hold(watcher: Watcher, rollout: Rollout, reason: str) -> None:
    """Let the version answer nobody any more, until a person approves it."""
    with watcher.cloud.engine.connect() as connection:
        decision = read_decision(connection, rollout.decision_id)
    because = f"it was held as {rollout.step.words}: {reason}"
    outcome = wait_for_approval(watcher.cloud, decision, rollout.version, rollout.target, because=because)
    _record(watcher, replace(rollout, seq=rollout.seq + 1, step=RolloutStep(RolloutStage.HELD, 0), reason=reason), outcome)


def _record(watcher: Watcher, rollout: Rollout, outcome: DecisionOutcome) -> None:
    with watcher.cloud.engine.begin() as connection:
        if not take_step(connection, rollout, actor=actor(watcher.cloud.settings)):
            return  # another watcher did
        record_outcome(connection, rollout.decision_id, outcome)
        model = read_decision(connection, rollout.decision_id).model
    watcher.on_news(model, outcome.sentence)
