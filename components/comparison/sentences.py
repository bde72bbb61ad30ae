"""Describe differences of data in sentences for a person."""

import numpy as np

from components.comparison.changes import ColumnChange
from components.comparison.columns import ColumnDifference
from components.comparison.compare import DataComparison, Difference, Subject
from components.comparison.row_numbers import RowsChange
from components.comparison.shared_cells import OTHERS
from components.profiles.profile import ColumnProfile
from components.wording import count, legible, number, percent

CLEAR = 0.1
"""The score from which a difference that is no fault is called the likely culprit."""
SHOWN_VALUES = 3
VALUE_CHARACTERS = 40
SHOWN_FEATURES = 6
SAID_WITH_SHIFT = (ColumnChange.UNIT, ColumnChange.TURNED, ColumnChange.CLOCK)
"""What explains a shift is said where that is."""


def culprit(comparison: DataComparison) -> str:
    """The first line of a comparison: what most likely makes the model different."""
    top = leading(comparison)
    if top is not None:
        return f"Likely culprit: {sentence(top)}" if is_clear(top) else f"No clear culprit; what differs most: {sentence(top)}"
    if comparison.is_same:
        return "The data are the same: every partition and every row of source.sql."
    return "The data differ in no more than chance explains."


def leading(comparison: DataComparison) -> Difference | None:
    """The difference that most likely makes the model different. Keys, dates, counters and what model.toml ignores are none."""
    return next((difference for difference in comparison.differences if difference.leads), None)


def is_clear(difference: Difference) -> bool:
    """Whether the difference is likely to make the model different: something broke, or much of its input changed."""
    return is_break(difference) or difference.score >= CLEAR


def is_break(difference: Difference) -> bool:
    """Whether something broke that the model reads."""
    is_twice = difference.rows is not None and difference.rows.twice > 0
    return (is_twice or (difference.column is not None and difference.column.is_break)) and difference.score > 0


def sentence(difference: Difference) -> str:
    """Describe a difference and which features it reaches."""
    if difference.column is None:
        return how(difference)
    where, usual = (f" in {difference.odd[0]}", f"; as usual in {difference.odd[1]}") if difference.odd else ("", "")
    return f"{subject(difference)}{where}: {describe(difference.column)}{usual}{_effect(difference)}"


def how(difference: Difference) -> str:
    """Describe how something differs, and in which window, without its name."""
    if difference.column is not None:
        told = describe(difference.column)
        return f"in {difference.odd[0]}, {told}; as usual in {difference.odd[1]}" if difference.odd else told
    return _rows(difference.rows, difference.odd) if difference.rows else ""


def _rows(rows: RowsChange, odd: tuple[str, str] | None) -> str:
    if rows.twice:
        where, usual = (f" in {odd[0]}", f" in {odd[1]}") if odd else ("", " before")
        return f"{percent(rows.twice)} of the rows of a partition are there twice{where}, since {rows.since}; hardly any were{usual}"
    if odd:
        return f"partitions have {count(rows.now)} rows in {odd[0]}, and {count(rows.was)} in {odd[1]} (medians)"
    return f"partitions have {count(rows.now)} rows, and had {count(rows.was)} (medians)"


def subject(difference: Difference) -> str:
    """Name what differs."""
    if difference.subject == Subject.ROWS:
        return "rows of a partition"
    return f"{'column' if difference.subject == Subject.SOURCE else 'feature'} {legible(difference.name)}"


def _effect(difference: Difference) -> str:
    if difference.subject == Subject.FEATURE:
        return ""
    if not difference.fed:
        return "; it feeds no feature"
    names = ", ".join(legible(name) for name in difference.fed[:SHOWN_FEATURES])
    more = f" and {len(difference.fed) - SHOWN_FEATURES} more" if len(difference.fed) > SHOWN_FEATURES else ""
    return f"; it feeds {names}{more}"


def describe(column: ColumnDifference) -> str:
    """Describe how a column differs, the worst change first."""
    changes = [text for kind in column.kinds if (text := _kind(kind, column))]
    since = f", since {column.since}" if column.since else ""
    return "; ".join(changes) + since


def _kind(kind: ColumnChange, column: ColumnDifference) -> str:
    before, after = column.before, column.after
    if kind == ColumnChange.ABSENT:
        return "is gone" if column.whole_after is None else "is new"
    if kind == ColumnChange.TYPE:
        return f"was {_type(column.whole_before)} and is {_type(column.whole_after)}"
    if before is None or after is None or kind in SAID_WITH_SHIFT:
        return ""
    if kind == ColumnChange.VANISHED:
        is_said = ColumnChange.SHIFT in column.kinds
        return "" if is_said else f"none in {_quoted(list(column.gone), 2 * SHOWN_VALUES)} any more"
    match kind:
        case ColumnChange.TEXT:
            samples = list(after.non_numeric_samples)
            examples = _quoted([text for text in samples if text not in before.non_numeric_samples] or samples)
            return f"{_rise(before.texts, before, after.texts, after, 'text that is no number')}, such as {examples}"
        case ColumnChange.UNFINITE:
            return _rise(before.nans + before.infinities, before, after.nans + after.infinities, after, "NaN or infinite")
        case ColumnChange.DAMAGED:
            return _rise(before.damaged, before, after.damaged, after, "text in a wrong encoding")
        case ColumnChange.NULLS:
            return "" if ColumnChange.DEAD in column.kinds else _rise(before.nulls, before, after.nulls, after, "NULL")
        case ColumnChange.DEAD:
            return f"all values are {_only_value(after)} ({percent(_share_of_only(before, after))} were)"
    return "" if {ColumnChange.TEXT, ColumnChange.DEAD, ColumnChange.UNFINITE} & column.kinds.keys() else _shift(column, before, after)


def _type(profile: ColumnProfile | None) -> str:
    return profile.type if profile else "absent"


def _rise(was: int, before: ColumnProfile, now: int, after: ColumnProfile, what: str) -> str:
    return f"{percent(now / max(after.rows, 1))} of its values are {what} ({percent(was / max(before.rows, 1))} were)"


def _only_value(profile: ColumnProfile) -> str:
    if profile.nulls == profile.rows:
        return "NULL"
    return number(profile.low) if profile.numbers else _quoted(list(profile.values))


def _share_of_only(before: ColumnProfile, after: ColumnProfile) -> float:
    if after.nulls == after.rows:
        return before.nulls / max(before.rows, 1)
    if after.numbers and len(after.keys):
        return int(before.counts[before.keys == after.keys[0]].sum()) / max(before.rows, 1)
    return before.values.get(next(iter(after.values)), 0) / max(before.rows, 1)


def _shift(column: ColumnDifference, before: ColumnProfile, after: ColumnProfile) -> str:
    share = f"{percent(column.total_variation)} of its values differ"
    if before.is_numeric and before.mean is not None and after.mean is not None:
        return f"{share}: mean {number(before.mean)} → {number(after.mean)}{_guess(column)}"
    added, vanished = added_and_vanished(column)
    if added or vanished:
        parts = ([f"new {_quoted(added)}"] if added else []) + ([f"gone {_quoted(vanished)}"] if vanished else [])
        return f"{share}: {', '.join(parts)}"
    return f"{share}: {_largest_cell(column)}{_guess(column)}"


def _guess(column: ColumnDifference) -> str:
    """What may have happened, where all values are explained by it."""
    if column.unit is not None:
        times, direction = max(column.unit, 1 / column.unit), "larger" if column.unit > 1 else "smaller"
        return f" (the median is {number(times)} times {direction}: another unit?)"
    if column.hours:
        return f" (the day's pattern is {abs(column.hours)} h {'later' if column.hours > 0 else 'earlier'}: another time zone?)"
    return " (the two values changed places: turned round?)" if ColumnChange.TURNED in column.kinds else ""


def _largest_cell(column: ColumnDifference) -> str:
    """Name the hours or weekdays without any row, or else the value whose share changed most."""
    if column.cells is None:
        return ""
    labels = column.cells.labels
    before, after = column.cells.shares
    is_date = column.before is not None and column.before.times and not len(column.before.hours)
    if is_date:  # dates have others by nature: what came tells more than what left
        index = int((after - before).argmax())
        return f"{legible(labels[index], VALUE_CHARACTERS)} {percent(float(before[index]))} → {percent(float(after[index]))}"
    stopped = [label for label, was, now in zip(labels, before, after, strict=True) if was and not now and label != OTHERS]
    if stopped:
        return f"none in {_quoted(stopped, 2 * SHOWN_VALUES)} any more"
    index = int(np.abs(before - after).argmax())
    return f"{legible(labels[index], VALUE_CHARACTERS)} {percent(float(before[index]))} → {percent(float(after[index]))}"


def added_and_vanished(column: ColumnDifference) -> tuple[list[str], list[str]]:
    """The values of a category that were added, and those that vanished, the most frequent first; none if a profile lacks some values."""
    before, after = column.before, column.after
    if before is None or after is None or not (before.is_category and after.is_category):
        return [], []
    return [v for v in after.values if v not in before.values], [v for v in before.values if v not in after.values]


def _quoted(values: list[str], limit: int = SHOWN_VALUES) -> str:
    """Quote the first values, and count the rest."""
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(f"'{legible(value, VALUE_CHARACTERS)}'" for value in values[:limit]) + more
