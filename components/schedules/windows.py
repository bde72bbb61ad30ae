"""The windows of a schedule: which are due by what the data say, without a clock."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta


@dataclass(frozen=True)
class ScheduledWindows:
    """The windows that a schedule trains, each named by its last partition."""

    schedule: str
    """The schedule's name."""
    first: date
    every_days: int
    lag_days: int
    """A window is due when the source has a partition that many days after its last one: 1 waits until the last is complete."""
    catch_up: bool
    """Whether windows that were missed are trained, the oldest first. If not, only the newest is."""

    def to_json(self) -> str:
        """As a parameter of the pipeline."""
        return json.dumps(asdict(self) | {"first": self.first.isoformat()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ScheduledWindows":
        """What `to_json` wrote."""
        windows = cls(**json.loads(text))
        return replace(windows, first=date.fromisoformat(str(windows.first)))

    def due(self, newest_partition: date) -> list[date]:
        """The windows that are due, in order of date."""
        count = ((newest_partition - timedelta(days=self.lag_days)) - self.first).days // self.every_days + 1
        return [self.first + timedelta(days=self.every_days * place) for place in range(max(count, 0))]

    def wanted(self, newest_partition: date) -> list[date]:
        """Those of the windows that are due which the schedule is to have trained, in order of date."""
        due = self.due(newest_partition)
        return due if self.catch_up else due[-1:]

    def next_open(self, newest_partition: date, taken: Collection[date]) -> date | None:
        """The window to train now, given those that are trained or being trained; None if there is none."""
        return next((window for window in self.wanted(newest_partition) if window not in taken), None)
