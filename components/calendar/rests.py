"""When a table rests: weekdays without partitions, holidays, weeks that it is closed."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import groupby

from components.model.checks_section import WEEKDAYS

LEAST_WEEKS = 3
RESTING_SHARE = 0.1
"""A weekday with partitions in at most this share of the weeks is one that the table rests on."""
IRREGULAR_SHARE = 0.3
"""A weekday without partitions in so many of the weeks, such as every second Sunday, is one that the table may rest on."""
RARE_SHARE = 0.2
"""In a first run a weekday may be closed that had a partition in no more of the weeks."""
LEAST_WEEK, MOST_WEEKS = 4, 3
"""So many open days make a week, and so many whole weeks may be holidays."""
YEARS_END = {(12, day) for day in range(24, 32)} | {(1, 1)}
"""Month and day of days on which many rest."""
HOLIDAY_SHARE = {True: 1 / 8, False: 1 / 20}
"""So many open days may be holidays of a table that rests on some weekdays, and of one that does not."""
LONGEST_HOLIDAY = {True: 2, False: 1}
"""Open days in a row that may be holidays of such tables: Good Friday and Easter Monday are, where Saturday and Sunday are not open."""
HOLIDAY_DAYS = 14
"""In a first run a day so long ago with few rows, or with many, only warns."""


def resting_weekdays(days: Sequence[date], present: Collection[date]) -> list[str]:
    """Weekdays on which the table hardly ever has a partition: those that it never had one on in the first half of the window."""
    counts = [[day in present for day in days if day.weekday() == weekday] for weekday in range(len(WEEKDAYS))]
    return [
        name
        for name, found in zip(WEEKDAYS, counts, strict=True)
        if len(found) >= LEAST_WEEKS and (_is_rest(found) or _is_open_once(found))
    ]


def _is_rest(found: Sequence[bool]) -> bool:
    return sum(found) <= RESTING_SHARE * len(found) and not any(found[: len(found) // 2 + 1])


def _is_open_once(found: Sequence[bool]) -> bool:
    """Whether a weekday had a partition in one week among many, neither the first nor the next: a shop that opens on a Sunday."""
    return sum(found) == 1 and len(found) >= LEAST_WEEKS + 2 and not any(found[:2])


def irregular_weekdays(days: Sequence[date], present: Collection[date]) -> list[str]:
    """Weekdays that have a partition in some weeks only, and had so from the beginning: every second Sunday."""
    return [name for weekday, name in enumerate(WEEKDAYS) if _is_irregular([day in present for day in days if day.weekday() == weekday])]


def _is_irregular(found: Sequence[bool]) -> bool:
    """Whether of the weeks of a weekday those without a partition come no more often, or in longer stretches, than they did at first."""
    first, then = found[: len(found) // 2], found[len(found) // 2 :]
    was, now = first.count(False), then.count(False)
    is_usual = any(first) and was and 1 <= now <= was + 1 and longest_gap(found) <= longest_gap(first) + 2
    return len(found) > LEAST_WEEKS + 1 and bool(is_usual) and was + now >= IRREGULAR_SHARE * len(found)


def longest_gap(found: Sequence[bool]) -> int:
    """The most places in a row that are empty."""
    return max((len([*group]) for is_there, group in groupby(found) if not is_there), default=0)


def is_rare(weekday: int, days: Sequence[date], present: Collection[date]) -> bool:
    """Whether a weekday had a partition in a few weeks of many and not only at first: a pharmacy on duty on some Sundays."""
    found = [day in present for day in days if day.weekday() == weekday]
    if len(found) <= LEAST_WEEKS + 1 or not 0 < sum(found) <= max(1, RARE_SHARE * len(found)):
        return False
    last = max(place for place, is_there in enumerate(found) if is_there)
    return not found[0] and (sum(found) == 1 or len(found) - last - 1 <= 2 * longest_gap(found[:last]) + 1)


def has_rested(weekday: int, present: Collection[date]) -> bool:
    """Whether a weekday has partitions in next to no week of those days."""
    first, last = min(present), max(present)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    found = [day in present for day in days if day.weekday() == weekday]
    return len(found) > LEAST_WEEKS and sum(found) <= RARE_SHARE * len(found)


def weeks_of_rest(open_days: Sequence[date], missing: Collection[date], last: date) -> set[date]:
    """Missing days that make up whole weeks, some time ago, such as the holidays of a school."""
    weeks: dict[tuple[int, int], list[date]] = {}
    for day in open_days:
        weeks.setdefault(day.isocalendar()[:2], []).append(day)
    gone = [week for week in weeks.values() if len(week) >= LEAST_WEEK and all(day in missing for day in week)]
    return {day for week in gone for day in week if (last - day).days >= HOLIDAY_DAYS} if len(gone) <= MOST_WEEKS else set()


def may_be_holidays(missing: Sequence[date], open_days: Sequence[date], *, has_rests: bool) -> bool:
    """Whether the missing days may be holidays that nobody has named yet: few, and apart from each other."""
    lone = [day for day in missing if (day.month, day.day) not in YEARS_END]
    in_a_row = longest_gap([day not in lone for day in open_days])
    are_few = len(lone) <= 1 + HOLIDAY_SHARE[has_rests] * len(open_days)
    return are_few and in_a_row <= LONGEST_HOLIDAY[has_rests]
