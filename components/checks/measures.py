"""What can be wrong with a column in a partition. Each function measures one thing, and says it if it is beyond the model's bound.

Partitions may be small: a bound is held against what chance does not explain.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from components.checks.findings import Check
from components.checks.history import Step
from components.model import Checks
from components.report.wording import count, legible, number, percent
from components.snapshot.distance import Cells, cells, chance_divergence, jensen_shannon
from components.snapshot.profile import ColumnProfile

IMPOSSIBLE = 1e-9
"""A probability that no false alarm in a decade of daily partitions and hundreds of columns has."""
CHANCE_FACTOR = 4.0
"""How many times the divergence that chance explains is left out of account."""
EXPECTED_ROWS = 20.0
"""A value that should have had so many rows, and has none, is missing: chance does so once in 500 million."""
LEAST_ROWS = 20
"""Of fewer rows nothing is said but that they are of the wrong kind."""
DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d{1,3}(\.?\d{3})*,\d+\s*$")
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is wrong with a column in a partition."""

    check: Check
    measure: float
    threshold: float
    rows: int
    """That it touches."""
    what: str
    remedy: str
    before: str = ""
    """What the column was before."""


def quoted(text: str) -> str:
    """A value in a sentence: short, on one line, whatever it holds."""
    shown = legible(text, SHOWN_CHARACTERS).replace("\n", "\\n")
    return f'"{shown}"'


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def text(step: Step, checks: Checks) -> Measure | None:
    """Text where there were numbers."""
    now, before = step.now, step.before
    if before is None or not now.texts or not before.is_numeric or now.texts <= checks.text_share * now.filled:
        return None
    first = next(iter(now.strangers))
    comma = all(DECIMAL_COMMA.match(value) for value in now.strangers)
    return Measure(
        check=Check.TEXT,
        measure=now.texts / now.filled,
        threshold=checks.text_share,
        rows=now.texts,
        what=f"is text in {count(now.texts)} of {count(now.filled)} values (first: {quoted(first)}{', a decimal comma' if comma else ''})",
        remedy="mend the preparation of the data and load these partitions again",
        before="number",
    )


def unfinite(step: Step, _checks: Checks) -> Measure | None:
    """NaN or infinity where there was none."""
    now, before = step.now, step.before
    found = now.nans + now.infinities
    if before is None or not found or before.nans + before.infinities or not before.is_numeric:
        return None
    name = "NaN" if not now.infinities else "infinite" if not now.nans else "NaN or infinite"
    return Measure(
        check=Check.NOT_FINITE,
        measure=found / now.filled,
        threshold=0.0,
        rows=found,
        what=f"is {name} in {count(found)} of {count(now.filled)} values",
        remedy="mend the computation that gives them, and load these partitions again",
        before="finite",
    )


def nulls(step: Step, checks: Checks) -> Measure | None:
    """Many more NULLs than before."""
    now, before = step.now, step.before
    if before is None or now.rows < LEAST_ROWS:
        return None
    was, found = before.nulls / before.rows, now.nulls / now.rows
    allowed = was + checks.null_share + 5 * math.sqrt(was * (1 - was) / now.rows)
    if found <= allowed or now.nulls < 5:
        return None
    return Measure(
        check=Check.NULLS,
        measure=found,
        threshold=was + checks.null_share,
        rows=now.nulls,
        what=f"is NULL in {'all' if now.nulls == now.rows else f'{count(now.nulls)} of'} {count(now.rows)} rows",
        remedy="look for a join or an export that lost it",
        before=f"NULL in {percent(was)} of rows" if was else "never NULL",
    )


def same_value(step: Step, _checks: Checks) -> Measure | None:
    """One and the same value everywhere, where chance would not have it so."""
    now, before = step.now, step.before
    if before is None or now.rows < LEAST_ROWS or not now.filled or not _is_constant(now):
        return None
    share = _share_of(before, now)
    if share**now.filled > IMPOSSIBLE:
        return None
    value = number(now.low) if now.numbers and not now.values else quoted(next(iter(now.values), ""))
    return Measure(
        check=Check.CONSTANT,
        measure=1.0,
        threshold=share,
        rows=now.filled,
        what=f"is {'zero' if now.numbers and now.low == 0 else value} in all {count(now.filled)} values",
        remedy="look for a default that took the place of the real values",
        before=f"so in {percent(share)} of values",
    )


def _is_constant(column: ColumnProfile) -> bool:
    if column.values:
        return len(column.values) == 1 and not column.others
    return column.numbers == column.filled and column.low == column.high


def _share_of(before: ColumnProfile, constant: ColumnProfile) -> float:
    """How common the constant's value was before."""
    if constant.values:
        return before.values.get(next(iter(constant.values)), 0) / max(before.filled, 1)
    place = np.searchsorted(before.keys, constant.keys[0])
    found = before.counts[place] if place < len(before.keys) and before.keys[place] == constant.keys[0] else 0
    return float(found) / max(before.filled, 1)


def frozen(step: Step, _checks: Checks) -> Measure | None:
    """The same distribution to the digit as in the partition before, where chance would not have it so."""
    now, last = step.now, step.last
    if last is None or now.rows < LEAST_ROWS or now.rows != last.rows or now.low != last.low or now.high != last.high:
        return None
    same = np.array_equal(now.keys, last.keys) and np.array_equal(now.counts, last.counts) and now.values == last.values
    if not same or _chance_of_same(now) > IMPOSSIBLE:
        return None
    return Measure(
        check=Check.FROZEN,
        measure=1.0,
        threshold=0.0,
        rows=now.rows,
        what=f"has to the digit the {count(now.rows)} values of the partition before",
        remedy="look for an export that wrote the same rows again",
    )


def _chance_of_same(column: ColumnProfile) -> float:
    """The probability of drawing the very same counts twice, about: the product of each cell's, one of which follows from the others."""
    counts = column.counts if len(column.counts) else np.array([*column.values.values()])
    rows = max(int(counts.sum()), 1)
    spread = counts * (1 - counts / rows)
    factors = np.sort(np.minimum(1.0, 1 / np.sqrt(4 * math.pi * np.maximum(spread, 1e-9))))
    return float(np.prod(factors[:-1])) if len(factors) > 1 else 1.0


def stretched(step: Step, _checks: Checks) -> Measure | None:
    """Text that is damaged, or far longer than it ever was."""
    now, before = step.now, step.before
    if before is None or not now.values:
        return None
    was = before.damaged / max(before.filled, 1)
    if now.damaged and now.damaged / now.filled > max(0.001, 10 * was):
        broken = next((value for value in now.values if any(mark in value for mark in "\ufffdÃÂâ")), next(iter(now.values)))
        return Measure(
            check=Check.ENCODING,
            measure=now.damaged / now.filled,
            threshold=max(0.001, 10 * was),
            rows=now.damaged,
            what=f"is damaged text in {count(now.damaged)} of {count(now.filled)} values (such as {quoted(broken)})",
            remedy="read and write it with the same encoding, UTF-8",
            before="whole",
        )
    if now.longest > max(1000, 10 * before.longest):
        return Measure(
            check=Check.LENGTH,
            measure=now.longest,
            threshold=max(1000, 10 * before.longest),
            rows=1,
            what=f"has a value of {count(now.longest)} characters",
            remedy="look for a field separator or a quote that was lost",
            before=f"{count(before.longest)} at most",
        )
    return None


def new_values(step: Step, checks: Checks) -> Measure | None:
    """Values of a category that were never there before."""
    now, before = step.now, step.before
    if before is None or not before.values or before.is_open or before.is_numeric or before.filled < 10 * LEAST_ROWS:
        return None
    unseen = {value: rows for value, rows in now.values.items() if value not in before.values}
    rows = sum(unseen.values()) + now.others
    if rows < 5 or rows <= checks.unseen_share * now.filled:
        return None
    first = next(iter(unseen), "")
    return Measure(
        check=Check.UNSEEN,
        measure=rows / now.filled,
        threshold=checks.unseen_share,
        rows=rows,
        what=f"has values that were never there in {count(rows)} of {count(now.filled)} rows (most often {quoted(first)})",
        remedy="look for a code list, a spelling or a column that changed; if they are right, raise checks.unseen_share for one run",
        before=f"{count(len(before.values))} values",
    )


def vanished(step: Step) -> Measure | None:
    """A value that must have been there by now, and is not."""
    now, before = step.now, step.before
    if before is None or not before.filled or before.is_open:
        return None
    expected = {value: rows / before.filled * now.filled for value, rows in before.values.items()}
    gone = [value for value, rows in expected.items() if rows >= EXPECTED_ROWS and value not in now.values]
    if not gone:
        return None
    share = sum(before.values[value] for value in gone) / before.filled
    return Measure(
        check=Check.COVERAGE,
        measure=share,
        threshold=0.0,
        rows=now.rows,
        what=f"has no row of {_listed([quoted(value) for value in gone])}",
        remedy="look for a source that was not loaded; a model must not forget a segment",
        before=f"{percent(share)} of rows",
    )


def wrong_hours(step: Step, _checks: Checks) -> Measure | None:
    """Hours of the day that are missing, or a clock that was set to another zone."""
    now, before = step.now, step.before
    if before is None or not len(now.hours) or not len(before.hours) or now.times < LEAST_ROWS:
        return None
    expected = before.hours / max(before.hours.sum(), 1) * now.times
    missing = [hour for hour in range(24) if expected[hour] >= EXPECTED_ROWS and not now.hours[hour]]
    shift = _clock_shift(before.hours, now.hours)
    if shift:
        return Measure(
            check=Check.TIME_ZONE,
            measure=abs(shift),
            threshold=0.0,
            rows=now.times,
            what=f"runs {abs(shift)} h {'late' if shift > 0 else 'early'}: the same day's pattern at other hours",
            remedy="look for a time zone that was lost or applied twice",
        )
    if not missing:
        return None
    return Measure(
        check=Check.COVERAGE,
        measure=len(missing),
        threshold=0.0,
        rows=int(expected[missing].sum()),
        what=f"has no row at {_listed([f'{hour}:00' for hour in missing])}",
        remedy="look for a load that ended early; a model must see every hour that it will serve",
        before="rows at every hour",
    )


def _clock_shift(before: np.ndarray, now: np.ndarray) -> int:
    """By how many hours the day's pattern has moved; 0 where it has not, or where another pattern explains it better."""
    differences = [_hours_apart(before, np.roll(now, -shift)) for shift in range(24)]
    best = int(np.argmin(differences))
    allowed = CHANCE_FACTOR * chance_divergence(Cells((), before, now))
    if best == 0 or differences[0] <= allowed + 0.02 or differences[best] > allowed or differences[best] > differences[0] / 4:
        return 0
    return best if best <= 12 else best - 24


def _hours_apart(before: np.ndarray, now: np.ndarray) -> float:
    return jensen_shannon(Cells((), before, now))


def shifted(step: Step, checks: Checks) -> Measure | None:
    """Other values than in the weeks before, by more than chance explains."""
    now, before = step.now, step.before
    if before is None or now.rows < LEAST_ROWS or before.filled < 2 * LEAST_ROWS or not now.filled:
        return None
    found = divergence(before, now)
    if found <= checks.drift:
        return None
    return Measure(
        check=Check.DRIFT,
        measure=found,
        threshold=checks.drift,
        rows=now.filled,
        what=f"has other values than in the weeks before (Jensen-Shannon {found:.2f}{_in_words(before, now)})",
        remedy="look for a unit, a sign or a column that changed; if the world did, raise checks.drift in model.toml",
    )


def divergence(before: ColumnProfile, now: ColumnProfile, *, bins: int = 10) -> float:
    """The Jensen-Shannon divergence of what is filled, in bits, without what chance explains; open texts have none."""
    if (before.is_open or now.is_open) and not before.is_numeric:
        return 0.0
    found = cells(before, now, bins=bins, only_values=True)
    return max(0.0, jensen_shannon(found) - CHANCE_FACTOR * chance_divergence(found))


def _in_words(before: ColumnProfile, now: ColumnProfile) -> str:
    was, is_now = before.quantile(0.5), now.quantile(0.5)
    if was is None or is_now is None:
        return ""
    factor = is_now / was if was else 0.0
    times = f", {factor:.3g} times as large" if factor > 3 else f", {1 / factor:.3g} times as small" if 0 < factor < 1 / 3 else ""
    sign = ", of the other sign" if was * is_now < 0 else ""
    return f"; median {number(is_now)}, was {number(was)}{times}{sign}"
