"""Drift: how far a column has moved from what it was, beyond what chance explains, and in which way."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from math import sqrt

import numpy as np

from components.looks.codes import counts_on
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import is_constant
from components.looks.deviation import CHANCE_FACTOR, LEAST_ROWS, Deviation, chance, quoted
from components.looks.earlier_days import PARTITIONS_BEFORE, RECURRENCE_FACTOR, Observation
from components.looks.usual import Daily
from components.model.checks_section import ChecksSection
from components.profiles.distance import Cells, cells, chance_divergence, jensen_shannon, l_infinity, population_stability
from components.profiles.profile import ColumnProfile, sum_column
from components.wording import number, percent

DRIFT_BINS = 10
LARGE_ARRIVAL = 0.1
LEAST_COUNTED = 4
COUNTED_SHARE = 0.7
NEAR = 1 / 3
"""Two columns hold the same values when their distance is at most this share of the bounds."""
UNIT_FACTOR = 3.0
"""A median that grew or shrank by more than this factor may be in another unit."""
DRIFT_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MATERIAL_CHANGE = 0.1
"""A quantile must move by more than this share of itself: the numbers of a cohort that is a week older differ by less."""


@dataclass(frozen=True)
class Distance:
    """How far two profiles of a column are apart, beyond what chance explains."""

    divergence: float
    """Jensen-Shannon divergence, in bits."""
    largest: float
    """L-infinity: by how much the share of one value changed at most. 0 for numbers, which have no cells of their own."""
    words: str
    """All distances, and what moved, for a sentence."""

    def excess(self, divergence: float, largest: float) -> float:
        """The distance as a multiple of the bounds: above 1 if it exceeds one of them."""
        return max(self.divergence / max(divergence, 1e-9), self.largest / max(largest, 1e-9))


NO_DISTANCE = Distance(0.0, 0.0, "")


def measure_distance(before: ColumnProfile | None, now: ColumnProfile, *, bins: int = DRIFT_BINS) -> Distance:
    """The distance between the values that are not NULL. Columns of free text have none."""
    if before is None or not before.filled or not now.filled:
        return NO_DISTANCE
    if not before.is_numeric and (before.has_uncounted_values or now.has_uncounted_values):
        return NO_DISTANCE
    if is_constant(before) and is_constant(now):  # such as a rate of the week, which changes by nature
        return NO_DISTANCE
    compared = _values(before, now, bins)
    by_chance = chance_divergence(compared) * max(now.design_effect, before.design_effect)
    divergence = max(0.0, jensen_shannon(compared) - CHANCE_FACTOR * by_chance)
    largest = 0.0 if before.is_numeric else _largest(compared, max(now.design_effect, before.design_effect))
    if (not divergence and not largest) or (before.is_numeric and not _is_material(before, now)):
        return NO_DISTANCE
    words = (
        f"Jensen-Shannon {jensen_shannon(compared):.2f}, L-infinity {l_infinity(compared):.2f}, PSI {population_stability(compared):.2g}"
    )
    return Distance(divergence, largest, words + _in_words(before, now, compared))


@lru_cache(maxsize=64)  # a look and what is usual for it ask for the same
def _values(before: ColumnProfile, now: ColumnProfile, bins: int) -> Cells:
    """The cells of the values of two profiles; those of numbers without labels."""
    return cells(before, now, bins=bins, only_values=True, is_named=False)


def _plain_ratio(before: ColumnProfile, now: ColumnProfile) -> float | None:
    """The divergence over what chance explains, however small; None where the values cannot be compared."""
    if not before.filled or not now.filled or (not before.is_numeric and (before.has_uncounted_values or now.has_uncounted_values)):
        return None
    compared = _values(before, now, DRIFT_BINS)
    return jensen_shannon(compared) / max(chance_divergence(compared) * max(now.design_effect, before.design_effect), 1e-9)


@lru_cache(maxsize=64)
def counts_up(observation: Observation) -> bool:
    """Whether a column of numbers counts up, or down: most days begin beyond the middle of the day before."""
    days = [column for column in observation.earlier if column.numbers]
    if len(days) < LEAST_COUNTED:
        return False
    middles = [(before.low + before.high) / 2 for before in days[:-1]]
    up = sum(day.low > middle for day, middle in zip(days[1:], middles, strict=True))
    down = sum(day.high < middle for day, middle in zip(days[1:], middles, strict=True))
    return max(up, down) >= COUNTED_SHARE * len(middles)


def _is_material(before: ColumnProfile, now: ColumnProfile) -> bool:
    pairs = [(before.quantile(share), now.quantile(share)) for share in DRIFT_QUANTILES]
    return any(was is None or is_now is None or abs(is_now - was) > MATERIAL_CHANGE * max(abs(is_now), abs(was)) for was, is_now in pairs)


def _largest(compared: Cells, design_effect: float) -> float:
    before, after = compared.shares
    differences = np.abs(after - before)
    cell = int(np.argmax(differences))
    noise = chance((before[cell] + after[cell]) / 2, int(min(compared.before.sum(), compared.after.sum()) / design_effect))
    return float(max(0.0, differences[cell] - noise))


def _in_words(before: ColumnProfile, now: ColumnProfile, compared: Cells) -> str:
    if not before.is_numeric:
        was, is_now = compared.shares
        cell = int(np.argmax(np.abs(is_now - was)))
        return f"; {quoted(compared.labels[cell])} is {percent(float(is_now[cell]))} of it, was {percent(float(was[cell]))}"
    middle_before, middle = before.quantile(0.5), now.quantile(0.5)
    if middle_before is None or middle is None:
        return ""
    factor = middle / middle_before if middle_before else 0.0
    times = (
        f", {factor:.3g} times as large"
        if factor > UNIT_FACTOR
        else f", {1 / factor:.3g} times as small"
        if 0 < factor < 1 / UNIT_FACTOR
        else ""
    )
    sign = ", of the other sign" if middle * middle_before < 0 else ""
    return f"; median {number(middle)}, was {number(middle_before)}{times}{sign}"


def shifted(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has other values than in the weeks before, by more than chance explains."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or before.filled < 2 * LEAST_ROWS:
        return None
    if is_constant(now) and any(map(is_constant, observation.earlier)):  # such as a rate of the day
        return None
    if counts_up(observation):
        return None
    remedy = "look for a unit, a sign or a column that changed; if the world did, raise {0} in model.toml"
    what = "has other values than in the weeks before"
    distances = [measure_distance(*pair) for pair in _compared(observation)]
    furthest = max(distances, key=lambda distance: distance.excess(checks.drift, checks.category_drift))
    deviation = judge_drift(furthest, now, checks.drift, checks, what=what, remedy=remedy)
    if deviation is None:
        return None
    severity = Severity.WARNS if counts_on(observation) else deviation.severity
    return replace(deviation, lasting=2, severity=severity)  # a storm lasts a day


@lru_cache(maxsize=64)
def _compared(observation: Observation) -> list[tuple[ColumnProfile, ColumnProfile]]:
    """What is held against each other: the column and the weeks before.

    If values that were let through have many of the rows, these are the others among themselves, and all since the last of them came.
    """
    now, before = observation.now, observation.before or observation.now
    if now.is_code and before.is_code:
        now, before = now.as_names, before.as_names
    near = [arrival for day, arrival in observation.arrivals.items() if abs((day - observation.day).days) <= PARTITIONS_BEFORE]
    large = [arrival for arrival in near if arrival.share > LARGE_ARRIVAL]
    most = RECURRENCE_FACTOR * max((arrival.share for arrival in observation.arrivals.values()), default=0.0) * now.filled
    unseen = [value for value in now.values if value not in before.values]
    rows = sum(now.values[value] for value in unseen)
    today = frozenset(unseen if LARGE_ARRIVAL * now.filled < rows <= most else ())
    if not (now.is_category and before.is_category) or not (large or today):
        return [(before, now)]
    pairs = [_without(before, now, today.union(*(arrival.values for arrival in large)))]
    if large:
        since = [*takewhile(lambda column: column.values.keys() & large[-1].values, reversed(observation.earlier))]
        whole = sum_column(since[::-1]) if since else None
        pairs += [] if whole is None else [_without(whole.as_names, now, today)]
    return pairs


def _without(before: ColumnProfile, now: ColumnProfile, came: Collection[str]) -> tuple[ColumnProfile, ColumnProfile]:
    """Both without the values that came, and without those that left, if they had no more rows than those that came have."""
    share = sum(now.values.get(value, 0) for value in came) / max(now.filled, 1)
    left = {value for value in before.values if value not in now.values and value not in came}
    was = sum(before.values[value] for value in left) / max(before.filled, 1)
    apart = {*came, *(left if was <= share + chance(was, int(now.filled / now.design_effect), 2.0) else ())}
    return _rest(before, apart), _rest(now, apart)


def _rest(column: ColumnProfile, apart: Collection[str]) -> ColumnProfile:
    """The rows with other values, which are as much alike within clusters as all are."""
    values = {value: rows for value, rows in column.values.items() if value not in apart}
    rest = replace(column, values=values, nulls=column.rows - sum(values.values()))
    vars(rest)["design_effect"] = column.design_effect
    return rest


@lru_cache(maxsize=64)  # asked for several times on a day
def divergence_ratio(observation: Observation) -> Daily | None:
    """How far the column is from the weeks before, over what chance explains, as a root: on that scale days are spread alike."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or before.filled < LEAST_ROWS or counts_up(observation):
        return None
    ratios = [ratio for pair in _compared(observation) if (ratio := _plain_ratio(*pair)) is not None]
    return Daily(sqrt(max(ratios)), 0.1) if ratios else None


def judge_drift(compared: Distance, now: ColumnProfile, bound: float, checks: ChecksSection, *, what: str, remedy: str) -> Deviation | None:
    """A deviation if the distance exceeds the bounds. `{0}` in the remedy is replaced by the setting whose bound it exceeds."""
    if compared.excess(bound, checks.category_drift) <= 1:
        return None
    is_divergence = compared.divergence > bound
    return Deviation(
        check=DataCheck.DRIFT,
        measure=compared.divergence if is_divergence else compared.largest,
        threshold=bound if is_divergence else checks.category_drift,
        rows=now.filled,
        what=f"{what} ({compared.words})",
        remedy=remedy.format("checks.drift" if is_divergence else "checks.category_drift"),
    )


def are_swapped(one: Observation, other: Observation, checks: ChecksSection) -> bool:
    """Whether each of two columns now holds what the other one held before, and no longer what it held itself."""
    if one.before is None or other.before is None:
        return False
    crossed = ((one.before, other.now), (other.before, one.now))
    straight = ((one.before, one.now), (other.before, other.now))
    return all(_are_near(*pair, checks) for pair in crossed) and not any(_are_near(*pair, checks) for pair in straight)


def _are_near(before: ColumnProfile, now: ColumnProfile, checks: ChecksSection) -> bool:
    """Whether a column holds the same values as before. Columns of free text cannot be compared and never do."""
    is_comparable = before.filled and now.filled and before.is_numeric == now.is_numeric and (before.is_numeric or before.is_category)
    return bool(is_comparable) and measure_distance(before, now).excess(checks.drift, checks.category_drift) <= NEAR
