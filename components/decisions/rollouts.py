"""What monitoring knows of a version that goes live in steps, as facts for the policy."""

import sqlalchemy as sa

from components.decisions.alarms import LIVE, read_role_alarms
from components.deployment.rollouts import BY_POLICY, Rollout, aside
from components.evaluation.metric import Metric
from components.monitoring.record import LiveDay, read_live_days
from components.policy.rollout import MeasuredRole, RolloutFacts
from components.registry.deployments import Event, last_event


def read_rollout_facts(connection: sa.Connection, model: str, rollout: Rollout, *, live: Event | None, objection: str) -> RolloutFacts:
    """What decides whether a version takes its next step.

    Args:
        connection: the registry.
        model: whose version.
        rollout: how far it is.
        live: the last event on its target.
        objection: why nothing goes further now; empty if nothing speaks against it.
    """
    role = rollout.step.stage
    place = aside(rollout.target, role)
    beside = last_event(connection, model, place)
    days = read_live_days(connection, model, rollout.target, since=rollout.since.date())
    return RolloutFacts(
        version=rollout.version,
        words=rollout.step.words,
        since=rollout.since.date(),
        measured=_measured([day for day in days if (day.served.version, day.served.role) == (rollout.version, role)]),
        live=_measured([day for day in days if live and (day.served.version, day.served.role) == (live.version, LIVE)]),
        live_version=live.version if live else None,
        alarms=read_role_alarms(connection, model, rollout.target, role=role, version=rollout.version),
        interference=_interference(rollout, place, beside, live),
        objection=objection,
    )


def _interference(rollout: Rollout, place: str, beside: Event | None, live: Event | None) -> str:
    """What somebody else has deployed where the version is, or where it is to go; empty if nothing."""
    if beside is None or beside.version != rollout.version:
        return f"on {place} {beside.sentence if beside else 'nothing was deployed'}"
    is_by_hand = live is not None and live.created_at > rollout.begun and not live.request_id.startswith(BY_POLICY)
    return f"on {rollout.target} {live.sentence}" if live and is_by_hand else ""


def _measured(days: list[LiveDay]) -> MeasuredRole:
    """The metrics of all rows, but those that are not known."""
    return MeasuredRole({one.served.day: {metric.name: metric.value for metric in _overall(one)} for one in days})


def _overall(day: LiveDay) -> list[Metric]:
    return [metric for metric in day.metrics if not metric.slice and metric.value == metric.value]
