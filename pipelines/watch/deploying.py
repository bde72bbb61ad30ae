"""What becomes of a version by policy: deployed at once, after approval, or rolled back while it is on probation."""

from dataclasses import replace

import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.gather import BY_POLICY
from components.decisions.orders import pause_reason
from components.decisions.record import (
    DONE,
    WANTED,
    DecisionOutcome,
    OutcomeKind,
    RecordedDecision,
    is_on_hold,
    record_outcome,
)
from components.deployment.deploy import deploy, rollback
from components.deployment.request import actor, new_request
from components.errors import ConflictError, RegistryError, SettingsError
from components.model.continuous_section import ContinuousSection, DeployRule
from components.policy.facts import Cause
from components.reason import LONGEST_REASON, as_reason
from components.registry.deployments import Action, Event, Request, history, last_event
from pipelines.watch.watcher import Watcher

REFUSED, SKIPPED = "refused", "skipped"


def deploy_by_policy(watcher: Watcher, policy: ContinuousSection, decision: RecordedDecision, version: int) -> None:
    """Deploy a version where the policy says so, and note where it waits for a person. What is done already is not done again.

    Raises:
        AccessError: a service refuses or does not answer: the next look goes on from here.
    """
    for target, rule in sorted(policy.deploy.items()):
        if rule is DeployRule.NEVER or decision.outcome(OutcomeKind.DEPLOYMENT, target) or decision.outcome(OutcomeKind.APPROVAL, target):
            continue
        with watcher.cloud.engine.connect() as connection:
            last, held = last_event(connection, decision.model, target), _held_back(watcher, connection, decision.model, target)
        if rule is DeployRule.AFTER_APPROVAL or held:
            outcome = _approval(watcher.cloud, decision, version, target, because=held)
        else:
            request_id = f"{BY_POLICY}deploy:{decision.decision_id}:{target}"
            try:
                outcome = _deploy(watcher.cloud, decision, version, target, request_id=request_id, last=last)
            except ConflictError:
                outcome = _approval(watcher.cloud, decision, version, target, because="something else was deployed there meanwhile")
        _record(watcher, decision, outcome)
        watcher.on_point("deployed")


def _held_back(watcher: Watcher, connection: sa.Connection, model: str, target: str) -> str:
    """Why nothing is deployed on a target at once, whatever the policy says; empty if nothing speaks against it."""
    if is_on_hold(connection, model, target):
        return "the policy rolled back there and nobody has looked"
    if paused := pause_reason(connection, model):
        return f"the model is paused ({paused})"
    broken = [one for one in watcher.read_alarms(connection, model) if one.cause is Cause.BROKEN_SOURCE]
    return f"the source is broken (alarm {broken[0].alarm_id}: {broken[0].sentence})" if broken else ""


def _approval(cloud: Cloud, decision: RecordedDecision, version: int, target: str, *, because: str) -> DecisionOutcome:
    command = f"perennial approve {decision.decision_id} --target {target}"
    sentence = f"version {version} waits for `{command}`{f', since {because}' if because else ''}"
    return _outcome(cloud, OutcomeKind.APPROVAL, target, WANTED, sentence, version)


def approve(cloud: Cloud, decision: RecordedDecision, target: str | None, *, reason: str) -> tuple[DecisionOutcome, ...]:
    """Deploy the version of a decision where it waits for a person: on a target, or on all.

    Raises:
        RegistryError: it waits nowhere, or not there.
    """
    waiting = {
        one.subject: one.version
        for one in decision.outcomes
        if one.kind is OutcomeKind.APPROVAL and not decision.outcome(OutcomeKind.DEPLOYMENT, one.subject)
    }
    wanted = {name: version for name, version in waiting.items() if target in (None, name) and version is not None}
    if not wanted:
        where = f" on {target}" if target else ""
        there_is = f"it waits on {', '.join(sorted(waiting))}" if waiting else "it waits nowhere"
        raise RegistryError(f"decision {decision.decision_id} has no version that waits for approval{where}: {there_is}")
    outcomes = []
    for name, version in sorted(wanted.items()):
        request_id = f"approval:{decision.decision_id}:{name}"
        with cloud.engine.connect() as connection:
            last = last_event(connection, decision.model, name)
        try:
            outcome = _deploy(cloud, decision, version, name, request_id=request_id, last=last, because=f"approved: {reason}")
        except ConflictError as error:
            outcome = _outcome(cloud, OutcomeKind.DEPLOYMENT, name, REFUSED, str(error), version)
        if outcome.result == DONE:
            with cloud.engine.begin() as connection:
                record_outcome(connection, decision.decision_id, outcome)
        outcomes.append(outcome)
    return tuple(outcomes)


def roll_back(watcher: Watcher, decision: RecordedDecision) -> None:
    """Roll back the version that was on probation, if it is live still.

    Raises:
        AccessError: a service refuses or does not answer: the next look goes on from here.
    """
    cloud, target, bad = watcher.cloud, decision.target or "", _on_probation(decision)
    request_id = f"{BY_POLICY}rollback:{decision.decision_id}:{target}"
    with cloud.engine.connect() as connection:
        events = history(connection, decision.model, target)
    try:
        if events[0].version != bad and request_id not in {event.request_id for event in events}:
            sentence = f"version {bad} is not live on {target} any more: {events[0].sentence}"
            outcome = _outcome(cloud, OutcomeKind.ROLLBACK, "", SKIPPED, sentence, events[0].version)
        else:
            made = _request(cloud, decision, Action.ROLLBACK, target, request_id=request_id)
            result = rollback(cloud, made, seen=events[0].seq)
            sentence = f"{target} went back from version {bad} to {result.event.version}; what comes next waits for approval there"
            outcome = _outcome(cloud, OutcomeKind.ROLLBACK, "", DONE, sentence, result.event.version)
    except ConflictError as error:  # somebody was faster
        outcome = _outcome(cloud, OutcomeKind.ROLLBACK, "", SKIPPED, str(error), None)
    except (RegistryError, SettingsError) as error:
        outcome = _outcome(cloud, OutcomeKind.ROLLBACK, "", REFUSED, str(error), None)
    _record(watcher, decision, outcome)


def _on_probation(decision: RecordedDecision) -> int | None:
    """The version that was live on the target when this was decided."""
    live = decision.facts["live"]
    return next((one["version"] for one in live if one["target"] == decision.target), None) if isinstance(live, list) else None


def _deploy(
    cloud: Cloud, decision: RecordedDecision, version: int, target: str, *, request_id: str, last: Event | None, because: str = ""
) -> DecisionOutcome:
    """Deploy, unless a newer version is live there. What refuses the deployment is an outcome, too.

    Raises:
        ConflictError: `last` is not the last deployment there any more: somebody else was faster.
    """
    kind, live = OutcomeKind.DEPLOYMENT, last.version if last else None
    if live is not None and live > version:
        return _outcome(cloud, kind, target, SKIPPED, f"version {live}, which is newer than {version}, is live on {target}", version)
    try:
        made = _request(cloud, decision, Action.DEPLOY, target, request_id=request_id)
        reason = f"{because}; {made.reason}"[:LONGEST_REASON] if because else made.reason
        deploy(cloud, replace(made, version=version, reason=reason), seen=last.seq if last else 0)
    except ConflictError:
        raise
    except (RegistryError, SettingsError) as error:
        return _outcome(cloud, kind, target, REFUSED, str(error), version)
    return _outcome(cloud, kind, target, DONE, f"version {version} is live on {target}", version)


def _request(cloud: Cloud, decision: RecordedDecision, action: Action, target: str, *, request_id: str) -> Request:
    reason = as_reason(f"decision {decision.decision_id}: {decision.reason}")
    return new_request(cloud.settings, action, model=decision.model, version=None, target=target, reason=reason, request_id=request_id)


def _outcome(cloud: Cloud, kind: OutcomeKind, subject: str, result: str, sentence: str, version: int | None) -> DecisionOutcome:
    return DecisionOutcome(kind=kind, subject=subject, result=result, sentence=sentence, version=version, actor=actor(cloud.settings))


def _record(watcher: Watcher, decision: RecordedDecision, outcome: DecisionOutcome) -> None:
    with watcher.cloud.engine.begin() as connection:
        record_outcome(connection, decision.decision_id, outcome)
    watcher.on_news(decision.model, outcome.sentence)
