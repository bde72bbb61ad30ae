"""What becomes of a version by policy: deployed at once, after approval, or rolled back while it is on probation."""

from components.cloud import Cloud
from components.decisions.record import DONE, DecisionOutcome, OutcomeKind, RecordedDecision, record_outcome
from components.deployment.deploy import rollback
from components.deployment.rollouts import BY_POLICY, RolloutStage, aside
from components.errors import ConflictError, RegistryError, SettingsError
from components.model.continuous_section import ContinuousSection, DeployRule
from components.registry.deployments import Action, history, last_event
from pipelines.watch.placing import (
    REFUSED,
    SKIPPED,
    deploy_version,
    deployment_id,
    held_back,
    new_outcome,
    policy_request,
    wait_for_approval,
)
from pipelines.watch.rolling_out import begin_rollout
from pipelines.watch.watcher import Watcher


def deploy_by_policy(
    watcher: Watcher, policy: ContinuousSection, decision: RecordedDecision, version: int, *, is_known: bool = False
) -> None:
    """Deploy a version where the policy says so, and note where it waits for a person. What is done already is not done again.

    What refuses it, such as a target that the settings lack, may be put right: it waits for a person then. So does a version that is known
    from an earlier training, where a newer one is live.

    Raises:
        AccessError: a service refuses or does not answer: the next look goes on from here.
    """
    for target, rule in sorted(policy.deploy.items()):
        if rule is DeployRule.NEVER or decision.outcome(OutcomeKind.APPROVAL, target) or _has_begun(decision, target):
            continue
        with watcher.cloud.engine.connect() as connection:
            last, held = last_event(connection, decision.model, target), held_back(watcher, connection, decision.model, target)
        request_id = deployment_id(decision.decision_id, target)
        if is_known and last is not None and last.version == version and last.request_id != request_id:
            continue
        if is_known and last is not None and last.version is not None and last.version > version:
            held = f"version {last.version}, which is newer, is live there"
        if rule is DeployRule.AFTER_APPROVAL or held:
            outcome = wait_for_approval(watcher.cloud, decision, version, target, because=held)
        else:
            try:
                if rule is DeployRule.AT_ONCE or last is None or last.version is None or last.version > version:
                    outcome = deploy_version(watcher.cloud, decision, version, target, request_id=request_id, last=last)
                else:
                    outcome = begin_rollout(watcher, policy, decision, version, target)
                if outcome.result == REFUSED:
                    outcome = wait_for_approval(watcher.cloud, decision, version, target, because=outcome.sentence)
            except ConflictError:
                outcome = wait_for_approval(watcher.cloud, decision, version, target, because="something else was deployed there meanwhile")
        _record(watcher, decision, outcome)
        watcher.on_point("deployed")


def _has_begun(decision: RecordedDecision, target: str) -> bool:
    """Whether the version was deployed on a target, or on those on which it is while it goes live there."""
    places = {target, *(aside(target, stage) for stage in RolloutStage)}
    return any(one.kind is OutcomeKind.DEPLOYMENT and one.subject in places for one in decision.outcomes)


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
            outcome = deploy_version(cloud, decision, version, name, request_id=request_id, last=last, because=f"approved: {reason}")
        except ConflictError as error:
            outcome = new_outcome(cloud, OutcomeKind.DEPLOYMENT, name, REFUSED, str(error), version)
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
            outcome = new_outcome(cloud, OutcomeKind.ROLLBACK, "", SKIPPED, sentence, events[0].version)
        else:
            made = policy_request(cloud, decision, Action.ROLLBACK, target, request_id=request_id)
            result = rollback(cloud, made, seen=events[0].seq)
            sentence = f"{target} went back from version {bad} to {result.event.version}; what comes next waits for approval there"
            outcome = new_outcome(cloud, OutcomeKind.ROLLBACK, "", DONE, sentence, result.event.version)
    except ConflictError as error:  # somebody was faster
        outcome = new_outcome(cloud, OutcomeKind.ROLLBACK, "", SKIPPED, str(error), None)
    except (RegistryError, SettingsError) as error:
        outcome = new_outcome(cloud, OutcomeKind.ROLLBACK, "", REFUSED, str(error), None)
    _record(watcher, decision, outcome)


def _on_probation(decision: RecordedDecision) -> int | None:
    """The version that was live on the target when this was decided."""
    live = decision.facts["live"]
    return next((one["version"] for one in live if one["target"] == decision.target), None) if isinstance(live, list) else None


def _record(watcher: Watcher, decision: RecordedDecision, outcome: DecisionOutcome) -> None:
    watcher.on_point("placed")
    with watcher.cloud.engine.begin() as connection:
        record_outcome(connection, decision.decision_id, outcome)
    watcher.on_news(decision.model, outcome.sentence)
