"""What the page of a comparison says, as plain values."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Shares:
    """A column's values in cells that both sides have, as shares of each side's rows; float from 0 to 1."""

    labels: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a column holds on one side. Shares are of its rows; numbers are None where it holds none."""

    type: str
    rows: int
    nulls: float
    texts: float
    unfinite: float
    low: float | None
    median: float | None
    mean: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class ColumnRow:
    """A column side by side, on the days that tell the sides apart; a side is None where it has no such column or day."""

    name: str
    of: str
    """Which table's column it is."""
    before: Facts | None
    after: Facts | None
    total_variation: float
    jensen_shannon: float
    l_infinity: float
    population_stability: float
    is_fault: bool
    differs: bool


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """One of the ranked differences."""

    name: str
    how: str
    score: float
    share: float | None
    is_fault: bool
    feeds: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    numbers: Shares | None = None
    """To be drawn as a histogram."""
    values: Shares | None = None
    """To be listed: categories, the most different first."""
    added: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WindowRow:
    """How the days of two windows differ: of partitions, or of spans."""

    name: str
    added: tuple[date, ...]
    vanished: tuple[date, ...]
    rewritten: tuple[date, ...]
    same: int


@dataclass(frozen=True, kw_only=True)
class RowsSection:
    """How many rows there are, and when. Two numbers are before and after."""

    partitions: tuple[tuple[date, int | None, int | None], ...]
    weekdays: tuple[tuple[float, ...], tuple[float, ...]]
    """Rows of an average partition, Monday first; 7 each."""
    hour_column: str | None
    hours: tuple[tuple[float, ...], tuple[float, ...]] | None
    """Shares of the rows; 24 each."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A metric on one side."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric on a slice, side by side."""

    name: str
    slice: str
    before: Measured | None
    after: Measured | None
    significance: str
    is_significant: bool


@dataclass(frozen=True)
class FileRow:
    """A file that differs, as a unified diff."""

    path: str
    diff: str


@dataclass(frozen=True)
class FactRow:
    """Something else that differs; None where it is absent."""

    kind: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class ComparisonReport:
    """Everything on the page. Metrics, files and facts are None where only data were compared."""

    model: str
    before: str
    after: str
    culprit: str
    is_fault: bool
    """Whether the culprit is something that no change of the world explains."""
    notes: tuple[str, ...]
    windows: tuple[WindowRow, ...]
    differences: tuple[DifferenceRow, ...]
    columns: tuple[ColumnRow, ...]
    rows: RowsSection
    metrics: tuple[MetricRow, ...] | None = None
    files: tuple[FileRow, ...] | None = None
    facts: tuple[FactRow, ...] | None = None
