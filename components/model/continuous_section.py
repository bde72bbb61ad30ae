"""The section [continuous] of model.toml: for which reasons a model is trained again without being asked, when, and where it then goes."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from components.model.sections import Section, Whole

TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Percent = Annotated[Whole, Field(gt=0, lt=100)]
TriggerName = Literal["new_partition", "schedule", "alarm", "code", "person"]
CodePart = Literal["model", "environment", "components"]


class DeployRule(StrEnum):
    """What becomes of a good version on a target."""

    AT_ONCE = "at once"
    AFTER_APPROVAL = "after approval"
    """`perennial approve` deploys it."""
    CANARY = "as a canary"
    """It answers a growing share of the keys beside the live version, and goes live if nothing is wrong with it."""
    SHADOW = "shadow first"
    """It is asked beside the live version, answers nobody, and goes live if it is not worse."""
    NEVER = "never"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"{name!r} is no time zone: write one of the tz database, such as Europe/Berlin") from error
    return name


def _without_zone(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError(f"{at.isoformat()} names a time zone: continuous.time_zone does")
    return at


LocalTime = Annotated[time, AfterValidator(_without_zone)]


class ScheduleRule(Section):
    """Trains every so many days, also if nothing else asks for it."""

    every_days: Whole = Field(default=7, gt=0, le=366)
    """From one training to the next."""
    at: LocalTime = time(5)
    """The time of day, such as "05:00", in `continuous.time_zone`. One that a clock change leaves out counts as an hour later."""
    first: date = date(2024, 1, 1)
    """A day on which it is due; unless told, a Monday."""


class ContinuousSection(Section):
    """When `perennial watch` trains the model, and what it then does with the version. Without this section it leaves the model alone."""

    triggers: tuple[TriggerName, ...] = Field(default=("new_partition", "alarm", "code", "person"), min_length=1)
    """What is a reason to train: a new span whose labels are known, or a partition that was rewritten after it was trained on;
    a day of `schedule`; an alarm that training mends; changed code; a person who asks (`perennial request`)."""
    schedule: ScheduleRule | None = None
    """When the trigger `schedule` is due."""
    code: tuple[CodePart, ...] = Field(default=("model", "environment"), min_length=1)
    """Whose changes are a reason to train: the model's folder (but for this section), the locked packages, Perennial's components."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """Of the times and days in this section."""
    settle_days: Whole = Field(default=1, ge=0, le=366)
    """The source's last so many partitions may still grow, and are not trained on."""
    least_new_rows: Whole = Field(default=0, ge=0)
    """New partitions and the schedule wait until the source has so many rows more with known labels than the last training had."""
    training_cost: float = Field(default=0.1, ge=0, le=1e9, allow_inf_nan=False)
    """A new span waits until a training is worth it by what `perennial staleness` has measured: 0.1 is a day on which a version is worse by
    0.1 of its metric (by a tenth of its error), or ten days by 0.01. Where nothing was measured, versions are taken to lose 0.003
    a month. 0 trains on every new span."""
    cooldown_hours: Whole = Field(default=6, ge=0, le=8_784)
    """From the start of one training to the next. A reason that comes earlier waits; it is not lost."""
    quiet_hours: tuple[LocalTime, LocalTime] | None = None
    """From when until when no training starts, such as ["08:00", "18:00"]; past midnight if the first is later."""
    runs_a_day: Whole = Field(default=4, gt=0, le=1_000)
    """Trainings of the model that may start a day, whoever starts them."""
    training_seconds_a_day: Whole | None = Field(default=None, gt=0)
    """No training starts that would, if it takes as long as the longest of the last three, exceed this sum of a day."""
    bytes_a_day: Whole | None = Field(default=None, gt=0)
    """No training or measurement starts that would, by a dry run of a training's queries, exceed this sum of bytes that BigQuery reads for
    both in a day."""
    training_hours: Whole = Field(default=24, gt=0, le=8_784)
    """A training that takes longer is ended and has failed. So has one of another machine that has not ended by then."""
    attempts: Whole = Field(default=3, gt=0, le=100)
    """How often a training that fails is tried for the same reason."""
    train_on_unknown: bool = False
    """Whether an alarm whose cause nobody knows is a reason to train."""
    deploy: dict[TargetName, DeployRule] = Field(default_factory=dict)
    """What becomes of a good version, by target: "at once", "as a canary", "shadow first", "after approval" or "never", which is also
    what holds for the other targets."""
    canary_shares: tuple[Percent, ...] = Field(default=(5, 25), min_length=1, max_length=20)
    """The percentages of the keys that a canary answers, step by step, before it goes live."""
    step_days: Whole = Field(default=1, gt=0, le=366)
    """So many days of a canary or shadow must be measured, and nothing wrong with them, before its next step."""
    probation_days: Whole = Field(default=7, ge=0, le=366)
    """A version that was deployed at once is rolled back if within so many days an alarm says that the version is bad. 0 turns it off."""

    @field_validator("triggers", "code")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"{list(names)} has a name twice: name each once")
        return names

    @field_validator("canary_shares")
    @classmethod
    def _rising(cls, shares: tuple[int, ...]) -> tuple[int, ...]:
        if list(shares) != sorted(set(shares)):
            raise ValueError(f"{list(shares)} do not rise: write each share once, the smallest first")
        return shares

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if ("schedule" in self.triggers) != (self.schedule is not None):
            lacks = "continuous.schedule is missing" if self.schedule is None else '"schedule" is not one of continuous.triggers'
            raise ValueError(f"{lacks}: a schedule needs both")
        if self.quiet_hours is not None and self.quiet_hours[0] == self.quiet_hours[1]:
            raise ValueError(f"continuous.quiet_hours begin and end at {self.quiet_hours[0]:%H:%M}: leave them out, or give two times")
        return self
