"""What monitoring, and the rows that were served, know of a version that goes live in steps, as facts for the policy."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from components.canonical import fingerprint
from components.challenger.verdict import ServedRange, compare_served, verdict_sentence
from components.cloud import Cloud
from components.database.statements import execute, storable
from components.decisions.alarms import LIVE, read_role_alarms
from components.deployment.rollouts import BY_POLICY, Rollout, aside
from components.errors import RegistryError, SourceError
from components.evaluation.metric import Metric
from components.model.folder import Model
from components.monitoring.record import LiveDay, read_live_days
from components.policy.rollout import ChallengerVerdict, MeasuredRole, RolloutFacts, ServedFact
from components.registry.deployments import Event, last_event
from components.registry.history import read_version

NO_ROWS = "no such rows"
"""The verdict that there is none, since no row of both versions has a label."""


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


def read_served_fact(cloud: Cloud, model: Model, rollout: Rollout, live: int) -> ServedFact | None:
    """What the rows say that were served since the step began; None if none of both versions has a label.

    The log is asked once for what monitoring has measured: a watcher looks every few minutes, and monitoring once a day.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    with cloud.engine.connect() as connection:
        days = read_live_days(connection, model.name, rollout.target, since=rollout.since.date(), with_metrics=False)
        roles = {(rollout.version, str(rollout.step.stage)), (live, LIVE)}
        own = [day for day in days if (day.served.version, str(day.served.role)) in roles]
        key = {"decision_id": rollout.decision_id, "target": rollout.target, "measured": _measurements(own, rollout, live)}
        kept = execute(connection, "rollouts.verdict", **key).first()
    if not own:
        return None
    if kept is None:
        verdict, sentence = _ask_log(cloud, model, rollout, live, own)
        with cloud.engine.begin() as connection:
            execute(connection, "rollouts.insert_verdict", **key, verdict=verdict, sentence=storable(sentence))
    else:
        verdict, sentence = kept.verdict, kept.sentence
    return None if verdict == NO_ROWS else ServedFact(ChallengerVerdict(verdict), sentence)


def _measurements(days: Sequence[LiveDay], rollout: Rollout, live: int) -> str:
    found = sorted([f"{day.served.day}", day.served.version, str(day.served.role), str(day.state), day.fingerprint] for day in days)
    return fingerprint([rollout.version, str(rollout.step.stage), live, found])


def _ask_log(cloud: Cloud, model: Model, rollout: Rollout, live: int, days: Sequence[LiveDay]) -> tuple[str, str]:
    with cloud.engine.connect() as connection:
        before, after = (read_version(connection, model.name, number) for number in (live, rollout.version))
    first, last = rollout.since.date(), max(day.served.day for day in days)
    through, ripe = max(datetime.now(UTC).date(), last), first + timedelta(days=model.rows.label_delay_days)
    if ripe > through:
        return ChallengerVerdict.UNKNOWN, f"the labels of the first day that version {rollout.version} was asked are due on {ripe}"
    asked = ServedRange(target=rollout.target, first=first, last=last, through=through)
    try:
        found = compare_served(cloud, model, before, after, asked)
    except (SourceError, RegistryError) as error:
        return NO_ROWS, str(error)
    judged, apart = found.judgement, "" if found.is_paired else ", each on keys of its own"
    return judged.verdict, f"{verdict_sentence(live, rollout.version, judged)} ({judged.keys:,} keys were served since {first}{apart})"


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
