"""When a cron expression of six fields is due: second, minute, hour, day of the month, month, day of the week, as robfig/cron reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
NAMES = (
    *({},) * 4,
    {name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)},
    {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])},
)
DAYS_AHEAD = 5 * 366


@dataclass(frozen=True)
class Cron:
    """A parsed expression."""

    fields: tuple[frozenset[int], ...]
    any_day: tuple[bool, bool]
    """Whether the days of the month, and of the week, are all: then only the other counts; else either is enough."""

    def next(self, after: datetime) -> datetime:
        """The first due moment after another, to the second.

        Raises:
            ValueError: there is none within five years.
        """
        day = after.replace(hour=0, minute=0, second=0, microsecond=0)
        for ahead in range(DAYS_AHEAD):
            for moment in self._moments(day + timedelta(days=ahead)):
                if moment > after:
                    return moment
        raise ValueError("it is never due")

    def _moments(self, day: datetime) -> Iterator[datetime]:
        seconds, minutes, hours, _, months, _ = self.fields
        if day.month not in months or not self._is_day(day):
            return
        for hour in sorted(hours):
            for minute in sorted(minutes):
                for second in sorted(seconds):
                    yield day.replace(hour=hour, minute=minute, second=second)

    def _is_day(self, day: datetime) -> bool:
        of_month, of_week = day.day in self.fields[3], (day.weekday() + 1) % 7 in self.fields[5]
        return (of_month and of_week) if any(self.any_day) else (of_month or of_week)


def parse_cron(text: str) -> Cron:
    """Parse it.

    Raises:
        ValueError: it is no expression of six fields.
    """
    words = text.split()
    if len(words) != len(RANGES):
        raise ValueError(f"Expected 6 fields, found {len(words)}: {text}")
    fields = tuple(
        frozenset(number for part in word.lower().split(",") for number in _part(part, low, high, names))
        for word, (low, high), names in zip(words, RANGES, NAMES, strict=True)
    )
    return Cron(fields, (words[3] in "*?", words[5] in "*?"))


def _part(text: str, low: int, high: int, names: dict[str, int]) -> range:
    span, _, step = text.partition("/")
    if span in ("*", "?"):
        first, last = low, high
    else:
        begin, dash, end = span.partition("-")
        first = names.get(begin) if begin in names else int(begin)  # type: ignore[assignment]
        last = (names.get(end) if end in names else int(end)) if dash else (high if step else first)  # type: ignore[assignment]
    if not low <= first <= last <= high:
        raise ValueError(f"{text} is not between {low} and {high}")
    return range(first, last + 1, int(step or 1))
