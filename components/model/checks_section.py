"""The section [checks] of model.toml: what the gate before training holds the data to."""

from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import Field

from components.model.sections import ColumnName, Number, OneLine, Section, Whole
from components.validation import one_of

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


NULL_SHARE = 0.05


class CheckBounds(Section):
    """What a column is held to. A bound that nothing can exceed turns its check off."""

    text_share: Number = Field(default=0.0, ge=0, le=1)
    """The share of a numeric column's values that may be text."""
    unfinite_share: Number = Field(default=0.0, ge=0, le=1)
    """The share of a numeric column's values that may be NaN or infinite where none was."""
    damaged_share: Number = Field(default=0.001, ge=0, le=1)
    """The share of texts that may have been read with another encoding than they were written in."""
    longest_text: Whole = Field(default=1000, gt=0)
    """Characters that a text may have even if no earlier one was a tenth as long."""
    null_share: Number = Field(default=NULL_SHARE, ge=0, le=1)
    """By how much the share of NULLs may exceed the earlier one. Unless it is raised, 0.01 where there were none."""
    constant_days: Whole = Field(default=0, ge=0, le=36_500)
    """For how many partitions a column may have one and the same value that it did not have alone before."""
    frozen_days: Whole = Field(default=0, ge=0, le=36_500)
    """For how many partitions a column may have to the digit the values of the partition before."""
    unseen_share: Number = Field(default=0.05, ge=0, le=1)
    """The share of a category's rows that may have a new value."""
    lost_share: Number = Field(default=0.05, ge=0, le=1)
    """A value of a category with at least this share of the rows is missed; of a segment every value is."""
    hours_share: Number = Field(default=0.04, ge=0, le=1)
    """The share of a day's rows that may be missing from adjacent hours."""
    clock_hours: Whole = Field(default=0, ge=0, le=12)
    """By how many hours the day's pattern may move."""
    range_share: Number = Field(default=0.005, ge=0, le=1)
    """The share of numbers that may be 3 times beyond any earlier one, or have another sign."""
    drift: Number = Field(default=0.15, ge=0, le=1)
    """How far a column may drift in a partition from the weeks before: Jensen-Shannon divergence in bits, beyond chance."""
    category_drift: Number = Field(default=0.25, ge=0, le=1)
    """By how much the share of one value of a category may change from the weeks, or the span, before: L-infinity, beyond chance."""
    span_drift: Number = Field(default=0.25, ge=0, le=1)
    """Like `drift`, of a feature from one span to the next."""
    champion_drift: Number = Field(default=0.1, ge=0, le=1)
    """Like `drift`, of a feature from the champion's window to this one. It only warns: drift is also a reason to train."""
    skew: Number = Field(default=0.1, ge=0, le=1)
    """Like `drift`, of a feature between the window and the serving log. It only warns."""
    label_change: Number = Field(default=0.1, ge=0, le=1)
    """By how much the share of a label (of 1 in a binary model) may change from one span to the next."""
    leak_auc: Number = Field(default=0.99, gt=0.5, le=1)
    """A feature leaks the label if it alone ranks a label against all others with this AUC."""


class ColumnBounds(CheckBounds):
    """Bounds for one column, in place of those of [checks] for all columns. What is not given is as there."""

    type: OneLine | None = None
    """BigQuery's type that the column has now, where it changed on purpose since the champion was trained."""


class ChecksSection(CheckBounds):
    """The gate before training. Every check is on; its bounds are those of all columns."""

    segments: tuple[ColumnName, ...] = ()
    """Columns of the source table or of source.sql all of whose values must stay in the data."""
    ignore: tuple[ColumnName, ...] = ()
    """Columns that are not checked, such as identifiers and free text. The key and the partition field never are."""
    cluster: ColumnName | None = None
    """The column of the source table, or of source.sql, whose value rows share that belong together, as an order's; the key unless told."""
    cover: dict[ColumnName, Annotated[tuple[Annotated[int | str, one_of("whole numbers and texts")], ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """The hours, whole numbers or texts that columns of the source table or of source.sql must have in the window."""
    closed: tuple[Annotated[Weekday | date, one_of('weekdays, "Sunday", and days, 2026-12-25')], ...] = ()
    """Weekdays and dates without a partition. A span all of whose days are closed may be empty."""
    columns: dict[ColumnName, ColumnBounds] = Field(default_factory=dict)
    """Other bounds for single columns of the source table or of source.sql."""
    rows_ratio: Number = Field(default=3.0, gt=1)
    """By what factor a partition may be larger or smaller than those around it."""

    def is_closed(self, day: date) -> bool:
        """Whether a day is named as one without a partition."""
        return day in self.closed or WEEKDAYS[day.weekday()] in self.closed

    def of(self, column: str) -> Self:
        """The section with the bounds of one column in their places."""
        given = self.columns.get(column)
        return self.model_copy(update=given.model_dump(exclude_unset=True, exclude={"type"})) if given else self
