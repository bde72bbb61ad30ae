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
class ClassShare:
    """Of a version's predictions, those of one class: on the rows of then, and on today's; None where it predicted none."""

    name: str
    then: float | None
    today: float | None


@dataclass(frozen=True, kw_only=True)
class PredictionColumn:
    """What a version predicts."""

    version: str
    then_rows: int | None
    today_rows: int | None
    refused: float
    """The share of today's rows that it refuses."""
    classes: tuple[ClassShare, ...]


@dataclass(frozen=True, kw_only=True)
class MovedSlice:
    """A slice of today's rows on which two versions differ."""

    slice: str
    rows: int
    agreement: float
    moved: float
    """How far apart the distributions of classes are, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Together:
    """Two versions on the same rows."""

    rows: int
    agreement: float
    score_difference: float | None
    before: str
    after: str
    before_classes: tuple[str, ...]
    after_classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    slices: tuple[MovedSlice, ...]


@dataclass(frozen=True, kw_only=True)
class ThenAndNow:
    """A metric of a version when it was made, and on the newest labelled rows; None where it was not measured."""

    then: Measured | None
    now: Measured | None
    significance: str
    is_worse: bool
    """Whether that is why the version counts as wrong."""


@dataclass(frozen=True, kw_only=True)
class NewestMetricRow:
    """A metric on a slice, of each version."""

    name: str
    slice: str
    versions: tuple[ThenAndNow | None, ...]


@dataclass(frozen=True, kw_only=True)
class NewestSection:
    """One or two versions on the newest data."""

    verdict: str
    is_wrong: bool
    """Whether something is."""
    today: date | None
    then: date | None
    measured_on: str
    notes: tuple[str, ...]
    predictions: tuple[PredictionColumn, ...]
    together: Together | None
    metrics: tuple[NewestMetricRow, ...]
    title: str
    """Of the differences."""
    differences: tuple[DifferenceRow, ...]
    """From what the newer version was trained on to today."""


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
    newest: NewestSection | None = None
    """None where nobody looked at the newest data."""
