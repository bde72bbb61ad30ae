"""Raise, follow and close the alarms of a model by what its days came to."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from components.cloud import Cloud
from components.comparison.compare import DataComparison, Side
from components.comparison.sentences import leading
from components.diagnosis.around import days_around
from components.diagnosis.newest.source_changes import sharpen
from components.diagnosis.sides import Operand, recorded_operand
from components.diagnosis.versions import compare_operands, unlabelled
from components.errors import SourceError
from components.model.folder import Model
from components.monitoring.alarms import AlarmCause, all_alarms, record_standing
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.inputs import untrained_values
from components.monitoring.life import QUIET_DAYS, AlarmEvent, Troubles, Watched, close_replaced, next_events
from components.monitoring.own_model import read_own_model
from components.monitoring.record import LiveDay, read_live_days
from components.monitoring.served_rows import served_population
from components.monitoring.troubles import find_troubles
from components.policy.facts import Cause
from components.profiles.file import read_profiles
from components.profiles.profile import ProfileKey, Profiles, label_population
from components.profiles.source import cluster_column, profile_source
from components.registry.history import VersionStory, read_version
from components.runs.outcome import Step
from components.snapshot.describe import describe_days

JUDGED_DAYS = 60
"""So many days before the last one whose labels can be known tell what is usual."""
COMPARED_PARTITIONS = 28
"""Of the source, before the first day that is wrong: they tell since when a column is broken."""
SERVING_DAYS = 3
"""A version that has served nothing in the last so many days is no longer watched."""
LIVE, SHADOW = "live", "shadow"
SERVED_BEFORE = 14
"""So many measured days of earlier versions are held against those of the one that is wrong."""
Group = tuple[int, str]
"""Version and role."""


def judge_days(step: Step, target: str, through: str, profiles: Path) -> None:
    """Bring the alarms of a model on a target up to date.

    Args:
        step: the step.
        target: where the versions serve.
        through: the last day to look at.
        profiles: those of the days that this run measured.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    last, model = date.fromisoformat(through), step.model.name
    with step.cloud.engine.connect() as connection:
        since = last - timedelta(days=2 * JUDGED_DAYS + step.model.rows.label_delay_days)
        days = [day for day in read_live_days(connection, model, target, since=since) if day.served.day <= last]
        alarms = all_alarms(connection, model, target)
    groups = _serving(days, step.model.rows.label_delay_days)
    for (version, role), own in groups.items():
        with step.cloud.engine.connect() as connection:
            story = read_version(connection, model, version)
        bounds = read_own_model(step, version).model.evaluation.thresholds
        earlier = _days_before(days, version)
        watched = Watched(model=model, version=version, target=target, role=role)
        troubles, *before = (find_troubles(story.own_metrics, own[: len(own) - back], bounds, earlier) for back in range(QUIET_DAYS))
        lately = [trouble for found in before for trouble in found]
        events = next_events(watched, alarms, Troubles(now=troubles, lately=lately), own[-1].served.day)
        if any(event.needs_cause for event in events):
            served = _profiles_of(profiles, version, role)
            evidence = _evidence(step, story, own, [day for day in days if day.served.version < version and day.metrics], served)
        else:
            evidence = None
        _record(step, events, evidence)
    serving = {(target, version, role) for version, role in groups}
    _record(step, close_replaced(alarms, serving, days[-1].served.day if days else last), None)


def _days_before(days: Sequence[LiveDay], version: int) -> list[LiveDay]:
    """The days on which versions before this one were live, which tell how far days differ where nothing is wrong.

    A newer version may be what is wrong; and a canary has few rows, so that its days differ by chance.
    """
    return [day for day in days if day.served.version < version and day.served.role == LIVE]


def _serving(days: Sequence[LiveDay], label_delay_days: int) -> dict[Group, list[LiveDay]]:
    """The last days of each version and role that still answers somebody, the oldest first. A shadow raises no alarms.

    Whether it still does is told by the newest day of all, of whatever role.
    """
    if not days:
        return {}
    newest, judged = days[-1].served.day, timedelta(days=JUDGED_DAYS + label_delay_days)
    groups: dict[Group, list[LiveDay]] = {}
    for day in days:
        if day.served.role != SHADOW and day.served.day > newest - judged:
            groups.setdefault((day.served.version, day.served.role), []).append(day)
    return {group: own for group, own in groups.items() if own[-1].served.day > newest - timedelta(days=SERVING_DAYS)}


def _record(step: Step, events: Sequence[AlarmEvent], evidence: CauseEvidence | None) -> None:
    for event in events:
        cause = event.last.cause if event.last else AlarmCause(kind=Cause.UNKNOWN, slice={})
        if event.needs_cause and event.trouble is not None and evidence is not None:
            cause = find_cause(event.trouble, evidence)
        if event.only_asks_why and cause.kind is Cause.UNKNOWN:
            continue
        with step.cloud.engine.begin() as connection:
            record_standing(connection, event.subject, event.standing(cause), seq=event.seq, run_id=step.run_id)


def _profiles_of(path: Path, version: int, role: str) -> Profiles:
    """The profiles of what a version was given, as rows whose label is not known."""
    own = served_population(version, role)
    kept = read_profiles(path)
    return {ProfileKey(label_population(0), key.day, key.fingerprint): table for key, table in kept.items() if key.population == own}


def _evidence(step: Step, story: VersionStory, own: Sequence[LiveDay], before: Sequence[LiveDay], served: Profiles) -> CauseEvidence:
    """What the cause of what is wrong with a version is found by."""
    data: DataComparison | None = None
    since, unreadable = None, ""
    try:
        data, since = _compare(step.cloud, step.model, story, own[-1].served.day, served)
    except SourceError as error:
        unreadable = str(error)
    return CauseEvidence(
        untrained=untrained_values(own[-1].inputs),
        data=data,
        since=since,
        table=step.model.source.table,
        before=before[-SERVED_BEFORE:],
        own=own,
        history_days=step.model.source.history_days,
        unreadable=unreadable,
    )


def _compare(cloud: Cloud, model: Model, story: VersionStory, last: date, served: Profiles) -> tuple[DataComparison, date | None]:
    """Hold the source's newest partitions, and what was served, against what the version was trained on.

    Raises:
        SourceError: the source has no partition of these days, or is not as the model says.
    """
    before = recorded_operand(cloud, model, story.snapshot.snapshot_id, name=f"version {story.number}", document=story.snapshot.document)
    first = min(last - timedelta(days=COMPARED_PARTITIONS), min((key.day for key in served), default=last))
    snapshot, as_of = describe_days(cloud, model, first, last)
    source = profile_source(cloud, snapshot, before.side.source, cluster=cluster_column(model, snapshot), as_of=as_of)
    after = Operand(side=Side(name="what is served", source=source, rows=served), snapshot=snapshot)
    around = cache(lambda: days_around(cloud, model, (before, after)))
    whole = compare_operands(model, before, after, others=around)
    one, other = unlabelled(model, before.side, after.side)
    others = around() if leading(whole) else None
    return sharpen(whole, one, other, partition_field=snapshot.partition_field, ignored=model.checks.ignore, others=others)
