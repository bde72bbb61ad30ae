"""Windows of a small table as profiles: what a test says of a column, everything else stays the same."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from components.comparison.compare import Side
from components.model.column_lineage import Lineage
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, ProfileKey, label_population
from components.profiles.profiling import profile_batch

FIRST = date(2026, 3, 2)
"""A Monday."""
ROWS = 400
Column = Sequence[object] | np.ndarray
Change = Callable[[int], Mapping[str, Column | None]]
"""From the number of a day to the columns that are others there; None drops one."""
FEATURES = ("spend", "largest", "visits", "channel")
LINEAGE = Lineage(
    FEATURES,
    {"amount": frozenset({"spend", "largest"}), "pages": frozenset({"visits"}), "device": frozenset({"channel"})},
    keys=frozenset({"customer"}),
)


def day(number: int) -> date:
    """The day of that number, from 0."""
    return FIRST + timedelta(days=number)


def rows(number: int, *, several: int = ROWS) -> dict[str, Column | None]:
    """The columns of a day."""
    chance = np.random.default_rng(number)
    return {
        "customer": chance.integers(0, 10**9, several),
        "amount": np.round(chance.lognormal(3, 0.5, several), 2),
        "pages": chance.poisson(4, several),
        "device": [("phone", "desk", "phone", "tablet")[i] for i in chance.integers(0, 4, several)],
    }


def window(name: str, first: int, last: int, change: Change | None = None, *, features: Change | None = None) -> Side:
    """The days `first` to `last` of the source, and a span on each of the last two of them."""
    source = {_key(SOURCE_TABLE, n, change): _profile(rows(n), change, n) for n in range(first, last + 1)}
    spans = {_key(label_population(0), n, features): _profile(_features(n), features, n) for n in (last - 1, last)}
    return Side(name=name, source=source, rows=spans)


def _features(number: int) -> dict[str, Column | None]:
    made = rows(number + 1000)
    return {"spend": made["amount"], "largest": made["amount"], "visits": made["pages"], "channel": made["device"]}


def _key(population: str, number: int, change: Change | None) -> ProfileKey:
    """Days that a change leaves alone are the same in every window."""
    changed = "" if change is None or not change(number) else f" changed {id(change)}"
    return ProfileKey(population, day(number), f"{number}{changed}")


def _profile(columns: dict[str, Column | None], change: Change | None, number: int) -> Mapping[str, ColumnProfile]:
    found = columns | dict(change(number) if change else {})
    arrays = {name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in found.items() if column is not None}
    return profile_batch(pa.RecordBatch.from_pydict(arrays))


def since(number: int, columns: Callable[[int], Mapping[str, Column | None]]) -> Change:
    """A change that begins on the day of that number."""
    return lambda n: columns(n) if n >= number else {}
