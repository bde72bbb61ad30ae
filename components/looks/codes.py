"""Codes whose numbers count on: of the next month, year, version or shop."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from components.looks.earlier_days import RECURRENCE_FACTOR, Observation
from components.profiles.codes import family, is_version, numbers
from components.profiles.profile import ColumnProfile

NEXT_SHARE = 0.25
"""New codes that take no known one's place have at most this share of the rows, or that of codes that came before."""
RARE_FAMILY = 0.05
LONGER = 2
"""The next version is at most so many characters longer, 5.0.1 after 5.0; any other code by one, but not FY2024 after FY23."""


def are_next_codes(unseen: Mapping[str, int], observation: Observation, arrived: float = 0.0) -> bool:
    """Whether new values are codes like those that are known but for their numbers: of the next month, version or shop.

    Either each takes the place of the one before it, or they have no more rows than new ones may have.

    Args:
        unseen: the new values, with their rows.
        observation: the column on the day, or on a day before those that are known.
        arrived: the largest share that new values had on a day.
    """
    now, before = observation.now, observation.before or observation.now
    families = Counter[str]()
    for value, rows in before.values.items():
        families[family(value)] += rows
    if not unseen or not all(name and families[name] > RARE_FAMILY * before.filled for name in {family(value) for value in unseen}):
        return False
    in_place = Counter[str]()
    for value, rows in unseen.items():
        in_place[_last(value, before, is_backward=observation.is_backward)] += rows
    usual = {code: before.values.get(code, 0) / before.filled for code in in_place}
    others = sum(rows for code, rows in in_place.items() if rows > RECURRENCE_FACTOR * usual[code] * now.filled)
    return others <= max(NEXT_SHARE, arrived) * now.filled


def _last(code: str, before: ColumnProfile, *, is_backward: bool) -> str:
    """The known code that comes before it; in time that runs backward, the one after it."""
    known = [*_neighbours(code, 1 if is_backward else -1), _nearest(code, before.values, is_backward=is_backward)]
    return max(known, key=lambda last: before.values.get(last, 0))


def _neighbours(code: str, step: int) -> Iterable[str]:
    """The codes with one number that is lower, or higher, by one."""
    for found in re.finditer(r"\d+", code):
        other, width = int(found[0]) + step, len(found[0])
        if other >= 0:
            yield from (f"{code[: found.start()]}{text}{code[found.end() :]}" for text in {f"{other}", f"{other:0{width}}"})


def _nearest(code: str, known: Iterable[str], *, is_backward: bool) -> str:
    """The known code of the family that comes just before it, or after it; of plain numbers none, since they may be anything."""
    if code.isdigit():
        return ""
    name, own = family(code), numbers(code)
    near = [other for other in known if family(other) == name and abs(len(other) - len(code)) <= (LONGER if is_version(code) else 1)]
    same = [other for other in near if (numbers(other) > own if is_backward else numbers(other) < own)]
    return (min if is_backward else max)(same, key=numbers, default="")


def counts_on(observation: Observation) -> bool:
    """Whether the commonest value is the code that comes next after the one that was commonest before."""
    now, before = observation.now, observation.before
    if before is None or not now.values or not before.values:
        return False
    was, is_now = next(iter(before.values)), next(iter(now.values))
    if is_now.isdigit() or family(is_now) != family(was) or not family(was):
        return False
    first, then = (is_now, was) if observation.is_backward else (was, is_now)
    known = [numbers(value) for value in {*now.values, *before.values} if family(value) == family(was)]
    return numbers(first) < numbers(then) and not any(numbers(first) < place < numbers(then) for place in known)
