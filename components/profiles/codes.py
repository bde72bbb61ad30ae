"""Codes: texts that differ in their numbers, by which they are in order."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from components.profiles.profile import ColumnProfile

VERSION = re.compile(r"\d+(\.\d+)+")
COMMON_FAMILY = 0.1
"""The share of a column's rows from which a family of codes is looked at."""
LEAST_STEPS = 0.9
FOR_NONE = frozenset(("", "na", "nan", "nil", "none", "null", "undef", "undefined", "unknown", "missing", "err", "error"))
"""Letters and digits of values that stand for none: N/A, #N/A, -, ?, null!"""


def family(code: str) -> str:
    """A code without its numbers; empty if it has none. All versions are of one family, 5.0 and 5.0.1."""
    return re.sub(r"9(\.9)+", "9.9", re.sub(r"\d+", "9", code)) if re.search(r"\d", code) else ""


def numbers(code: str) -> tuple[int, ...]:
    """The numbers of a code, by which codes of a family are in order."""
    return tuple(map(int, re.findall(r"\d+", code)))


def is_version(text: str) -> bool:
    """Whether a text is numbers with points between them, such as 5.0.1."""
    return VERSION.fullmatch(text) is not None


def count_on(days: Iterable[ColumnProfile]) -> bool:
    """Whether a column's codes go up from day to day, such as those of weeks, years and versions: plain numbers may be anything.

    The commonest code of each family does so on nearly all days, and ends higher than it began.
    """
    modes: dict[str, list[tuple[int, ...]]] = {}
    rows: Counter[str] = Counter()
    for day in days:
        for name, code in _modes(day.values).items():
            modes.setdefault(name, []).append(numbers(code))
        for value, number in day.values.items():
            rows[family(value)] += number
    common = [name for name, number in rows.items() if number >= COMMON_FAMILY * rows.total()]
    return bool(common) and all(name.strip("9") and _goes_up(modes[name]) for name in common if name or common == [name])


def _modes(values: Mapping[str, int]) -> dict[str, str]:
    """The commonest code of each family."""
    found: dict[str, str] = {}
    for value in sorted(values, key=lambda value: -values[value]):
        found.setdefault(family(value), value)
    return found


def _goes_up(places: list[tuple[int, ...]]) -> bool:
    steps = [after >= before for before, after in pairwise(places)]
    return bool(steps) and sum(steps) >= LEAST_STEPS * len(steps) and places[-1] > places[0]


def stands_for_none(value: str) -> bool:
    """Whether a text says that there is no value."""
    return re.sub(r"[\W_]+", "", value.casefold()) in FOR_NONE


def spelling(value: str) -> str:
    """A text without what tells two spellings of a value apart: capitals, and blanks around it."""
    return value.strip().casefold()
