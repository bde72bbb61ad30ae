"""A policy tried on the past before it is switched on: when it would have trained, and how far versions would have lagged behind."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from components.decisions.sizes import PartitionSizes
from components.errors import SourceError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model
from components.policy.ageing import ageing_key
from components.policy.decide import decide
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import AgeingFact, AlarmFact, Facts, RunFact, SourceFact, TrainedFact
from components.snapshot.window import resolve_window

MOST_DAYS = 3_660


@dataclass(frozen=True)
class PastAlarm:
    """An alarm, and the days on which it was open."""

    alarm: AlarmFact
    opened: date
    closed: date | None
    """None if it is open still."""


@dataclass(frozen=True)
class ReplayedTraining:
    """A training that there would have been."""

    at: datetime
    through: date
    span: date
    """The last span that it would have learned from."""
    reason: str


@dataclass(frozen=True)
class Replay:
    """What a policy would have done."""

    days: int
    trainings: tuple[ReplayedTraining, ...]
    new_spans: int
    """How often the labels of another span became known: what training for each would have cost."""
    waited_hours: Mapping[str, int]
    """The looks at which there was a reason to train that had to wait, by rule."""
    spans: Mapping[date, date]
    """The last span with known labels, on each day from the first training on."""
    lags: Sequence[int]
    """For each day, how many days the last span of the version was behind the last span with known labels."""


KnownAgeing = Callable[[Sequence[ReplayedTraining], date], AgeingFact | None]
"""How fast versions age, as far as it was measured by a day, after some trainings."""


@dataclass
class _Past:
    """What has happened so far."""

    trained: TrainedFact | None = None
    labelled: date = date.min
    """The last partition of the last training."""
    runs: list[RunFact] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    trainings: list[ReplayedTraining] = field(default_factory=list)

    def train(self, now: datetime, source: SourceFact, decision: Decision, seconds: float) -> None:
        """Make a version."""
        self.trainings.append(ReplayedTraining(now, source.through, source.span, decision.reason))
        self.trained = TrainedFact(len(self.trainings), source.span)
        self.labelled = source.labelled_through
        self.runs.insert(0, RunFact(f"run {len(self.trainings)}", now, seconds, is_running=False, failed=False))
        self.answered |= {ageing_key(len(self.trainings)), *(one.key for one in decision.because)}


def replay(
    policy: ContinuousSection,
    model: Model,
    sizes: PartitionSizes,
    *,
    days: tuple[date, date],
    alarms: Sequence[PastAlarm] = (),
    seconds: float = 0.0,
    known: KnownAgeing = lambda *_: None,
) -> Replay:
    """Look every hour from one day to another, as if each partition had been there from its day on, and every training gave a version.

    Args:
        policy: which is tried.
        model: tells how windows lie.
        sizes: the partitions of its source.
        days: the first and the last one.
        alarms: that were raised then.
        seconds: how long a training takes.
        known: how fast versions age.

    Raises:
        SourceError: there is no such day, or there are too many.
    """
    past, waited, lags, spans = _Past(), Counter[str](), list[int](), dict[date, date]()
    for day in (every_day := _days(sizes, *days)):
        source = _source(policy, model, sizes, day)
        ageing = known(past.trainings, day) if policy.training_cost else None
        open_now = tuple(one.alarm for one in alarms if one.opened <= day and (one.closed is None or day < one.closed))
        for hour in range(24):
            facts = replace(_facts(model, past, sizes, source, now=datetime.combine(day, time(hour), UTC), alarms=open_now), ageing=ageing)
            decision = decide(policy, facts)
            if decision.verdict is PolicyVerdict.TRAIN and facts.source is not None:
                past.train(facts.now, facts.source, decision, seconds)
            elif decision.because:
                waited[decision.rule] += 1
        if source is not None and past.trained is not None:
            spans[day] = source.span
            lags.append((source.span - past.trained.span).days)
    return Replay(len(every_day), tuple(past.trainings), len(set(spans.values())), dict(waited), spans, lags)


def _days(sizes: PartitionSizes, first: date, last: date) -> list[date]:
    count = (last - first).days + 1
    if not 0 < count <= MOST_DAYS or first < sizes.history.first or last > sizes.history.last:
        have = f"the source has {sizes.history.first} to {sizes.history.last}"
        raise SourceError(f"from {first} to {last} are {max(count, 0):,} days: choose 1 to {MOST_DAYS:,} of which {have}")
    return [first + timedelta(days=number) for number in range(count)]


def _source(policy: ContinuousSection, model: Model, sizes: PartitionSizes, day: date) -> SourceFact | None:
    """The source on a day, whose own partition is there and may grow; None if there was nothing to train on yet."""
    through = day - timedelta(days=policy.settle_days)
    try:
        window = resolve_window(model, through, first=sizes.history.first, last=day)
    except SourceError:
        return None
    return SourceFact(day, through, window.spans[-1], window.last_partition, new_rows=0)


def _facts(
    model: Model, past: _Past, sizes: PartitionSizes, source: SourceFact | None, *, now: datetime, alarms: tuple[AlarmFact, ...]
) -> Facts:
    if source is not None:
        rows = sizes.rows_between(past.labelled, source.labelled_through)
        source = SourceFact(source.newest, source.through, source.span, source.labelled_through, rows)
    runs = tuple(
        RunFact(run.run_id, run.started_at, run.seconds, is_running=now < run.started_at + timedelta(seconds=run.seconds), failed=False)
        for run in past.runs[:200]
    )
    return Facts(
        model=model.name,
        now=now,
        source=source,
        source_error="there are too few partitions",
        trained=past.trained,
        runs=runs,
        alarms=alarms,
        answered=frozenset(past.answered),
    )
