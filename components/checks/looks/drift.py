"""Values that moved: how far a column is from what it was, beyond what chance explains, and in which way."""

from dataclasses import dataclass

import numpy as np

from components.checks.findings import DataCheck
from components.checks.looks.dead import is_constant
from components.checks.looks.deviation import LEAST_ROWS, Deviation, chance, quoted
from components.checks.looks.earlier_days import Observation
from components.model.folder import ChecksSection
from components.profiles.distance import Cells, cells, chance_divergence, jensen_shannon, l_infinity, population_stability
from components.profiles.profile import ColumnProfile
from components.wording import number, percent

DRIFT_BINS = 10
CHANCE_FACTOR = 4.0
"""How many times the divergence that chance explains is left out of account."""
NEAR = 1 / 3
"""Of the bounds: a distance below this share of them says that two columns hold the same."""
UNIT_FACTOR = 3.0
"""A median that is so many times another one may be another unit."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MATERIAL_CHANGE = 0.1
"""By how much of itself a quantile must have moved: a cohort that is a week older has other numbers, and none that matters."""


@dataclass(frozen=True)
class Distance:
    """How far two profiles of a column are apart, without what chance explains."""

    divergence: float
    """Jensen-Shannon, in bits."""
    largest: float
    """L-infinity: the most that the share of one value changed. 0 for numbers, whose cells are ours."""
    words: str
    """All measures, and what moved."""

    def excess(self, divergence: float, largest: float) -> float:
        """How many times the bounds it is: above 1 where one of them is broken."""
        return max(self.divergence / max(divergence, 1e-9), self.largest / max(largest, 1e-9))


NO_DISTANCE = Distance(0.0, 0.0, "")


def measure_distance(before: ColumnProfile | None, now: ColumnProfile, *, bins: int = DRIFT_BINS) -> Distance:
    """The distance of what is filled; texts of any kind have none."""
    if before is None or not before.filled or not now.filled:
        return NO_DISTANCE
    if not before.is_numeric and (before.has_uncounted_values or now.has_uncounted_values):
        return NO_DISTANCE
    if is_constant(before) and is_constant(now):  # a rate of the week: it is what it is
        return NO_DISTANCE
    found = cells(before, now, bins=bins, only_values=True)
    if before.is_numeric and not _is_material(before, now):
        return NO_DISTANCE
    divergence = max(0.0, jensen_shannon(found) - CHANCE_FACTOR * chance_divergence(found))
    largest = 0.0 if before.is_numeric else _largest(found)
    if not divergence and not largest:
        return NO_DISTANCE
    words = f"Jensen-Shannon {jensen_shannon(found):.2f}, L-infinity {l_infinity(found):.2f}, PSI {population_stability(found):.2g}"
    return Distance(divergence, largest, words + _in_words(before, now, found))


def _is_material(before: ColumnProfile, now: ColumnProfile) -> bool:
    pairs = [(before.quantile(share), now.quantile(share)) for share in QUANTILES]
    return any(was is None or found is None or abs(found - was) > MATERIAL_CHANGE * max(abs(found), abs(was)) for was, found in pairs)


def _largest(found: Cells) -> float:
    before, after = found.shares
    differences = np.abs(after - before)
    place = int(np.argmax(differences))
    noise = chance((before[place] + after[place]) / 2, int(min(found.before.sum(), found.after.sum())))
    return float(max(0.0, differences[place] - noise))


def _in_words(before: ColumnProfile, now: ColumnProfile, found: Cells) -> str:
    if not before.is_numeric:
        was, is_now = found.shares
        place = int(np.argmax(np.abs(is_now - was)))
        return f"; {quoted(found.labels[place])} is {percent(float(is_now[place]))} of it, was {percent(float(was[place]))}"
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


def shifted(step: Observation, checks: ChecksSection) -> Deviation | None:
    """Other values than in the weeks before, by more than chance explains."""
    now, before = step.now, step.before
    if before is None or now.rows < LEAST_ROWS or before.filled < 2 * LEAST_ROWS:
        return None
    if is_constant(now) and any(map(is_constant, step.earlier)):  # a rate of the day
        return None
    remedy = "look for a unit, a sign or a column that changed; if the world did, raise {0} in model.toml"
    return judge_drift(
        measure_distance(before, now), now, checks.drift, checks, what="has other values than in the weeks before", remedy=remedy
    )


def judge_drift(found: Distance, now: ColumnProfile, bound: float, checks: ChecksSection, *, what: str, remedy: str) -> Deviation | None:
    """A drift, if the distance is beyond the bounds. In the remedy stands {0} for the setting that it breaks."""
    if found.excess(bound, checks.category_drift) <= 1:
        return None
    is_divergence = found.divergence > bound
    return Deviation(
        check=DataCheck.DRIFT,
        measure=found.divergence if is_divergence else found.largest,
        threshold=bound if is_divergence else checks.category_drift,
        rows=now.filled,
        what=f"{what} ({found.words})",
        remedy=remedy.format("checks.drift" if is_divergence else "checks.category_drift"),
    )


def are_swapped(one: Observation, other: Observation, checks: ChecksSection) -> bool:
    """Whether each of two columns now has what the other one had before, and no longer what it had itself."""
    if one.before is None or other.before is None:
        return False
    crossed = ((one.before, other.now), (other.before, one.now))
    straight = ((one.before, one.now), (other.before, other.now))
    return all(_are_near(*pair, checks) for pair in crossed) and not any(_are_near(*pair, checks) for pair in straight)


def _are_near(before: ColumnProfile, now: ColumnProfile, checks: ChecksSection) -> bool:
    """Texts of any kind are near to nothing: nobody can tell."""
    is_comparable = before.filled and now.filled and before.is_numeric == now.is_numeric and (before.is_numeric or before.is_category)
    return bool(is_comparable) and measure_distance(before, now).excess(checks.drift, checks.category_drift) <= NEAR
