"""Values of another kind than a column holds: text among numbers, NaN, damaged or overlong text, numbers out of range."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from components.looks.data_check import DataCheck, Severity
from components.looks.dead import is_of_the_day
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, chance, quoted
from components.looks.drift import counts_up
from components.looks.earlier_days import Observation
from components.looks.usual import Daily, count_tail, odds
from components.model.checks_section import ChecksSection
from components.profiles.codes import is_version
from components.profiles.profile import ColumnProfile, bucket_keys, bucket_middle
from components.wording import count, number, percent

DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d{1,3}(\.?\d{3})*,\d+\s*$")
DATE = re.compile(r"^\s*\d{4}[-/]\d\d[-/]\d\d|^\s*\d\d[./]\d\d[./]\d{4}")
DAMAGE_MARKS = "\ufffdÃÂâ"
LEAST_KNOWN = 7
"""Partitions that it takes to tell numbers from codes."""
STRAY_TEXT_SHARE = 0.001
STRAY_TEXT_DAYS = 0.1
"""Text in more values, or on more days, was no accident: the column holds codes."""
MORE_TEXT_SHARE = 0.1
SPREAD_BUCKETS = 5
"""Numbers in fewer buckets may stand for none."""
FEW_SHARE, GAP = 0.25, 0.25
"""Or at most this share of them lie so near to the next ones, measured by how far the least is from the middle."""
BEYOND = 0.25
"""Of the width of all that ever was."""
FAR_FACTOR = 3.0
"""A number is out of range if it is beyond this multiple of the least or largest earlier one."""


def text(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has text where it had numbers."""
    now, before = observation.now, observation.before
    if before is None or not now.texts or not before.is_numeric or now.texts <= checks.text_share * now.filled:
        return None
    if len(observation.earlier) >= LEAST_KNOWN and not _was_numbers(observation.earlier):
        return None  # codes, of which some have letters
    samples = [value for value in now.non_numeric_samples if value not in before.non_numeric_samples] or list(now.non_numeric_samples)
    if before.is_code and has_fractions(before) and all(is_version(sample) and not DATE.match(sample) for sample in samples):
        return None
    return Deviation(
        check=DataCheck.TEXT,
        measure=now.texts / now.filled,
        threshold=checks.text_share,
        rows=now.texts,
        what=f"is text in {count(now.texts)} of {count(now.filled)} values (most often {quoted(samples[0])}{_kind(samples)})",
        remedy="mend the preparation of the data and load these partitions again",
        before="number" if not before.texts else f"text in {percent(before.texts / before.filled)} of values",
        chance=0.0 if has_fractions(before) or not before.values else _chance_of_text(now, before),
    )


def _was_numbers(earlier: Sequence[ColumnProfile]) -> bool:
    """Whether a column held numbers and next to no text on nearly all days."""
    texts, filled = sum(column.texts for column in earlier), sum(column.filled for column in earlier)
    days = sum(column.texts > 0 for column in earlier)
    return texts <= STRAY_TEXT_SHARE * filled and days <= STRAY_TEXT_DAYS * len(earlier)


def has_fractions(column: ColumnProfile) -> bool:
    """Whether numbers that are written as text have decimals, so that they are amounts and no codes."""
    return any("." in value for value in column.values if value not in column.non_numeric_samples)


def _chance_of_text(now: ColumnProfile, before: ColumnProfile) -> float:
    """Of whole numbers that may be codes: how often so many rare codes with letters come, by the rule of succession."""
    expected = now.filled / now.design_effect * (before.texts / before.design_effect + 1) / (before.filled / before.design_effect + 1)
    return count_tail(now.texts / now.design_effect, expected, 1.5)


def more_text(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A column of codes has far more values with letters than it always had."""
    now, before = observation.now, observation.before
    if before is None or not before.texts or not now.texts or not before.is_numeric or _was_numbers(observation.earlier):
        return None
    share, was = now.texts / now.filled, before.texts / before.filled
    if before.is_code and now.is_code:  # a category
        return None
    if share <= was + max(checks.text_share, MORE_TEXT_SHARE):
        return None
    return Deviation(
        check=DataCheck.TEXT,
        measure=share,
        threshold=was + MORE_TEXT_SHARE,
        rows=now.texts,
        what=f"is text in {count(now.texts)} of {count(now.filled)} values (most often {quoted(next(iter(now.non_numeric_samples), ''))})",
        remedy="mend the preparation of the data and load these partitions again",
        before=f"text in {percent(was)} of values",
    )


def text_odds(observation: Observation) -> Daily | None:
    """The share of values that are no numbers."""
    now = observation.now
    return odds(now.texts, now.filled, now.design_effect) if now.filled and now.values else None


def _kind(samples: list[str]) -> str:
    """What the texts are, if that can be recognised; else empty."""
    kinds: dict[str, Callable[[str], object]] = {
        ", a decimal comma": DECIMAL_COMMA.match,
        ", a date": DATE.match,
        ", nothing at all": lambda value: not value.strip(),
    }
    return next((kind for kind, holds in kinds.items() if all(holds(value) for value in samples)), "")


def unfinite(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has NaN or infinity where it had none."""
    now, before = observation.now, observation.before
    unfinite_rows = now.nans + now.infinities
    if before is None or not before.is_numeric or unfinite_rows <= checks.unfinite_share * now.filled:
        return None
    name = "NaN" if not now.infinities else "infinite" if not now.nans else "NaN or infinite"
    return Deviation(
        check=DataCheck.NOT_FINITE,
        measure=unfinite_rows / now.filled,
        threshold=0.0,
        rows=unfinite_rows,
        what=f"is {name} in {count(unfinite_rows)} of {count(now.filled)} values",
        remedy="mend the computation that gives them, and load these partitions again",
        before="finite",
    )


def damaged(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has text that was read with another encoding than it was written in."""
    now, before = observation.now, observation.before
    if before is None or not now.damaged or now.damaged <= checks.damaged_share * now.filled:
        return None
    broken = next((value for value in now.values if any(mark in value for mark in DAMAGE_MARKS)), "")
    example = f" (such as {quoted(broken)})" if broken else ""
    return Deviation(
        check=DataCheck.ENCODING,
        measure=now.damaged / now.filled,
        threshold=checks.damaged_share,
        rows=now.damaged,
        what=f"is damaged text in {count(now.damaged)} of {count(now.filled)} values{example}",
        remedy="read and write it with the same encoding, UTF-8",
        before="whole",
    )


def stretched(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has a text that is far longer than any before."""
    now, before = observation.now, observation.before
    if before is None or not now.values or now.longest <= max(checks.longest_text, 10 * before.longest):
        return None
    longest = max(now.values, key=len)
    return Deviation(
        check=DataCheck.LENGTH,
        measure=now.longest,
        threshold=max(checks.longest_text, 10 * before.longest),
        rows=1,
        what=f"has a value of {count(now.longest)} characters{f' ({quoted(longest)})' if len(longest) > checks.longest_text // 10 else ''}",
        remedy="look for a field separator or a quote that was lost",
        before=f"{count(before.longest)} characters at most",
    )


def out_of_range(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has numbers far beyond any before, such as -999 for unknown, 0 for none, or some rows in cents."""
    return _outside(observation, checks, may_be_zero=False)


def far_out(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """Like `out_of_range`, for features that count up to a span and may fall back to 0."""
    return _outside(observation, checks, may_be_zero=True)


def _outside(observation: Observation, checks: ChecksSection, *, may_be_zero: bool) -> Deviation | None:
    now, before = observation.now, observation.before
    if before is None or before.numbers < 10 * LEAST_ROWS or not now.numbers or before.low == before.high:
        return None
    factor = FAR_FACTOR**2 if is_of_the_day(observation) else FAR_FACTOR  # a day of rain is one fact
    least, most = _widened(before.low, 1 / factor), _widened(before.high, factor)
    low, high = bucket_keys(np.array([min(least, 0.0) if may_be_zero else least, most]))
    below, above = int(now.counts[now.keys < low].sum()), int(now.counts[now.keys > high].sum())
    if below and comes_down(observation, int(low)):
        below = 0
    if is_beyond := not below + above and _is_beyond(before, now):
        above = now.numbers
    rows = below + above
    clusters, bound = now.numbers / now.design_effect, checks.range_share
    if rows / now.design_effect < LEAST_WRONG_ROWS or rows / now.numbers <= bound + chance(bound, int(clusters), 1.0):
        return None
    if counts_up(observation) or (now.values and not has_fractions(before)) or before.is_code:  # numbers that are names
        return None
    return Deviation(
        check=DataCheck.RANGE,
        measure=rows / now.numbers,
        threshold=bound,
        rows=rows,
        what=f"is out of all range in {count(rows)} of {count(now.numbers)} values ({_extreme(now, below, above)})",
        remedy="look for a number that stands for none, or for rows in another unit",
        before=f"from {number(before.low)} to {number(before.high)}",
        severity=Severity.WARNS if is_beyond and _is_one_more(observation) else Severity.BLOCKS,
    )


def _is_one_more(observation: Observation) -> bool:
    """Whether a day that is beyond all that were is no further from them than days are from one another: a storm, and no other unit."""
    days, now = [column for column in observation.earlier if column.numbers], observation.now
    ends = [(np.array([getattr(column, end) for column in days]), float(getattr(now, end))) for end in ("low", "high")]
    return len(days) >= LEAST_KNOWN and all(
        found.min() - FAR_FACTOR * np.abs(np.diff(found)).max() <= value <= found.max() + FAR_FACTOR * np.abs(np.diff(found)).max()
        for found, value in ends
    )


def comes_down(observation: Observation, low: int = 0) -> bool:
    """Whether numbers below the bucket are no further down than the least of a day moves from day to day, as degrees do in winter.

    The whole day has to be lower: of amounts that changed their sign most did not.
    """
    now, before = observation.now, observation.before
    middle, low_before = now.quantile(0.5), before.quantile(0.25) if before is not None else None
    if middle is None or low_before is None or middle > low_before:
        return False
    lows = np.array([column.low for column in observation.earlier if column.numbers])
    is_one_more = _is_spread(now, low) or _is_next(now, low) or is_of_the_day(observation)
    return bool(is_one_more and len(lows) >= LEAST_KNOWN and now.low >= lows.min() - FAR_FACTOR * np.abs(np.diff(lows)).max())


def _is_spread(now: ColumnProfile, low: int) -> bool:
    """Whether the numbers below the bucket are many different ones."""
    counts = now.counts[now.keys < low]
    return len(counts) >= SPREAD_BUCKETS and bool(2 * counts.max() <= counts.sum())


def _is_next(now: ColumnProfile, low: int) -> bool:
    """Whether the few numbers below the bucket lie next to those above it: a cold hour that all series share, and no number for none."""
    below, above = now.keys[now.keys < low], now.keys[now.keys >= low]
    middle = now.quantile(0.5)
    if not len(below) or not len(above) or middle is None or now.counts[now.keys < low].sum() > FEW_SHARE * now.numbers:
        return False
    return bucket_middle(above[0]) - bucket_middle(below[-1]) <= GAP * (middle - now.low)


def _is_beyond(before: ColumnProfile, now: ColumnProfile) -> bool:
    """Whether all numbers are well beyond all that ever were, whatever zero is: degrees Fahrenheit among Celsius."""
    width = (before.high - before.low) * BEYOND
    is_one = now.low == now.high  # such as a rate of the day
    return not is_one and now.numbers >= LEAST_ROWS and (now.low > before.high + width or now.high < before.low - width)


def _widened(bound: float, factor: float) -> float:
    """A bound moved away from the values: the factor is below 1 for a lower bound, above 1 for an upper one."""
    return bound * factor if bound > 0 else bound / factor


def _extreme(now: ColumnProfile, below: int, above: int) -> str:
    return ", ".join([f"the least {number(now.low)}"] * bool(below) + [f"the most {number(now.high)}"] * bool(above))
