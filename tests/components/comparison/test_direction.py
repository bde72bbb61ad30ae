"""Of two windows the odd one is told, whichever is named first and whichever is older: by the days before and after them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from components.comparison.compare import DataComparison, Side, compare_profiles
from components.comparison.sentences import culprit, is_break, leading
from components.model.column_lineage import Lineage
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, ProfileKey
from components.profiles.profiling import profile_batch
from tests.components.profiles.profiled import day

ROWS = 300
COLUMNS = ("amount", "device", "at", "pages", "member")
LINEAGE = Lineage(COLUMNS, {name: frozenset({name}) for name in COLUMNS}, keys=frozenset({"customer"}))
Frame = dict[str, pa.Array]
Spoil = Callable[[Frame], Frame]


def frame(number: int) -> Frame:
    """A day of customers who pay, at hours of the day, with a device."""
    chance = np.random.default_rng(1000 + number)
    hours = np.sort(chance.choice(np.arange(8, 20), ROWS))
    return {
        "customer": pa.array(chance.integers(0, 10**9, ROWS)),
        "amount": pa.array(np.round(chance.lognormal(3, 0.5, ROWS), 2)),
        "device": pa.array(chance.choice(["phone", "desk", "tablet"], ROWS, p=[0.5, 0.3, 0.2])),
        "at": pa.array(np.datetime64(day(number), "us") + hours * np.timedelta64(1, "h")),
        "pages": pa.array(chance.poisson(4, ROWS)),
        "member": pa.array(chance.random(ROWS) < 0.2),
    }


def _amounts(change: Callable[[np.ndarray], object]) -> Spoil:
    return lambda columns: {**columns, "amount": pa.array(change(np.asarray(columns["amount"])))}


def _kept(column: str, keep: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    def spoil(columns: Frame) -> Frame:
        kept = pa.array(keep(np.asarray(columns[column])))
        return {name: values.filter(kept) for name, values in columns.items()}

    return spoil


SPOILT: Mapping[str, tuple[str, Spoil]] = {
    "unit": ("amount", _amounts(lambda values: values * 100)),
    "text": ("amount", _amounts(lambda values: [f"{value} USD" if place % 5 == 0 else str(value) for place, value in enumerate(values)])),
    "NULLs": ("amount", _amounts(lambda values: [None if place % 2 else value for place, value in enumerate(values)])),
    "a default": ("amount", _amounts(lambda values: np.where(np.arange(len(values)) % 3 == 0, -1.0, values))),
    "hours": ("at", _kept("at", lambda times: (times.astype("datetime64[h]").astype(int) % 24) >= 11)),
    "category": ("device", _kept("device", lambda values: values != "tablet")),
    "spelling": (
        "device",
        lambda columns: {**columns, "device": pa.array([str(value).upper() for value in columns["device"].to_pylist()])},
    ),
    "clock": ("at", lambda columns: {**columns, "at": pa.array(np.asarray(columns["at"]) - 3 * np.timedelta64(1, "h"))}),
    "turned": ("member", lambda columns: {**columns, "member": pa.array([not value for value in columns["member"].to_pylist()])}),
    "miles": ("amount", _amounts(lambda values: values / 1.609)),
    "type": ("pages", lambda columns: {**columns, "pages": columns["pages"].cast(pa.string())}),
    "rows": ("rows", lambda columns: {name: pa.concat_arrays([values, values]) for name, values in columns.items()}),
}


ALL_ZERO = ("amount", _amounts(lambda values: np.zeros(len(values))))
"""As on days before anybody filled the column."""


@cache
def _profile(number: int, kind: str) -> ColumnProfiles:
    columns = {**SPOILT, "one value": ALL_ZERO}[kind][1](frame(number)) if kind else frame(number)
    return profile_batch(pa.RecordBatch.from_pydict(columns), "customer")


def source(kind: str, first: int, last: int, bad: range) -> dict[ProfileKey, ColumnProfiles]:
    return {
        ProfileKey(SOURCE_TABLE, day(n), f"{n} {kind if n in bad else ''}"): _profile(n, kind if n in bad else "")
        for n in range(first, last + 1)
    }


@dataclass(frozen=True)
class Story:
    """Two windows, the days that are bad in each, and the source's days around them as they are now."""

    name: str
    first: tuple[int, int]
    first_bad: range
    second: tuple[int, int]
    second_bad: range
    odd: str | None
    """`first`, `second`, or None if both are good or bad alike."""
    around: tuple[int, int] | None = None
    around_bad: range = range(0)


NOTHING = range(0)
STORIES = (
    Story("both good", (0, 20), NOTHING, (7, 27), NOTHING, None),
    Story("both bad by the same", (0, 20), range(21), (7, 27), range(28), None),
    Story("broken in the days that the second has more", (0, 20), NOTHING, (7, 27), range(21, 28), "second"),
    Story("broken since, in another window, and still", (0, 20), NOTHING, (21, 41), range(21, 42), "second", (-14, 55), range(21, 56)),
    Story("loaded again, and mended by it", (0, 20), range(14, 21), (0, 20), NOTHING, "first"),
    Story("loaded again, and broken by it", (0, 20), NOTHING, (0, 20), range(14, 21), "second"),
    Story("mended in a window that slid on", (0, 20), range(14, 21), (7, 27), NOTHING, "first"),
    Story("bad in the middle, and mended since", (0, 20), range(21), (21, 41), NOTHING, "first", (-14, -1)),
    Story("bad from the beginning of the table, and mended within", (0, 20), range(21), (21, 41), NOTHING, "first", (42, 55)),
    Story("good, bad in the middle and mended since", (0, 20), NOTHING, (21, 41), range(21, 42), "second", (-14, 55)),
    Story("broken on the last days of another window", (0, 20), NOTHING, (21, 41), range(36, 42), "second", (-14, -1)),
    Story("broken on the last days of the first, and mended", (0, 20), range(15, 21), (21, 41), NOTHING, "first", (-14, -1)),
)


def compared(story: Story, kind: str, *, turned: bool) -> DataComparison:
    one = Side(name="first", source=source(kind, *story.first, story.first_bad), rows={})
    other = Side(name="second", source=source(kind, *story.second, story.second_bad), rows={})
    days = {part.day for part in (*one.source, *other.source)}
    around = source(kind, *story.around, story.around_bad) if story.around else {}
    others = {part: table for part, table in around.items() if part.day not in days}
    return compare_profiles(*((other, one) if turned else (one, other)), LINEAGE, partition_field="day", others=others)


@pytest.mark.parametrize(("kind", "turned"), [*((kind, False) for kind in SPOILT), ("unit", True), ("NULLs", True), ("rows", True)])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.name))
def test_the_odd_window_is_told(story: Story, kind: str, turned: bool) -> None:
    found = compared(story, kind, turned=turned)
    top = leading(found)
    if story.odd is None:
        assert top is None, culprit(found)
        return
    assert top is not None
    assert top.name == SPOILT[kind][0], culprit(found)
    assert (top.odd[0] if top.odd else found.after) == story.odd, culprit(found)
    assert is_break(top) or kind == "a default", culprit(found)


def test_the_sentence_names_the_window_that_is_odd_and_the_one_that_is_not() -> None:
    story = next(story for story in STORIES if story.name.startswith("mended in a window"))
    found = compared(story, "unit", turned=False)
    assert culprit(found).startswith("Likely culprit: column amount in first: ")
    assert "(the median is 100 times larger: another unit?)" in culprit(compared(replace(story, second=(0, 20)), "unit", turned=False))
    assert ", since 2026-03-16; as usual in second; it feeds amount" in culprit(found)


def test_what_is_never_right_is_odd_though_it_was_so_before() -> None:
    story = Story("filled once, and no more", (0, 20), NOTHING, (21, 41), range(21, 42), "second", (-28, -1), range(-28, 0))
    top = leading(compared(story, "one value", turned=False))
    assert top is not None
    assert (top.name, top.odd) == ("amount", None)
