"""The values of a category: new ones, and ones that have vanished."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

import numpy as np

from components.looks.codes import are_next_codes
from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import EXPECTED_ROWS, LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, chance, listed, quoted
from components.looks.earlier_days import RECURRENCE_FACTOR, Observation
from components.looks.usual import chance_of_all, count_tail
from components.model.checks_section import ChecksSection
from components.profiles.codes import spelling, stands_for_none
from components.profiles.profile import KEPT_FORMS, ColumnProfile, bucket_middle
from components.profiles.profiling import LONGEST_FORM
from components.wording import count, number, percent

LEAST_NEW_COMMON = 0.01
LEAST_NEW_FORM = 0.005
RARE_FORM = 0.05
LEAST_PARTITIONS = 7
"""How many earlier partitions it takes to know which values are always there."""
LEAST_ARRIVALS = 2
"""So often new values must have come for a column to be one whose values come and go."""
NEXT_DAYS = timedelta(days=2)
LEAST_BEGINNING = 3
"""Characters from which a value may be another one that was cut off."""
LOST_DAYS = 3
"""A value that is missed for so many days in a row is gone."""
LEAST_DAILY = 0.01
"""Rarer values may be missing for once; of those that every day had, several may be gone together."""
FLAGS = tuple(map(frozenset, (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("0", "1"))))
"""The two values of columns that say yes or no."""
CATEGORY_BUCKETS = 50
"""A column of numbers with at most so many buckets is taken for a category: whole numbers up to here have a bucket each."""


def new_values(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A category has values that were never there before."""
    now, before = observation.now, observation.before
    if before is None or not before.values or not (before.is_category or before.is_code) or before.filled < 10 * LEAST_ROWS:
        return None
    unseen = {value: rows for value, rows in now.values.items() if value not in before.values and not observation.has_come(value)}
    rows = sum(unseen.values()) + now.others
    alike = max(now.design_effect, before.design_effect)
    usual = rows <= max(checks.unseen_share, RECURRENCE_FACTOR * _usual_share(observation)) * now.filled
    is_usual = (usual and _for_none(unseen) <= checks.unseen_share * now.filled) or _come_and_go(observation, unseen, now.others)
    if rows / alike < LEAST_WRONG_ROWS or is_usual:
        return None
    first = next(iter(unseen), "")
    respelt = _has_respelt(unseen, observation)
    is_next = _are_next(unseen, observation) and not respelt
    return Deviation(
        severity=Severity.WARNS if is_next or (_is_flag([*before.values, *unseen]) and not respelt) else Severity.BLOCKS,
        check=DataCheck.UNSEEN,
        measure=rows / now.filled,
        threshold=checks.unseen_share,
        rows=rows,
        what=f"has values that were never there in {count(rows)} of {count(now.filled)} rows "
        f"(most often {quoted(first)}{_other_spelling(first, before.values)})",
        remedy="look for a code list, a spelling or a column that changed; if they are right, raise checks.unseen_share in model.toml",
        before=f"{count(len(before.values))} values",
        chance=count_tail(rows / alike, _awaited(before, now.filled / alike), 2.0),
    )


def _is_flag(values: Iterable[str]) -> bool:
    """Whether a column says yes or no: the one of them that was never there is no new code."""
    return any({value.casefold() for value in values} <= flag for flag in FLAGS)


def _arrived(observation: Observation) -> list[float]:
    """The shares of values that came on other days, not next to this one."""
    return [arrival.share for day, arrival in observation.arrivals.items() if abs(day - observation.day) > NEXT_DAYS]


def _are_next(unseen: Mapping[str, int], observation: Observation) -> bool:
    arrived = _arrived(observation)
    return are_next_codes(unseen, observation, max(arrived) if len(arrived) >= LEAST_ARRIVALS else 0.0)


def _come_and_go(observation: Observation, unseen: Mapping[str, int], others: int = 0) -> bool:
    """Whether values come and go, as films do, and no more rows have new ones than had some that came before."""
    now, arrived = observation.now, _arrived(observation)
    if len(arrived) < LEAST_ARRIVALS or _for_none(unseen) >= LEAST_WRONG_ROWS or _has_respelt(unseen, observation):
        return False
    most = max(arrived)
    return sum(unseen.values()) + others <= (most + chance(most, int(now.filled / now.design_effect), 2.0)) * now.filled


def _for_none(values: Mapping[str, int]) -> int:
    """The rows with values that stand for none."""
    return sum(rows for value, rows in values.items() if stands_for_none(value))


def _has_respelt(unseen: Iterable[str], observation: Observation) -> bool:
    """Whether a value is a known one in other letters or with other blanks, or one that was cut off where the longest of the day end."""
    known, longest = observation.before.values if observation.before is not None else {}, observation.now.longest

    def is_beginning(value: str) -> bool:
        return LEAST_BEGINNING <= len(value) == longest and any(other.startswith(value) for other in known)

    return any(is_beginning(value) or _other_spelling(value, known) for value in unseen)


def _awaited(before: ColumnProfile, clusters: float) -> float:
    """How many of so many clusters have a new value where nothing changed, by Good and Turing: the share of what was seen once."""
    once = sum(rows <= before.design_effect for rows in before.values.values())
    return clusters * (once + 1) / (before.filled / before.design_effect + 1)


def new_common_value(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A column of codes or free text has one value, which was never common, in many rows: n/a, #N/A, unknown."""
    now, before = observation.now, observation.before
    if before is None or not before.has_uncounted_values or not now.values or now.filled < LEAST_ROWS:
        return None
    value, share = _most_new(now, before)
    usual = max((_most_new(column, before, column)[1] for column in observation.earlier), default=0.0)
    rows, form = round(share * now.filled), _form(value)
    if before.forms.get(form, 0) > RARE_FORM * before.filled:  # one more code like the others
        return None
    if rows < LEAST_WRONG_ROWS or share <= max(LEAST_NEW_COMMON, 3 * usual) or rows / now.design_effect < LEAST_WRONG_ROWS:
        return None
    return Deviation(
        check=DataCheck.UNSEEN,
        measure=share,
        threshold=LEAST_NEW_COMMON,
        rows=rows,
        what=f"is {quoted(value)} in {count(rows)} of {count(now.filled)} rows",
        remedy="look for a default that took the place of the real values",
        before="not among the common values",
    )


def _form(value: str) -> str:
    """The form of a text, as profiles have it."""
    return re.sub(r"[^\W\d_]+", "A", re.sub(r"\d+", "9", value))[:LONGEST_FORM]


def _most_new(now: ColumnProfile, before: ColumnProfile, own: ColumnProfile | None = None) -> tuple[str, float]:
    """The commonest value that is not among those of before, and its share.

    `own` is a part of `before` that does not count.
    """
    known = {value: rows - (own.values.get(value, 0) if own is not None else 0) for value, rows in before.values.items()}
    return next(((value, rows / now.filled) for value, rows in now.values.items() if known.get(value, 0) <= 0), ("", 0.0))


def new_form(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A column of codes has values of a form that no earlier one had, such as `#12` among `12` and `12A`."""
    now, before = observation.now, observation.before
    if before is None or not before.forms or not now.filled or before.filled < 10 * LEAST_ROWS or len(before.forms) >= KEPT_FORMS:
        return None
    unseen = {form: rows for form, rows in now.forms.items() if form not in before.forms}
    words = {value: rows for value, rows in now.values.items() if value not in before.values and _form(value) in unseen}
    if words and (_come_and_go(observation, words) or _are_next(words, observation)):
        return None
    rows, usual = sum(unseen.values()), _largest_new((c, c.forms) for c in observation.earlier)
    if rows < LEAST_WRONG_ROWS or rows <= max(LEAST_NEW_FORM, RECURRENCE_FACTOR * usual) * now.filled:
        return None
    form = next(iter(unseen))
    once = sum(found <= 2 * before.design_effect for found in before.forms.values())
    alike = now.design_effect
    return Deviation(
        check=DataCheck.UNSEEN,
        measure=rows / now.filled,
        threshold=LEAST_NEW_FORM,
        rows=rows,
        what=f"has values of a form that was never there in {count(rows)} of {count(now.filled)} rows (such as {quoted(form)})",
        remedy="look for a code list or a spelling that changed",
        before=f"of {len(before.forms)} forms",
        chance=count_tail(rows / alike, (once + 1) / (before.filled / before.design_effect + 1) * now.filled / alike, 2.0),
    )


def _usual_share(observation: Observation) -> float:
    """The largest share of new values in an earlier partition: in a column of delivery numbers, every value of every day is new."""
    ahead = [observation.now, observation.ahead] if observation.ahead is not None else []
    return _largest_new([(c, c.values) for c in (*observation.earlier, *ahead)], observation.now)


def _largest_new(counted: Iterable[tuple[ColumnProfile, Mapping[str, int]]], apart: ColumnProfile | None = None) -> float:
    """The largest share of what no partition before had, but the first and one that does not count."""
    known, most = set[str](), 0.0
    for index, (column, counts) in enumerate(counted):
        new = sum(rows for one, rows in counts.items() if one not in known)
        if index and column is not apart:
            most = max(most, new / max(column.filled, 1))
        known |= counts.keys()
    return most


def _other_spelling(value: str, known: Mapping[str, int]) -> str:
    twin = next((other for other in known if spelling(other) == spelling(value)), None)
    return "" if twin is None else f", another spelling of {quoted(twin)}"


def lost_segment(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A segment lacks a value that chance would not leave out."""
    now, before = observation.now, observation.before
    if before is None or not before.filled:
        return None
    shares, clusters = shares_by_value(before), now.filled / max(now.design_effect, before.design_effect)
    return _lost(now, {value: share for value, share in shares.items() if share * clusters >= EXPECTED_ROWS})


def lost_value(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A category lacks a common value that every earlier partition had where chance would not leave it out.

    A day or two warn: what is sold, or who delivers, may be another for once.
    """
    now, before = observation.now, observation.before
    if before is None or before.is_numeric or len(observation.earlier) < LEAST_PARTITIONS:
        return None
    days = [column for column in observation.earlier if column.filled]
    gone = {value: share for value, share in shares_by_value(before).items() if value not in now.values}
    daily = {value: share for value, share in gone.items() if share >= LEAST_DAILY and all(value in column.values for column in days)}
    together = sum(daily.values()) >= checks.lost_share
    usual = {value: share for value, share in gone.items() if share >= checks.lost_share or (together and value in daily)}
    alike = max(now.design_effect, before.design_effect)
    missed = {value: _missed(value, share / alike, days) for value, share in usual.items()}
    everywhere = {value: share for value, share in usual.items() if _is_everywhere(value, share, days[: len(days) - missed[value]])}
    lost = _lost(now, everywhere)
    if lost is None:
        return None
    none = min(missed[value] for value in everywhere)
    known, lacking = days[: len(days) - none], days[len(days) - none :]
    if _is_made_up(lost.measure, days[: len(days) - max(missed[value] for value in everywhere)], observation):
        return None
    shares = np.array([1 - sum(column.values.get(value, 0) for value in everywhere) / column.filled for column in known])
    sizes, clusters = np.array([column.filled / alike for column in known]), (now.filled + sum(c.filled for c in lacking)) / alike
    return replace(lost, chance=chance_of_all(shares, sizes, 1 - lost.measure, clusters), lasting=LOST_DAYS)


def _is_made_up(share: float, known: Sequence[ColumnProfile], observation: Observation) -> bool:
    """Whether values that came since have the share of those that left, in a column whose values come and go or are codes."""
    now = observation.now
    came = {value: rows for value, rows in now.values.items() if not any(value in column.values for column in known)}
    least = share - chance(share, int(now.filled / now.design_effect), 2.0)
    return bool(_arrived(observation) or _are_next(came, observation)) and sum(came.values()) - _for_none(came) >= least * now.filled


def _missed(value: str, share: float, days: Sequence[ColumnProfile]) -> int:
    """On how many of the last days a value is missing, on each of which that may be chance."""

    def may_miss(column: ColumnProfile) -> bool:
        return value not in column.values and share * column.filled < EXPECTED_ROWS

    return sum(1 for _ in takewhile(may_miss, reversed(days)))


def _is_everywhere(value: str, share: float, days: Sequence[ColumnProfile]) -> bool:
    """Whether every day that must have had rows of a value had some, and enough days are known."""
    is_known = len(days) >= LEAST_PARTITIONS
    return is_known and all(column.values.get(value, 0) > 0 for column in days if share * column.filled >= EXPECTED_ROWS)


def _lost(now: ColumnProfile, usual: Mapping[str, float]) -> Deviation | None:
    """The values of `usual`, each with the share that it had, that have no row."""
    present = shares_by_value(now)
    gone = [value for value in usual if value not in present] if now.filled else []
    if not gone:
        return None
    share = sum(usual[value] for value in gone)
    return Deviation(
        check=DataCheck.COVERAGE,
        measure=share,
        threshold=0.0,
        rows=now.rows,
        what=f"has no row of {listed([quoted(value) for value in gone])}",
        remedy="look for a source that was not loaded; a model must not forget a segment",
        before=f"{percent(share)} of rows",
    )


def shares_by_value(column: ColumnProfile) -> dict[str, float]:
    """The share of rows with each value of a category; empty if the column has too many values to be one."""
    if column.values and not column.has_uncounted_values:
        return {value: rows / column.filled for value, rows in column.values.items()}
    if column.is_numeric and len(column.keys) <= CATEGORY_BUCKETS:
        middles = (bucket_middle(key) for key in column.keys)
        names = [str(round(middle)) if column.type == "INTEGER" else number(middle) for middle in middles]
        return {name: rows / column.filled for name, rows in zip(names, column.counts, strict=True)}
    return {}
