"""Values that lost a part of themselves: the zeros that codes begin with, the end of a text, a sign, or all that is not zero."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter

import numpy as np

from components.looks.data_check import DataCheck
from components.looks.dead import chance_of_whole, is_constant, is_of_the_day
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, quoted
from components.looks.drift import counts_up
from components.looks.earlier_days import Observation
from components.looks.usual import Daily, chance_of_all, odds
from components.looks.values import comes_down
from components.model.checks_section import ChecksSection
from components.profiles.profile import ColumnProfile, bucket_keys
from components.wording import count, percent

LEAST_DAYS = 7
"""Partitions before that it takes to know what all of them have."""
PREFIXES = 0.5
"""So many of the longest texts of a day must be the beginning of longer ones of before."""
LEAST_SHARE = 0.05
"""Rarer texts of a kind may be missing by chance."""


def lost_zeros(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A column of codes, some of which always began with a zero, has none of these any more."""
    return _lost(observation, _begins_with_zero, "begins with a zero", "look for a step that read codes as numbers")


def cut_short(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A column of texts has none any more that is longer than the longest of today, where every day had many."""
    longest, before = observation.now.longest, observation.before
    ends = {text for text in observation.now.values if len(text) == longest}
    known = {text[:longest] for text in before.values if len(text) > longest} if before is not None else set()
    if not ends or len(ends & known) < PREFIXES * len(ends):  # other texts, which are shorter
        return None
    remedy = "look for a column of a fixed length that the texts were written to"
    return _lost(observation, lambda text: len(text) > longest, f"is longer than {count(longest)} characters", remedy)


def _begins_with_zero(text: str) -> bool:
    return len(text) > 1 and text[0] == "0" and text.isdigit()


def _lost(observation: Observation, is_of_kind: Callable[[str], bool], what: str, remedy: str) -> Deviation | None:
    """A deviation if texts of a kind are missing that all days before had. What is counted are the common values."""
    now, before = observation.now, observation.before
    if before is None or not now.values or now.filled < LEAST_ROWS or len(observation.earlier) < LEAST_DAYS:
        return None
    if any(map(is_of_kind, now.values)):
        return None
    shares = [_share(column, is_of_kind) for column in observation.earlier if column.values]
    least = min(shares, default=0.0)
    alike = max(now.design_effect, before.design_effect)
    if least < LEAST_SHARE:
        return None
    share = _share(before, is_of_kind)
    example = next(text for text in before.values if is_of_kind(text))
    return Deviation(
        check=DataCheck.UNSEEN,
        measure=share,
        threshold=0.0,
        rows=round(share * now.filled),
        what=f"has no value any more that {what}",
        remedy=remedy,
        before=f"{percent(share)} of the common ones were such, as {quoted(example)},",
        chance=(1 - least) ** (sum(now.values.values()) / alike),
    )


def _share(column: ColumnProfile, is_of_kind: Callable[[str], bool]) -> float:
    """The share of a kind among the rows with values that are counted."""
    counted: Mapping[str, int] = column.values
    return sum(rows for text, rows in counted.items() if is_of_kind(text)) / max(sum(counted.values()), 1)


SMALL = (2, 20)
"""Whole numbers in this range have a bucket each, and most others have not."""
WHOLE_KEYS = bucket_keys(np.arange(SMALL[0], SMALL[1] + 1.0))
SMALL_SHARE, MOST_WHOLE = 0.2, 0.7
LEAST_DECIMALS = 12
"""Fewer different numbers may be versions, of which 5.0 has none either."""
RISE = 0.05
"""A share of numbers below zero, or of zeros, must be larger by this much."""
NONE_DAYS = 0.1
"""On more of the days before none was below zero: it is nothing new."""
LASTING = 2
"""Returns may all come on one day."""


@dataclass(frozen=True)
class _None:
    """That nothing of a kind is in a column on this day and those just before it, where nearly every day had some."""

    before: int
    """On so many days before."""
    share: float
    """That it had."""
    chance: float


def _none_left(observation: Observation, of_kind: Callable[[ColumnProfile], int], of: Callable[[ColumnProfile], int]) -> _None | None:
    now, before = observation.now, observation.before
    if before is None or of_kind(now) or of(now) < LEAST_ROWS or not of_kind(before):
        return None
    days = [column for column in observation.earlier if of(column) >= LEAST_ROWS]
    none = len([*takewhile(lambda column: not of_kind(column), reversed(days))])
    known = days[: len(days) - none]
    if len(known) < LEAST_DAYS or sum(not of_kind(column) for column in known) > NONE_DAYS * len(known):
        return None
    alike = max(now.design_effect, before.design_effect)
    share = sum(map(of_kind, known)) / sum(map(of, known))
    shares = np.array([1 - of_kind(column) / of(column) for column in known])
    sizes = np.array([of(column) / alike for column in known])
    missed = sum(map(of, days[len(days) - none :])) + of(now)
    return _None(none, share, chance_of_all(shares, sizes, 1 - share, missed / alike))


def lost_sign(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """No number is below zero, as returns are, on this day and those just before it, where nearly every day had some."""
    now = observation.now
    left = None if now.values else _none_left(observation, _below, attrgetter("numbers"))
    if left is None or counts_up(observation):
        return None
    return Deviation(
        check=DataCheck.RANGE,
        measure=1.0,
        threshold=0.0,
        rows=round(left.share * now.numbers),
        what=f"is below zero in none of {count(now.numbers)} values{_before(left, 'nor in')}",
        remedy="look for a sign that was lost, or for rows, such as returns, that were left out",
        before=f"so in {percent(left.share)} of values",
        chance=left.chance,
        lasting=LASTING,
    )


def never_filled(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A column that is NULL in most rows is NULL in all, on this day and those just before it."""
    now, left = observation.now, _none_left(observation, attrgetter("filled"), attrgetter("rows"))
    if left is None:
        return None
    return Deviation(
        check=DataCheck.NULLS,
        measure=1.0,
        threshold=0.0,
        rows=round(left.share * now.rows),
        what=f"is NULL in all {count(now.rows)} rows{_before(left, 'and of')}",
        remedy="look for a join or an export that lost it",
        before=f"not so in {percent(left.share)} of rows",
        chance=left.chance,
    )


def _before(left: _None, word: str) -> str:
    return f", {word} the {left.before} partitions before" if left.before else ""


def lost_decimals(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Numbers with decimals are all whole numbers."""
    now, before = observation.now, observation.before
    if before is None or before.type == "INTEGER" or now.numbers < LEAST_ROWS or is_of_the_day(observation):
        return None
    if len(before.keys) < LEAST_DECIMALS or before.is_code:
        return None
    (whole, some), (was_whole, were) = _whole(now), _whole(before)
    clusters = some / now.design_effect
    if clusters < LEAST_ROWS or some < SMALL_SHARE * now.numbers or not were or whole < some or was_whole > MOST_WHOLE * were:
        return None
    return Deviation(
        check=DataCheck.RANGE,
        measure=1.0,
        threshold=MOST_WHOLE,
        rows=now.numbers,
        what=f"has no decimals any more, as far as {count(some)} numbers from {SMALL[0]} to {SMALL[1]} tell",
        remedy="look for a type that cuts off decimals",
        before=f"decimals in {percent(1 - was_whole / were)} of such numbers",
        chance=(was_whole / were) ** clusters,
    )


def _whole(column: ColumnProfile) -> tuple[int, int]:
    """How many small numbers are near a whole one, and how many there are."""
    size = np.abs(column.keys)
    small = (size >= WHOLE_KEYS[0]) & (size <= WHOLE_KEYS[-1])
    return int(column.counts[small & np.isin(size, WHOLE_KEYS)].sum()), int(column.counts[small].sum())


def more_below(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Far more numbers are below zero than on days before."""
    before = observation.before
    if before is None or 2 * _below(before) > before.numbers or comes_down(observation):
        return None
    return _more(observation, _below, "below zero", "look for a sign that changed")


def more_zeros(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Far more numbers are zero than on days before."""
    return _more(observation, _zeros, "zero", "look for a default that took the place of the real values")


def below_odds(observation: Observation) -> Daily | None:
    """The share of numbers below zero."""
    return _odds(observation, _below(observation.now))


def zero_odds(observation: Observation) -> Daily | None:
    """The share of zeros."""
    return _odds(observation, _zeros(observation.now))


def _odds(observation: Observation, rows: int) -> Daily | None:
    now = observation.now
    return odds(rows, now.numbers, now.design_effect) if now.numbers else None


def _below(column: ColumnProfile) -> int:
    return int(column.counts[column.keys < 0].sum())


def _zeros(column: ColumnProfile) -> int:
    return int(column.counts[column.keys == 0].sum())


def _more(observation: Observation, number_of: Callable[[ColumnProfile], int], what: str, remedy: str) -> Deviation | None:
    """Nothing of a column of one value, which `same_value` tells of where chance does not explain it."""
    now, before = observation.now, observation.before
    if before is None or now.numbers < LEAST_ROWS or not before.numbers or now.values or is_constant(now):
        return None
    rows, was, share = number_of(now), number_of(before) / before.numbers, number_of(now) / now.numbers
    if rows / now.design_effect < LEAST_WRONG_ROWS or share <= was + RISE:
        return None
    return Deviation(
        check=DataCheck.RANGE,
        measure=share,
        threshold=was + RISE,
        rows=rows,
        what=f"is {what} in {count(rows)} of {count(now.numbers)} values",
        remedy=remedy,
        before=f"so in {percent(was)} of values",
        lasting=LASTING,
        chance=chance_of_whole(observation, number_of, attrgetter("numbers"), was) if rows == now.numbers else 0.0,
    )
