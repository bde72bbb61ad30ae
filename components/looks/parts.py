"""Values that lost a part of themselves: the zeros that codes begin with, the end of a text, a sign, or all that is not zero."""

from collections.abc import Callable, Mapping
from itertools import takewhile

import numpy as np

from components.looks.data_check import DataCheck
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, quoted
from components.looks.drift import counts_up
from components.looks.earlier_days import Observation
from components.looks.usual import Daily, chance_of_all, odds
from components.model.checks_section import ChecksSection
from components.profiles.profile import ColumnProfile
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


RISE = 0.05
"""A share of numbers below zero, or of zeros, must be larger by this much."""
NONE_DAYS = 0.1
"""On more of the days before none was below zero: it is nothing new."""
LASTING = 2
"""Returns may all come on one day."""


def lost_sign(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """No number is below zero, as returns are, on this day and those just before it, where nearly every day had some."""
    now, before = observation.now, observation.before
    if before is None or not before.low < 0 or _below(now):
        return None
    days = [column for column in observation.earlier if column.numbers >= LEAST_ROWS]
    none = len([*takewhile(lambda column: not _below(column), reversed(days))])
    known = days[: len(days) - none]
    if len(known) < LEAST_DAYS or now.numbers < LEAST_ROWS or counts_up(observation):
        return None
    if now.values or sum(not _below(column) for column in known) > NONE_DAYS * len(known):
        return None
    alike = max(now.design_effect, before.design_effect)
    share = sum(map(_below, known)) / sum(column.numbers for column in known)
    shares = np.array([1 - _below(column) / column.numbers for column in known])
    sizes = np.array([column.numbers / alike for column in known])
    missed = sum(column.numbers for column in days[len(days) - none :]) + now.numbers
    return Deviation(
        check=DataCheck.RANGE,
        measure=1.0,
        threshold=0.0,
        rows=round(share * now.numbers),
        what=f"is below zero in none of {count(now.numbers)} values{f', nor in the {none} partitions before' if none else ''}",
        remedy="look for a sign that was lost, or for rows, such as returns, that were left out",
        before=f"so in {percent(share)} of values",
        chance=chance_of_all(shares, sizes, 1 - share, missed / alike),
        lasting=LASTING,
    )


def more_below(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Far more numbers are below zero than on days before."""
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
    now, before = observation.now, observation.before
    if before is None or now.numbers < LEAST_ROWS or not before.numbers or now.values:
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
    )
