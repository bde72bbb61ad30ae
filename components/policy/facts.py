"""What a policy decides by. Nothing here asks a clock, a file or a service: whoever gathers the facts names every one."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum


class Cause(StrEnum):
    """Why a model went bad, as far as the data tell, which decides what helps."""

    BROKEN_SOURCE = "broken_source"
    """A column of the source is not what it was by a fault: mend it before anything is trained, which would learn the fault."""
    CHANGED_WORLD = "changed_world"
    """Nothing broke, and what the source says of labels has changed: train on newer data."""
    COVERAGE = "coverage"
    """The version was never trained on such rows, of some hours, weekdays or segments: train on data that have them."""
    BAD_VERSION = "bad_version"
    """The version is worse than the one before on the same rows: roll back."""
    SERVING_FAULT = "serving_fault"
    """The service, not the model, is at fault, as where a feature is computed otherwise than in training: mend the caller."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class AlarmFact:
    """An open alarm."""

    alarm_id: str
    cause: Cause
    sentence: str
    """What it says, in one sentence without a full stop."""
    column: str = ""
    """The column of the source that is broken; empty if it is none."""
    since: date | None = None
    """The first day on which it shows."""
    target: str | None = None
    """Where the version is live that it is about; None if it is about no target."""
    version: int | None = None
    """The version that it is about; None if it is about no version."""
    seen: date | None = None
    """The last day that was looked at of what it is about."""


@dataclass(frozen=True)
class SourceFact:
    """The source table as it is now."""

    newest: date
    """The last partition."""
    through: date
    """The last partition that does not grow any more: what a training would be given."""
    span: date
    """The last span whose labels are known by then."""
    labelled_through: date
    """The last partition that labels of that span read."""
    new_rows: int
    """The rows of partitions that the last training did not have, up to `labelled_through`."""
    rewritten: tuple[date, ...] = ()
    """Partitions whose rows are others than those that the last version was trained on."""
    rewritten_id: str = ""
    """What tells this rewriting from the next one."""
    written_at: datetime | None = None
    """When a partition of the window that a training would be given was written last; of those that a training had whose data or version
    a gate has refused since."""


@dataclass(frozen=True)
class TrainedFact:
    """The newest version that passed both gates and that nobody retired; the newest of all, where there is none."""

    version: int
    span: date
    """The last span of its window."""


USUAL_PACE = 0.003 / 30
"""What a version is taken to lose a day where nobody has measured it: about what the flights of the examples lose."""
TRUSTED_AGES = 2
"""Up to so many times the oldest age that was measured, a version is taken to lose no more than at that age."""


@dataclass(frozen=True)
class AgeingFact:
    """How fast versions age, as far as it was measured."""

    ages: tuple[int, ...]
    """In days, rising."""
    losses: tuple[float, ...]
    """What a version of each age loses against the youngest one, which never falls; of an error, as a share of it."""

    def loss(self, age_days: int) -> float:
        """What a version of an age loses: nothing up to the youngest one that was measured; no more than the oldest one up to twice its
        age, beyond which nobody knows, and it is taken to lose as versions usually do.
        """
        beyond = max(age_days - TRUSTED_AGES * self.ages[-1], 0) * USUAL_PACE
        return self._known_loss(age_days) + beyond

    def _known_loss(self, age_days: int) -> float:
        place = bisect_right(self.ages, age_days)
        if place in (0, len(self.ages)):
            return self.losses[max(place - 1, 0)]
        (left, right), (low, high) = self.ages[place - 1 : place + 1], self.losses[place - 1 : place + 1]
        return low + (high - low) * (age_days - left) / (right - left)

    def gain(self, young: int, days: int) -> float:
        """By how much less a version that is so young now loses in so many days than one which is so many days older, if that one
        loses no more from day to day than it does now.
        """
        return days * self.loss(young + days) - sum(self.loss(young + day) for day in range(days))


@dataclass(frozen=True)
class RunFact:
    """A training, whoever asked for it."""

    run_id: str
    started_at: datetime
    seconds: float
    """How long it took; until now, if it is under way."""
    is_running: bool
    failed: bool
    """Whether it failed or was cancelled: what a gate refused did not fail."""
    refused: bool = False
    """Whether a gate refused the data or the version."""
    bytes_read: int = 0
    """What it was to read of BigQuery at most; 0 if nobody asked, as for a person's."""
    through: date | None = None
    """The last partition that it was given; None if nobody knows."""


@dataclass(frozen=True)
class CodeFact:
    """The code that would be trained."""

    digest: str
    """Of those parts that the policy watches."""
    changed: tuple[str, ...] = ()
    """The parts that differ from those of the last version: `model`, `environment`, `components`."""
    version: int | None = None
    """That version: the newest one, whatever came of it."""


@dataclass(frozen=True)
class MeasurementFact:
    """A decision to measure how fast versions age."""

    key: str
    """Of its reason."""
    decided_at: datetime
    is_open: bool
    """Whether it is not at its end yet."""
    bytes_read: int = 0
    """What a training would have read of BigQuery when it was decided, which is counted for it."""
    begun: tuple[datetime, ...] = ()
    """Each time that it began, and may have read as much."""


@dataclass(frozen=True)
class RequestFact:
    """Somebody, or something outside, asks for a training."""

    source: str
    event_id: str
    sentence: str

    @property
    def key(self) -> str:
        """Of the reason that it is."""
        return f"request:{self.source}:{self.event_id}"


@dataclass(frozen=True)
class LiveFact:
    """What is live on a target."""

    target: str
    version: int
    since: datetime
    by_policy: bool
    """Whether it was deployed at once by the policy, and not by a person."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a decision about a model rests on. It is recorded with the decision."""

    model: str
    now: datetime
    """The registry's clock, with a time zone."""
    source: SourceFact | None
    """None if there is nothing to train on; `source_error` says why."""
    source_error: str = ""
    trained: TrainedFact | None = None
    ageing: AgeingFact | None = None
    """None if nobody has measured it, or nothing asks for it."""
    measured: tuple[MeasurementFact, ...] = ()
    """Those of the last two days, and those that are not at their end."""
    code: CodeFact = CodeFact("")
    runs: tuple[RunFact, ...] = ()
    """The newest first; at least those of the last two days."""
    alarms: tuple[AlarmFact, ...] = ()
    requests: tuple[RequestFact, ...] = ()
    """All that were ever made; `answered` says which were carried out."""
    live: tuple[LiveFact, ...] = ()
    answered: frozenset[str] = frozenset()
    """The keys of reasons for which a training was carried out, whatever came of it, or a rollback was refused."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """How many trainings for a reason failed, by its key."""
    training_bytes: int | None = None
    """What a training would read of BigQuery at most, by a dry run; None until one is asked for."""
    dry_run_error: str = ""
    """Why BigQuery refuses the dry run; empty if it does not."""
    crowded: str = ""
    """Why no training can begin where trainings run, such as too many others; empty if one can."""
    paused: str = ""
    """Why, and by whom, the model is paused; empty if it is not."""
    label_delay_days: int = 0
    """After so many days the label of a row is known."""
    rolling_out: str = ""
    """Which version goes live in steps now, and how far it is; empty if none does."""

    @property
    def refused(self) -> RunFact | None:
        """The last training that did not fail, if a gate refused it. A run of the future, before a clock was set back, is none."""
        last = next((run for run in self.runs if not run.failed and run.started_at <= self.now), None)
        return last if last is not None and last.refused else None

    def concerns(self, alarm: AlarmFact) -> bool:
        """Whether an alarm is about what is live, if it is about a version at all."""
        return alarm.version is None or not self.live or alarm.version in {one.version for one in self.live}

    def to_document(self) -> dict[str, object]:
        """The facts as they are recorded. What was answered long ago stays out."""
        document = asdict(replace(self, requests=tuple(one for one in self.requests if one.key not in self.answered)))
        del document["answered"]
        return document
