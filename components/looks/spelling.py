"""Texts that lost a part of themselves: the zeros that codes begin with, or all that is beyond a length."""

from collections.abc import Callable, Mapping

from components.looks.data_check import DataCheck
from components.looks.deviation import LEAST_ROWS, Deviation, quoted
from components.looks.earlier_days import Observation
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
