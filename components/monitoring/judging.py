"""Raise, follow and close the alarms of a model by what its days came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from pathlib import Path

from components.checks.findings import Finding
from components.comparison.compare import Side
from components.diagnosis.around import days_around
from components.diagnosis.newest_source import gate_findings
from components.diagnosis.own_model import read_own_model
from components.diagnosis.sides import Operand, profile_partitions, recorded_operand
from components.diagnosis.versions import compare_operands
from components.errors import SourceError
from components.evaluation.metric import Metric
from components.labels.log_query import LogQuery
from components.monitoring.alarms import Alarm, AlarmCause, AlarmState, all_alarms, record_standing
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.inputs import untrained_values
from components.monitoring.life import QUIET_DAYS, AlarmEvent, Troubles, Watched, belongs, close_replaced, next_events, open_identities
from components.monitoring.live_inputs.sifting import NewestFacts, alarming, lingering
from components.monitoring.live_metrics.past import EarlierVersion, Past
from components.monitoring.record import DayState, LiveDay, read_live_days
from components.monitoring.served_rows import served_population
from components.monitoring.troubles import beside_the_version_before, find_troubles
from components.policy.facts import Cause
from components.profiles.file import read_profiles
from components.profiles.profile import ProfileKey, Profiles, label_population
from components.profiles.record import ProfileKind, read_kept_profiles
from components.registry.history import VersionStory, read_version
from components.runs.outcome import Step
from components.snapshot.describe import describe_days
from components.succession.served_sample import Succession, read_shortfalls
from components.succession.shortfall import Shortfall

JUDGED_DAYS = 180
"""So many days before the last one whose labels can be known tell what is usual."""
COMPARED_PARTITIONS = 28
"""Of the source, before the first day that is wrong: they tell since when a column is broken."""
SERVING_DAYS = 3
"""A version that has served nothing in the last so many days is no longer watched."""
FIRST_DAYS = 28
"""In so many settled days of a version, its first ones, it is held against the version before it."""
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
        past = Past([EarlierVersion(_reference(step, number), of) for number, of in _days_before(days, version).items()])
        watched = Watched(model=model, version=version, target=target, role=role)
        shortfalls = _shortfalls(step, target, last, watched, own, days, alarms)
        troubles, *before = (
            beside_the_version_before(find_troubles(story.own_metrics, own[: len(own) - back], bounds, past), shortfall, own)
            for back, shortfall in enumerate(shortfalls)
        )
        lately = [trouble for found in before for trouble in found]
        earlier = [day for day in days if day.served.version < version and day.metrics]
        newest = _NewestData(step, story, own, earlier, _profiles_of(profiles, version, role), shortfalls[0])
        known = open_identities(watched, alarms)
        now, going_on = alarming(troubles, known, newest, own), lingering(known, newest, own)
        _record(step, next_events(watched, alarms, Troubles(now=now, lately=lately, going_on=going_on), own[-1].served.day), newest)
    serving = {(target, version, role) for version, role in groups}
    _record(step, close_replaced(alarms, serving, days[-1].served.day if days else last), None)


def _shortfalls(
    step: Step, target: str, last: date, watched: Watched, own: Sequence[LiveDay], days: Sequence[LiveDay], alarms: Sequence[Alarm]
) -> list[Shortfall | None]:
    """By how much a live version is worse than the one before it, at the ends of the last days; asked while it is new, or bad."""
    settled = [day.served.day for day in own if day.state is DayState.SETTLED and day.labelled]
    others = [day.served for day in days if day.served.role == LIVE and day.served.version != watched.version]
    before = [served for served in others if served.day <= own[0].served.day]
    is_bad = any(
        belongs(alarm, watched) and alarm.standing.state is not AlarmState.CLOSED and alarm.standing.cause.kind is Cause.BAD_VERSION
        for alarm in alarms
    )
    if watched.role != LIVE or not settled or not before or not (is_bad or len(settled) <= FIRST_DAYS):
        return [None] * QUIET_DAYS
    succession = Succession(watched.version, max(before).version)
    return read_shortfalls(LogQuery(step.cloud, step.model, target, last), succession, settled[-FIRST_DAYS:], QUIET_DAYS)


def _days_before(days: Sequence[LiveDay], version: int) -> dict[int, list[LiveDay]]:
    """The days on which versions before this one were live, which tell how far days differ where nothing is wrong.

    A newer version may be what is wrong; and a canary has few rows, so that its days differ by chance.
    """
    found: dict[int, list[LiveDay]] = {}
    for day in days:
        if day.served.version < version and day.served.role == LIVE:
            found.setdefault(day.served.version, []).append(day)
    return found


def _reference(step: Step, version: int) -> Sequence[Metric]:
    with step.cloud.engine.connect() as connection:
        return read_version(connection, step.model.name, version).own_metrics


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


def _record(step: Step, events: Sequence[AlarmEvent], newest: NewestFacts | None) -> None:
    for event in events:
        cause = event.last.cause if event.last else AlarmCause(kind=Cause.UNKNOWN, slice={})
        if event.needs_cause and event.trouble is not None and newest is not None:
            cause = find_cause(event.trouble, newest.evidence)
        if event.only_asks_why and cause.kind is Cause.UNKNOWN:
            continue
        with step.cloud.engine.begin() as connection:
            record_standing(connection, event.subject, event.standing(cause), seq=event.seq, run_id=step.run_id)


def _profiles_of(path: Path, version: int, role: str) -> Profiles:
    """The profiles of what a version was given, as rows whose label is not known."""
    own = served_population(version, role)
    kept = read_profiles(path)
    return {ProfileKey(label_population(0), key.day, key.fingerprint): table for key, table in kept.items() if key.population == own}


@dataclass
class _NewestData:
    """The newest data of the source and of the service beside what a version was trained on; each is read once it is asked for."""

    step: Step
    story: VersionStory
    own: Sequence[LiveDay]
    before: Sequence[LiveDay]
    served: Profiles
    """Of the days that this run measured."""
    shortfall: Shortfall | None

    @cached_property
    def _operands(self) -> tuple[Operand, Operand] | SourceError:
        """What the version was trained on, and what is there now; or why that cannot be read."""
        cloud, model, story, last = self.step.cloud, self.step.model, self.story, self.own[-1].served.day
        try:
            before = recorded_operand(
                cloud, model, story.snapshot.snapshot_id, name=f"version {story.number}", document=story.snapshot.document
            )
            first = min(last - timedelta(days=COMPARED_PARTITIONS), min((key.day for key in self.served), default=last))
            snapshot, as_of = describe_days(cloud, model, first, last)
            source = profile_partitions(cloud, model, snapshot, as_of=as_of, known=before.side.source)
        except SourceError as error:
            return error
        return before, Operand(side=Side(name="what is served", source=source, rows=self.served), snapshot=snapshot)

    @cached_property
    def findings(self) -> Sequence[Finding] | None:
        """What the gate finds in the source's newest partitions; None if they cannot be read.

        Nothing if what the version was trained on is not kept.
        """
        storage, bucket, snapshot_id = self.step.cloud.storage, self.step.settings.bucket, self.story.snapshot.snapshot_id
        kept = read_kept_profiles(storage, bucket, model=self.step.model.name, snapshot_id=snapshot_id, kind=ProfileKind.SOURCE)
        if not kept:
            return ()
        if isinstance(self._operands, SourceError):
            return None
        before, after = self._operands
        return gate_findings(self.step.model, before.side.source, after.side.source, self.own[-1].served.day)

    @property
    def is_measured(self) -> bool:
        """Whether this run has measured the last day."""
        return any(key.day == self.own[-1].served.day for key in self.served)

    @cached_property
    def evidence(self) -> CauseEvidence:
        """What the cause of what is wrong is found by."""
        data = None
        if not isinstance(self._operands, SourceError):
            around = partial(days_around, self.step.cloud, self.step.model, self._operands)
            data = compare_operands(self.step.model, *self._operands, others=around)
        return CauseEvidence(
            untrained=untrained_values(self.own[-1].inputs),
            data=data,
            table=self.step.model.source.table,
            before=self.before[-SERVED_BEFORE:],
            own=self.own,
            history_days=self.step.model.source.history_days,
            findings=self.findings or (),
            shortfall=self.shortfall,
            unreadable=str(self._operands) if isinstance(self._operands, SourceError) else "",
        )
