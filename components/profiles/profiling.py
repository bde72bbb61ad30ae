"""Profile rows in Arrow: whole columns at a time, batch after batch, in memory that does not grow with the rows."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.profiles.dates import date_keys
from components.profiles.profile import (
    KEPT_FORMS,
    KEPT_SAMPLES,
    KEPT_VALUES,
    ColumnProfile,
    bucket_keys,
    count_keys,
    most_common,
)

FINITE_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
UNFINITE_NUMBER = r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$"
FOLLOWING = (
    "\u0080-\u009f\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf"  # Latin-1
    "\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2020\u2021\u2030\u20ac\u2122"  # Windows-1252
)
"""The second and later bytes of a character in UTF-8, read as Latin-1 or Windows-1252, without spaces and punctuation."""
MARKS = "\u00ab\u00bb\u2013\u2014\u2018-\u201e\u2022\u2026\u2039\u203a"
"""The same bytes that are punctuation there."""
DAMAGE = (
    "\ufffd|\u00e2\u20ac|\u00f0[\u009f\u0178]"  # replaced; punctuation; emoji
    f"|[\u00c2\u00c3][\u00a0{FOLLOWING}{MARKS}]"  # western letters
    f"|[\u00c4\u00c5\u00ce-\u00d1][\u201a{FOLLOWING}]"  # eastern ones, Greek, Cyrillic
    f"|[\u00e0-\u00ef][{FOLLOWING}{MARKS}][\u00a0{FOLLOWING}{MARKS}]"  # all others
)
"""Matches the replacement character, and UTF-8 that was read as Latin-1 or Windows-1252."""
FORMS = ((r"[0-9]+", "9"), (r"\pL+", "A"))
"""What stands for each run of digits and of letters in the form of a text."""
LONGEST_FORM = 12
FEW = 50
"""Texts of a category, which are examined once: every pattern takes a millisecond to compile."""
MICROSECONDS_OF_A_DAY = 86_400_000_000
LONGEST_KEPT = 200
"""How many characters of a value are kept."""


def profile_batch(batch: pa.RecordBatch, cluster: str = "", day: date | None = None) -> dict[str, ColumnProfile]:
    """Profile every column of the rows.

    Args:
        batch: the rows.
        cluster: the column whose value rows share that belong together, such as the lines of an order. A cluster that two batches
            share counts as two: see `Profiler`.
        day: of the partition, from which dates are some days away; None for rows of no day.
    """
    profiles = {name: _profile_column(batch.column(name), day) for name in batch.schema.names}
    if cluster not in profiles or profiles[cluster].rows == profiles[cluster].nulls:
        return profiles
    code = _codes(batch.column(cluster), null_is_own=True)
    pairs = int((np.bincount(code).astype(np.int64) ** 2).sum()) - len(code)
    if not pairs:
        return profiles
    return {
        name: column if name == cluster or pa.types.is_nested(values.type) else replace(column, pairs=pairs, twins=_twins(values, code))
        for (name, column), values in zip(profiles.items(), batch.columns, strict=True)
    }


def _codes(column: pa.Array, *, null_is_own: bool = False) -> np.ndarray:
    """A number for each row that is the same for equal values, int64 [rows]. Each NULL may be a value of its own."""
    encoded = column.dictionary_encode()
    codes, size = np.asarray(encoded.indices.fill_null(len(encoded.dictionary))).astype(np.int64), len(encoded.dictionary)
    return codes + np.where(codes == size, np.cumsum(codes == size) - 1, 0) if null_is_own else codes


def _twins(column: pa.Array, cluster: np.ndarray) -> int:
    """Ordered pairs of rows of one cluster with the same value; of times with the same hour."""
    if pa.types.is_timestamp(column.type):
        column = pc.hour(column)
    codes = _codes(column)
    cells = np.sort(cluster * (int(codes.max(initial=0)) + 1) + codes)
    ends = np.flatnonzero(np.append(cells[1:] != cells[:-1], True))
    return int((np.diff(ends, prepend=-1).astype(np.int64) ** 2).sum()) - len(cells)


def _profile_column(column: pa.Array, day: date | None = None) -> ColumnProfile:
    """Profile one column of numbers, texts, booleans, dates or times. For any other type only NULLs are counted."""
    kind, types = column.type, pa.types
    filled = column.drop_null()
    rows = {"type": _bigquery_type(kind), "rows": len(column), "nulls": column.null_count}
    if types.is_string(kind) or types.is_large_string(kind):
        return _texts(filled, rows)
    if types.is_boolean(kind):
        return _texts(filled.cast(pa.string()), rows)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _numbers(np.asarray(filled.cast(pa.float64(), safe=False)), rows)
    if types.is_date(kind) or types.is_timestamp(kind):
        return _times(filled, rows, day)
    return ColumnProfile(**rows, times=len(filled))


def _bigquery_type(kind: pa.DataType) -> str:
    """BigQuery's name for a type of Arrow."""
    types = pa.types
    named = {
        "INTEGER": types.is_integer,
        "FLOAT": types.is_floating,
        "NUMERIC": types.is_decimal,
        "STRING": lambda k: types.is_string(k) or types.is_large_string(k),
        "BOOLEAN": types.is_boolean,
        "DATE": types.is_date,
        "TIME": types.is_time,
        "BYTES": types.is_binary,
    }
    if types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    return next((name for name, holds in named.items() if holds(kind)), str(kind).upper())


def _numbers(numbers: np.ndarray, rows: dict[str, object]) -> ColumnProfile:
    finite = numbers[np.isfinite(numbers)]
    nans = int(np.isnan(numbers).sum())
    keys, counts = count_keys(bucket_keys(finite))
    return ColumnProfile(
        **rows,  # type: ignore[arg-type]
        numbers=len(finite),
        nans=nans,
        infinities=len(numbers) - len(finite) - nans,
        low=float(finite.min(initial=np.inf)),
        high=float(finite.max(initial=-np.inf)),
        total=float(finite.sum()),
        keys=keys,
        counts=counts,
    )


def _texts(texts: pa.Array, rows: dict[str, object]) -> ColumnProfile:
    """Examines each distinct text once."""
    counted = texts.value_counts()
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    kinds = _kinds_of_few(tuple(distinct.to_pylist())) if len(distinct) <= FEW else _kinds(distinct)
    as_numbers = _numbers(np.repeat(kinds.numbers, times[kinds.is_number]), rows)
    is_text = ~kinds.is_number & ~kinds.is_unfinite
    values, others = _most_common(distinct, times, KEPT_VALUES)
    unfinite, infinite = (int(times[one].sum()) for one in (kinds.is_unfinite, kinds.is_infinite))
    fields = {name: getattr(as_numbers, name) for name in ("numbers", "low", "high", "total", "keys", "counts")}
    return ColumnProfile(
        **rows,  # type: ignore[arg-type]
        **fields,
        texts=int(times[is_text].sum()),
        nans=as_numbers.nans + unfinite - infinite,
        infinities=as_numbers.infinities + infinite,
        values=values,
        others=others,
        non_numeric_samples=_most_common(distinct.filter(pa.array(is_text)), times[is_text], KEPT_SAMPLES)[0],
        longest=kinds.longest,
        forms=_forms(kinds.forms, times),
        damaged=int(times[kinds.is_damaged].sum()),
    )


@dataclass(frozen=True, eq=False)
class _Kinds:
    """What distinct texts are: bool [texts] each, and what follows of it."""

    is_number: np.ndarray
    is_unfinite: np.ndarray
    is_infinite: np.ndarray
    is_damaged: np.ndarray
    numbers: np.ndarray
    """Of those that are numbers, float64."""
    forms: pa.DictionaryArray
    longest: int


@lru_cache(maxsize=1024)
def _kinds_of_few(texts: tuple[str, ...]) -> _Kinds:
    """Those of a category, which every batch has again."""
    return _kinds(pa.array(texts, pa.string()))


def _kinds(texts: pa.Array) -> _Kinds:
    is_number, is_unfinite, is_damaged = (_matches(texts, pattern) for pattern in (FINITE_NUMBER, UNFINITE_NUMBER, DAMAGE))
    shapes = pc.utf8_slice_codeunits(texts, 0, 2 * LONGEST_FORM)
    for pattern, sign in FORMS:
        shapes = pc.replace_substring_regex(shapes, pattern, sign)
    return _Kinds(
        is_number=is_number,
        is_unfinite=is_unfinite,
        is_infinite=is_unfinite & _matches(texts, "(?i)inf"),
        is_damaged=is_damaged,
        numbers=np.asarray(pc.utf8_trim_whitespace(texts.filter(pa.array(is_number))).cast(pa.float64())),
        forms=pc.utf8_slice_codeunits(shapes, 0, LONGEST_FORM).dictionary_encode(),
        longest=pc.max(pc.utf8_length(texts)).as_py() or 0,
    )


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pc.match_substring_regex(texts, pattern).cast(pa.int8())).astype(bool)


def _forms(forms: pa.DictionaryArray, times: np.ndarray) -> dict[str, int]:
    """The rows by form of text."""
    rows = np.bincount(np.asarray(forms.indices), times, len(forms.dictionary)).astype(np.int64)
    return _most_common(forms.dictionary, rows, KEPT_FORMS)[0]


def _most_common(values: pa.Array, times: np.ndarray, limit: int) -> tuple[dict[str, int], int]:
    if len(values) > 10 * limit:  # only candidates are converted to Python's strings
        least = np.partition(times, -limit)[-limit]
        chosen = np.flatnonzero(times > least)
        equal = np.flatnonzero(times == least)[: 10 * limit]
        indices = np.concatenate([chosen, equal])
        counted, dropped = most_common(_shortened(values.take(pa.array(indices)), times[indices]), limit)
        return counted, dropped + int(times.sum() - times[indices].sum())
    return most_common(_shortened(values, times), limit)


def _shortened(values: pa.Array, times: np.ndarray) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value, count in zip(values.to_pylist(), times.tolist(), strict=True):
        short = value if len(value) <= LONGEST_KEPT else f"{value[:LONGEST_KEPT]}…"
        counts[short] = counts.get(short, 0) + count
    return counts


def _times(times: pa.Array, rows: dict[str, object], day: date | None) -> ColumnProfile:
    has_hours = pa.types.is_timestamp(times.type)
    hours = np.bincount(np.asarray(pc.hour(times)), minlength=24) if has_hours else np.zeros(0, np.int64)
    weekdays = np.bincount(np.asarray(pc.day_of_week(times)), minlength=7)
    dates = _dates(times, day) if day is not None and len(times) else {}
    return ColumnProfile(**rows, times=len(times), hours=hours, weekdays=weekdays, **dates)  # type: ignore[arg-type]


def _dates(times: pa.Array, day: date) -> dict[str, object]:
    """How far the dates are from a day."""
    if pa.types.is_timestamp(times.type):
        days = np.asarray(times.cast(pa.timestamp("us", times.type.tz), safe=False).cast(pa.int64())) // MICROSECONDS_OF_A_DAY
    else:
        days = np.asarray(times.cast(pa.date32()).cast(pa.int32())).astype(np.int64)
    distinct, of_each = np.unique(days, return_counts=True)
    keys = date_keys(distinct, day)
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    return {"low": float(distinct[0]), "high": float(distinct[-1]), "keys": keys[first], "counts": np.add.reduceat(of_each, first)}
