"""The hours of the day in which a column has rows: hours that are missing, and a clock that is set to another time zone."""

import numpy as np

from components.checks.findings import DataCheck, Severity
from components.checks.looks.deviation import CHANCE_FACTOR, EXPECTED_ROWS, LEAST_ROWS, Deviation
from components.checks.looks.earlier_days import Observation
from components.model.sections import ChecksSection
from components.profiles.distance import Cells, chance_divergence, jensen_shannon
from components.wording import percent

LEAST_DIFFERENCE = 0.02
"""A clock has moved only if the day's pattern differs by more than this from that of the weeks before: Jensen-Shannon, in bits."""
LEAST_COVERED_SHARE = 0.01
DAYLIGHT_SAVING_HOURS = 1
"""By how much daylight saving time moves a clock twice a year."""


def moved_clock(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """The rows follow the same pattern over the day as before, at other hours."""
    now, before = observation.now, observation.before
    if before is None or not len(now.hours) or not len(before.hours) or now.times < LEAST_ROWS:
        return None
    shift = _clock_shift(before.hours, now.hours)
    if not shift:
        return None
    return Deviation(
        check=DataCheck.TIME_ZONE,
        measure=abs(shift),
        threshold=0.0,
        rows=now.times,
        what=f"runs {abs(shift)} h {'late' if shift > 0 else 'early'}: the same day's pattern at other hours",
        remedy="look for a time zone that was lost or applied twice",
        severity=Severity.WARNS if abs(shift) == DAYLIGHT_SAVING_HOURS else Severity.BLOCKS,
    )


def lost_hours(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Hours of the day that should have rows have none."""
    now, before = observation.now, observation.before
    if before is None or not len(now.hours) or not len(before.hours) or now.times < LEAST_ROWS:
        return None
    usual = before.hours / max(before.hours.sum(), 1)
    # The hours that have rows tell how many rows the others should have.
    expected = usual * now.times / max(usual[now.hours > 0].sum(), LEAST_COVERED_SHARE)
    missing = np.flatnonzero((expected >= EXPECTED_ROWS) & (now.hours == 0))
    if not len(missing):
        return None
    return Deviation(
        check=DataCheck.COVERAGE,
        measure=len(missing),
        threshold=0.0,
        rows=now.times,
        what=f"has no row {hours_listed(missing.tolist())}",
        remedy="look for a load that ended early; a model must see every hour that it will serve",
        before=f"{percent(float(usual[missing].sum()))} of rows",
    )


def hours_listed(hours: list[int]) -> str:
    """Hours for a sentence, adjacent ones as one stretch: from 16:00 to 24:00."""
    stretches: list[list[int]] = []
    for hour in hours:
        if stretches and stretches[-1][1] == hour:
            stretches[-1][1] = hour + 1
        else:
            stretches.append([hour, hour + 1])
    return " and ".join(f"from {start}:00 to {end}:00" for start, end in stretches)


def _clock_shift(before: np.ndarray, now: np.ndarray) -> int:
    """By how many hours the day's pattern has moved; 0 if it has not, or if the pattern itself changed."""
    differences = [jensen_shannon(Cells((), before, np.roll(now, -shift))) for shift in range(24)]
    best = int(np.argmin(differences))
    allowed = CHANCE_FACTOR * chance_divergence(Cells((), before, now))
    if best == 0 or differences[0] <= allowed + LEAST_DIFFERENCE or differences[best] > allowed or differences[best] > differences[0] / 4:
        return 0
    return best if best <= 12 else best - 24
