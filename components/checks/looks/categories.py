"""The values of a category: new ones, and ones that are gone."""

from collections.abc import Mapping

from components.checks.findings import DataCheck, Severity
from components.checks.looks.deviation import EXPECTED_ROWS, LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, listed, quoted
from components.checks.looks.earlier_days import RECURRENCE_FACTOR, Observation
from components.model.folder import ChecksSection
from components.profiles.profile import ColumnProfile, bucket_middle
from components.wording import count, number, percent

COMMON_SHARE = 0.05
"""Of the rows: a value so common whose end is told even where the column is no segment."""
LEAST_PARTITIONS = 7
"""Before it, to say what is always there."""
CATEGORY_BUCKETS = 50
"""Numbers of a column that are values of a category: whole ones up to here have a bucket each."""


def new_values(step: Observation, checks: ChecksSection) -> Deviation | None:
    """Values of a category that were never there before."""
    now, before = step.now, step.before
    if before is None or not before.values or not before.is_category or before.filled < 10 * LEAST_ROWS:
        return None
    unseen = {value: rows for value, rows in now.values.items() if value not in before.values}
    rows = sum(unseen.values()) + now.others
    if rows < LEAST_WRONG_ROWS or rows <= max(checks.unseen_share, RECURRENCE_FACTOR * _usual_share(step)) * now.filled:
        return None
    first = next(iter(unseen), "")
    return Deviation(
        check=DataCheck.UNSEEN,
        measure=rows / now.filled,
        threshold=checks.unseen_share,
        rows=rows,
        what=f"has values that were never there in {count(rows)} of {count(now.filled)} rows "
        f"(most often {quoted(first)}{_other_spelling(first, before.values)})",
        remedy="look for a code list, a spelling or a column that changed; if they are right, raise checks.unseen_share in model.toml",
        before=f"{count(len(before.values))} values",
    )


def _usual_share(step: Observation) -> float:
    """The most that was new in one of the partitions before: of numbers of a delivery, or days in words, everything is on every day."""
    ahead = [step.now, step.ahead] if step.ahead is not None else []
    known, most = set[str](), 0.0
    for place, one in enumerate([*step.earlier, *ahead]):
        new = sum(rows for value, rows in one.values.items() if value not in known)
        if place and one is not step.now:
            most = max(most, new / max(one.filled, 1))
        known |= one.values.keys()
    return most


def _other_spelling(value: str, known: Mapping[str, int]) -> str:
    same = next((one for one in known if one.strip().casefold() == value.strip().casefold()), None)
    return "" if same is None else f", another spelling of {quoted(same)}"


def lost_segment(step: Observation, _checks: ChecksSection) -> Deviation | None:
    """A value of a segment that must have been there by now, and is not."""
    return _lost(step, 0.0)


def lost_value(step: Observation, _checks: ChecksSection) -> Deviation | None:
    """The same of any category, of its common values that every partition before had. It warns: campaigns end."""
    if step.before is None or step.before.is_numeric or len(step.earlier) < LEAST_PARTITIONS:
        return None
    return _lost(step, COMMON_SHARE, Severity.WARNS)


def _lost(step: Observation, least_share: float, severity: Severity = Severity.BLOCKS) -> Deviation | None:
    now, before = step.now, step.before
    if before is None or not before.filled:
        return None
    shares, there = shares_by_value(before), shares_by_value(now)
    gone = [value for value, share in shares.items() if value not in there and share >= least_share and share * now.filled >= EXPECTED_ROWS]
    if severity == Severity.WARNS:
        gone = [value for value in gone if all(value in one.values for one in step.earlier)]
    if not gone:
        return None
    share = sum(shares[value] for value in gone)
    return Deviation(
        check=DataCheck.COVERAGE,
        measure=share,
        threshold=0.0,
        rows=now.rows,
        what=f"has no row of {listed([quoted(value) for value in gone])}",
        remedy="look for a source that was not loaded; a model must not forget a segment",
        before=f"{percent(share)} of rows",
        severity=severity,
    )


def shares_by_value(column: ColumnProfile) -> dict[str, float]:
    """The share of the rows of each value of a category; empty where the values are too many to be one."""
    if column.values and not column.has_uncounted_values:
        return {value: rows / column.filled for value, rows in column.values.items()}
    if column.is_numeric and len(column.keys) <= CATEGORY_BUCKETS:
        middles = (bucket_middle(key) for key in column.keys)
        names = [str(round(middle)) if column.type == "INTEGER" else number(middle) for middle in middles]
        return {name: rows / column.filled for name, rows in zip(names, column.counts, strict=True)}
    return {}
