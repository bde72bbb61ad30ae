"""The hours of the day in which a column has rows: hours that are missing, and a clock that is set to another time zone."""

import numpy as np

from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import CHANCE_FACTOR, EXPECTED_ROWS, LEAST_ROWS, Deviation
from components.looks.earlier_days import Observation
from components.looks.usual import few_tail
from components.model.checks_section import ChecksSection
from components.profiles.distance import Cells, chance_divergence, jensen_shannon
from components.profiles.profile import ColumnProfile, bucket_keys
from components.wording import count, percent

LEAST_DIFFERENCE = 0.02
"""A clock has moved only if the day's pattern differs by more than this from that of the weeks before: Jensen-Shannon, in bits."""
LEFT_OVER = 2.5
"""A shift must leave less than the difference over this."""
LEAST_SAME_WEEKDAYS = 3
"""Partitions of the same weekday that it takes to know its hours."""
LONGEST_GAP = 12
GAPS = np.array([(start, end) for start in range(24) for end in range(start + 1, min(start + LONGEST_GAP, 24) + 1)])
"""All stretches of hours: the first, and the one after the last."""
LEAST_COVERED_SHARE = 0.01
LEAST_HOURS = 8
"""Whole numbers from 0 to 23 that are spread over fewer hours may be anything."""
NOON, MOST_OF_HOURS = 12, 0.25
"""Nor are they hours if none is past noon, or so many are the same: nights of a stay are not."""
HOUR_KEYS = bucket_keys(np.arange(24.0))
FEW = 0.02
"""Before a day begins, or after it has ended, there may be this share of its rows."""
SHORT_DAYS = 3
"""So many days in a row that begin late or end early are no holiday and the day after it."""
LEFT, LEFT_OF_LEAST = 0.4, 0.5
"""Hours count as missing if they have less than this part of what they usually have, and of the least that they ever had."""
LEAST_ALIKE, ALIKE_FACTOR = 2, 2.0
"""So many days must have had the same hours, up to so many times what chance explains, for a day to be a holiday like them."""
MOVED_DAYS = 2
"""A pharmacy on duty has a night for once."""
DAYLIGHT_SAVING_HOURS = 1
"""By how much daylight saving time moves a clock twice a year."""


def moved_clock(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The rows follow the same pattern over the day as before, at other hours."""
    now, before = observation.now, observation.before
    if before is None or not len(hours := _by_hour(now)) or not len(_by_hour(before)) or hours.sum() / now.design_effect < LEAST_ROWS:
        return None
    same = _same_weekdays(observation)
    usual = same if len(same) >= LEAST_SAME_WEEKDAYS else _by_hour(before)[None]
    shift = _clock_shift(usual, hours, max(now.design_effect, before.design_effect))
    if abs(shift) <= checks.clock_hours:
        return None
    return Deviation(
        check=DataCheck.TIME_ZONE,
        measure=abs(shift),
        threshold=checks.clock_hours,
        rows=int(hours.sum()),
        what=f"runs {abs(shift)} h {'late' if shift > 0 else 'early'}: the same day's pattern at other hours",
        remedy="look for a time zone that was lost or applied twice",
        severity=Severity.WARNS if abs(shift) == DAYLIGHT_SAVING_HOURS else Severity.BLOCKS,
        lasting=MOVED_DAYS,
    )


def _by_hour(column: ColumnProfile) -> np.ndarray:
    """The rows by hour of times, or of whole numbers that may be hours, int64 [24]; empty for anything else."""
    if len(column.hours):
        return column.hours
    if column.type != "INTEGER" or not column.numbers or column.low < 0 or column.high > 23 or column.high - column.low < LEAST_HOURS:
        return column.hours
    hours = np.zeros(24, np.int64)
    hours[np.searchsorted(HOUR_KEYS, column.keys)] = column.counts
    is_day = column.high >= NOON and hours.max() <= MOST_OF_HOURS * hours.sum()
    return hours if is_day else column.hours


def _same_weekdays(observation: Observation) -> np.ndarray:
    """The rows by hour of partitions of the same weekday, int64 [days, 24]."""
    hours = [found for column in observation.same_weekdays if len(found := _by_hour(column)) and found.sum()]
    return np.array(hours) if hours else np.zeros((0, 24), np.int64)


def lost_hours(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """Adjacent hours that have rows on the same weekdays have none, or next to none.

    Rows come in clusters, whose number is more or less than awaited by chance: a negative binomial with the spread that the same
    weekdays showed. A day that only begins late or ends early may be a short one, and has to lose more.
    """
    now, before = observation.now, observation.before if observation.before is not None else observation.now
    if (
        not len(now.hours)
        or now.times / before.design_effect < LEAST_ROWS
        or len(same := _same_weekdays(observation)) < LEAST_SAME_WEEKDAYS
    ):
        return None
    held = np.where(same.sum(0) > 0, now.hours, 0)  # a pharmacy on duty has a night for once, and its day is a day like others
    held = held if 2 * held.sum() >= now.times else now.hours
    gap = _likeliest_gap(held / now.design_effect, same / before.design_effect, checks.hours_share)
    if gap is None:
        return None
    chance, start, end = gap
    share = float(same[:, start:end].sum() / same.sum())
    left = int(now.hours[start:end].sum())
    lost = [hour for hour in range(start, end) if same[:, hour].sum()] if left else _empty_hours(now.hours, same)
    return Deviation(
        check=DataCheck.COVERAGE,
        measure=share - left / max(now.times, 1),
        threshold=checks.hours_share,
        rows=now.times,
        what=f"has {'no row' if not left else f'only {count(left)} of {count(now.times)} rows'} {hours_listed(lost)}",
        remedy="look for a load that ended early or left out a part; a model must see every hour that it will serve",
        before=f"they had {percent(share)} of the rows of this weekday",
        chance=min(1.0, 24 * chance),
        lasting=SHORT_DAYS if _is_short(now.hours, (start, end)) or _is_like_others(observation) else 1,
    )


def _is_like_others(observation: Observation) -> bool:
    """Whether days of other weekdays have the same hours, so that it may be a holiday."""
    now = observation.now.hours
    others = [column for column in observation.earlier if len(column.hours) and column.times >= LEAST_ROWS]

    apart = jensen_shannon(Cells((), _same_weekdays(observation).sum(0), now))

    def is_near(column: ColumnProfile) -> bool:
        compared = Cells((), column.hours, now)
        allowed = ALIKE_FACTOR * chance_divergence(compared) * max(column.design_effect, 1.0)
        return jensen_shannon(compared) <= min(allowed, apart / LEFT_OVER)

    return sum(map(is_near, others)) >= LEAST_ALIKE


def _is_short(now: np.ndarray, gap: tuple[int, int]) -> bool:
    """Whether a day only begins late or ends early."""
    return bool(min(now[: gap[0]].sum(), now[gap[1] :].sum()) <= FEW * now.sum())


def _likeliest_gap(now: np.ndarray, past: np.ndarray, allowed: float) -> tuple[float, int, int] | None:
    """The stretch of hours whose few clusters are least likely: its probability, first hour and the one after it; None without one.

    Args:
        now: clusters by hour, float64 [24].
        past: those of the same weekdays, float64 [days, 24].
        allowed: the share of a day's rows that may be missing.
    """
    inside, found = np.diff(_sums(past)[:, GAPS], axis=2)[:, :, 0], np.diff(_sums(now[None])[0][GAPS], axis=1)[:, 0]
    days, all_now = past.sum(1, keepdims=True), float(now.sum())
    usual, least = inside.sum(0) / past.sum(), (inside / days).min(0)
    is_gap = (found <= LEFT * usual * all_now) & (found < LEFT_OF_LEAST * least * all_now) & (usual - found / all_now > allowed)
    awaited = days * usual
    excess = ((inside - awaited) ** 2).mean(0) / np.maximum(awaited.mean(0), 0.5)
    chances = [
        (few_tail(found[gap], (all_now - found[gap]) * usual[gap] / max(1 - usual[gap], 1e-3), 1.5 * max(1.0, excess[gap])), gap)
        for gap in np.flatnonzero(is_gap).tolist()
    ]
    if not chances:
        return None
    chance, gap = min(chances)
    return chance, *GAPS[gap].tolist()


def _empty_hours(now: np.ndarray, past: np.ndarray) -> list[int]:
    """The hours without a row that should have some; those that have rows tell how many."""
    usual = past.sum(0) / past.sum()
    expected = usual * now.sum() / max(usual[now > 0].sum(), LEAST_COVERED_SHARE)
    listed = np.flatnonzero((expected >= min(EXPECTED_ROWS, expected[now == 0].max(initial=0.0))) & (now == 0))
    return [int(hour) for hour in listed]


def _sums(hours: np.ndarray) -> np.ndarray:
    """The rows before each hour and after the last: [days, 25]."""
    return np.pad(np.cumsum(hours, axis=1), ((0, 0), (1, 0)))


def hours_listed(hours: list[int]) -> str:
    """Hours for a sentence, adjacent ones as one stretch: from 16:00 to 24:00."""
    stretches: list[list[int]] = []
    for hour in hours:
        if stretches and stretches[-1][1] == hour:
            stretches[-1][1] = hour + 1
        else:
            stretches.append([hour, hour + 1])
    return " and ".join(f"from {start}:00 to {end}:00" for start, end in stretches)


def _clock_shift(past: np.ndarray, now: np.ndarray, design_effect: float) -> int:
    """By how many hours the day's pattern has moved; 0 if it has not, or if the pattern itself changed."""
    before = past.sum(0)
    differences = [jensen_shannon(Cells((), before, np.roll(now, -shift))) for shift in range(24)]
    best = int(np.argmin(differences))
    allowed = CHANCE_FACTOR * chance_divergence(Cells((), before, now)) * design_effect
    least = allowed
    if len(past) > 1:  # what the days themselves differ by is known
        spread = 1.2 * max(jensen_shannon(Cells((), before, day)) for day in past)
        allowed, least = max(allowed, spread), 1.5 * spread
    if best == 0 or differences[0] <= least + LEAST_DIFFERENCE or differences[best] > min(allowed, differences[0] / LEFT_OVER):
        return 0
    return best if best <= 12 else best - 24
