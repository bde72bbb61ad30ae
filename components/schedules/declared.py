"""The schedules as they are declared in infra/schedules.toml.

They are no section of model.toml: a model's folder is the code of its versions, and another hour of the day is not another code.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, field_validator

from components.errors import SettingsError
from components.model.folder import ModelName
from components.model.sections import Section, Whole
from components.schedules.windows import ScheduledWindows
from components.validation import refusals

WATCHER = "perennial-watch"
"""The name of the watcher's recurring run, its pipeline and its experiment."""
CRON_FIELDS = (("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))


def _six_fields(text: str) -> str:
    """A cron expression that Kubeflow's controller reads: it takes one that it cannot read, and never fires."""
    words = text.split()
    if len(words) != len(CRON_FIELDS):
        raise ValueError(f"{text!r} has {len(words)} fields: write six: second minute hour day month weekday")
    for word, (name, low, high) in zip(words, CRON_FIELDS, strict=True):
        if not all(_is_part(part, low, high) for part in word.split(",")):
            raise ValueError(f"{text!r} has {word!r} for the {name}: write *, or numbers from {low} to {high} with , - and /")
    return " ".join(words)


def _is_part(part: str, low: int, high: int) -> bool:
    span, slash, step = part.partition("/")
    numbers = span.split("-")
    is_span = span == "*" or (len(numbers) <= 2 and all(n.isdigit() and low <= int(n) <= high for n in numbers))
    return is_span and (span == "*" or int(numbers[0]) <= int(numbers[-1])) and (not slash or (step.isdigit() and int(step) > 0))


class Schedule(Section):
    """A recurring run that is wanted."""

    model: ModelName
    cron: Annotated[str, AfterValidator(_six_fields)]
    """Six fields, in the cluster's time zone. It says when to look, not which window to train."""
    first: date
    """The last partition of the first window."""
    every_days: Whole = Field(default=1, gt=0, le=366)
    lag_days: Whole = Field(default=1, ge=0, le=366)
    catch_up: bool = True
    enabled: bool = True

    def windows(self, name: str) -> ScheduledWindows:
        """The windows, for the schedule of that name."""
        return ScheduledWindows(name, self.first, self.every_days, self.lag_days, self.catch_up)


class WatchSchedule(Section):
    """The recurring run that looks at all models which have a policy, as `perennial watch --once --on kubeflow` does."""

    cron: Annotated[str, AfterValidator(_six_fields)]
    enabled: bool = True


class DeclaredRuns(Section):
    """The recurring runs that are wanted."""

    schedules: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,49}$")], Schedule] = Field(default_factory=dict)
    watch: WatchSchedule | None = None

    @field_validator("schedules")
    @classmethod
    def _leaves_the_watcher_its_name(cls, schedules: dict[str, Schedule]) -> dict[str, Schedule]:
        if WATCHER in schedules:
            raise ValueError(f"{WATCHER} is the name of the watcher's recurring run: choose another")
        return schedules


def read_schedules(path: Path) -> DeclaredRuns:
    """What a file declares.

    Raises:
        SettingsError: the file is missing or not valid.
    """
    try:
        return DeclaredRuns.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): write it (docs/kubeflow.md, Schedules)") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {refusals(error)}; correct it (docs/kubeflow.md, Schedules)") from error
