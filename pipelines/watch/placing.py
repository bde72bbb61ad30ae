"""Put a version on a target in the name of a decision: deployed, or waiting for a person. Each leaves an outcome."""

from dataclasses import replace

import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.record import DONE, WANTED, DecisionOutcome, OutcomeKind, RecordedDecision, is_on_hold
from components.decisions.standing import pause_reason
from components.deployment.deploy import deploy
from components.deployment.request import actor, new_request
from components.deployment.rollouts import BY_POLICY
from components.errors import ConflictError, RegistryError, SettingsError
from components.policy.facts import Cause
from components.reason import LONGEST_REASON, as_reason
from components.registry.deployments import Action, Event, Request
from pipelines.watch.watcher import Watcher

REFUSED, SKIPPED = "refused", "skipped"


def held_back(watcher: Watcher, connection: sa.Connection, model: str, target: str) -> str:
    """Why nothing is deployed on a target at once, whatever the policy says; empty if nothing speaks against it."""
    if is_on_hold(connection, model, target):
        return "the policy rolled back there and nobody has looked"
    if paused := pause_reason(connection, model):
        return f"the model is paused ({paused})"
    broken = [one for one in watcher.read_alarms(connection, model) if one.cause is Cause.BROKEN_SOURCE]
    return f"the source is broken (alarm {broken[0].alarm_id}: {broken[0].sentence})" if broken else ""


def wait_for_approval(cloud: Cloud, decision: RecordedDecision, version: int, target: str, *, because: str) -> DecisionOutcome:
    """The outcome that a version waits for a person on a target; `because` is empty where the policy says so anyway."""
    command = f"perennial approve {decision.decision_id} --target {target}"
    sentence = f"version {version} waits for `{command}`{f', since {because}' if because else ''}"
    return new_outcome(cloud, OutcomeKind.APPROVAL, target, WANTED, sentence, version)


def deployment_id(decision_id: int, target: str) -> str:
    """The id of the request by which a decision deploys on a target: asked again, nothing is done twice."""
    return f"{BY_POLICY}deploy:{decision_id}:{target}"


def deploy_version(
    cloud: Cloud, decision: RecordedDecision, version: int, target: str, *, request_id: str, last: Event | None, because: str = ""
) -> DecisionOutcome:
    """Deploy, unless a newer version is live there. What refuses the deployment is an outcome, too.

    Raises:
        ConflictError: `last` is not the last deployment there any more: somebody else was faster.
    """
    kind, live = OutcomeKind.DEPLOYMENT, last.version if last else None
    if live is not None and live > version:
        return new_outcome(cloud, kind, target, SKIPPED, f"version {live}, which is newer than {version}, is live on {target}", version)
    try:
        made = policy_request(cloud, decision, Action.DEPLOY, target, request_id=request_id)
        reason = f"{because}; {made.reason}"[:LONGEST_REASON] if because else made.reason
        deploy(cloud, replace(made, version=version, reason=reason), seen=last.seq if last else 0)
    except ConflictError:
        raise
    except (RegistryError, SettingsError) as error:
        return new_outcome(cloud, kind, target, REFUSED, str(error), version)
    return new_outcome(cloud, kind, target, DONE, f"version {version} is live on {target}", version)


def policy_request(cloud: Cloud, decision: RecordedDecision, action: Action, target: str, *, request_id: str) -> Request:
    """A request that gives the decision's reason as its own."""
    reason = as_reason(f"decision {decision.decision_id}: {decision.reason}")
    return new_request(cloud.settings, action, model=decision.model, version=None, target=target, reason=reason, request_id=request_id)


def new_outcome(cloud: Cloud, kind: OutcomeKind, subject: str, result: str, sentence: str, version: int | None) -> DecisionOutcome:
    """An outcome in the name of whoever runs this process."""
    return DecisionOutcome(kind=kind, subject=subject, result=result, sentence=sentence, version=version, actor=actor(cloud.settings))
