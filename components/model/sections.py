"""The sections of model.toml: every value typed, and within bounds outside which nothing could be trained, recorded or shown."""

import reprlib
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)

LONGEST_LINE = 200


class Split(StrEnum):
    """The parts of a window's rows. A key is in `train` or in `eval` in all spans but the newest ones, which nothing is trained on."""

    TRAIN = "train"
    EVAL = "eval"
    NEWEST = "newest"


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} cannot be shown: write one line")
    return text


def _slice_value(value: object) -> object:
    """The value as TFMA writes it: a BOOL as 1 or 0, a number without leading zeros."""
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, str):
        number = _number_read_by_tfma(value)
        if number not in (None, value):
            raise ValueError(f"{value!r} is read as the number {number}: let source.sql give the column other texts")
    return value


def _number_read_by_tfma(text: str) -> str | None:
    for kind in (int, float):
        try:
            return str(kind(text))
        except (ValueError, OverflowError):
            continue
    return None


Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
OneLine = Annotated[str, StringConstraints(max_length=LONGEST_LINE), AfterValidator(_one_line)]
SliceValue = Annotated[str, BeforeValidator(_slice_value), StringConstraints(max_length=400), AfterValidator(_one_line)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]+$", max_length=300)]
"""Of a column of a table, as BigQuery allows it: accents, spaces and reserved words are names, too."""
DatasetTable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+\.[\w\p{Pd} ]+$", max_length=1024)]
"""A dataset and a table as BigQuery allows them: a table's name may have accents, dashes and spaces."""
ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class Section(BaseModel):
    """What all sections share: they cannot be changed, and know every key that they may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceSection(Section):
    """The date-partitioned table that source.sql reads as `{source}`."""

    table: DatasetTable
    partition_field: ColumnName
    history_days: Whole = Field(gt=0, le=36_500)
    """How many partitions source.sql reads for a span's features, its own included; no more, since a span's examples are cached."""


class RowsSection(Section):
    """The columns of source.sql that identify and label a row."""

    key: Identifier
    """Unique within a span. It decides the split, so that an entity is never in two splits."""
    label: Identifier
    classes: tuple[ClassName, ...] = Field(default=(), max_length=20)
    """The meaning of the labels 0, 1, 2, …; empty if there are only 0 and 1, which stand for no and yes."""
    label_delay_days: Whole = Field(ge=0, le=3_650)
    """How many days after a span its label is known."""
    span: Identifier
    """The DATE column that tells which span a row belongs to."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len({self.key, self.label, self.span}) < 3:
            raise ValueError(f"key {self.key!r}, label {self.label!r} and span {self.span!r} must be three columns")
        return self

    @field_validator("classes")
    @classmethod
    def _are_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(classes) == 1 or len(set(classes)) < len(classes):
            raise ValueError(f"{list(classes)} is no choice: name at least two classes, each once")
        return classes


class WindowSection(Section):
    """Which spans a run trains on: the last `spans` complete ones whose labels are known."""

    spans: Whole = Field(gt=0, le=1000)
    every_days: Whole = Field(gt=0, le=366)


class SplitSection(Section):
    """How many hash buckets each split has, and how many spans are held out of both."""

    train: Whole = Field(gt=0, le=1000)
    eval: Whole = Field(gt=0, le=1000)
    newest_spans: Whole | None = Field(default=None, ge=0, le=999)
    """How many of the window's last spans no version is trained on: they tell how it does next. None is 1, or 0 of a window of one span."""


JudgedSplit = Literal[Split.EVAL, Split.NEWEST]
"""The splits that a version is judged on."""


class MetricBound(Section):
    """A bound on a metric of a slice."""

    metric: str
    """One of the task's metrics: see `Model.metrics`."""
    slice: dict[Identifier, SliceValue] = Field(default_factory=dict)
    """The value of each column of one of the slices, a text, a whole number, true or false; empty for all rows."""


class Threshold(MetricBound):
    """A bound that a metric must keep if the model is to be pushed."""

    at_least: Number | None = None
    at_most: Number | None = None
    split: JudgedSplit = Split.EVAL
    """The rows that have to keep it: the eval split, or the newest spans."""

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"threshold on {reprlib.repr(self.metric)} has no bound: give at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"threshold on {reprlib.repr(self.metric)} cannot be kept: at_least {self.at_least:g} is more than at_most {self.at_most:g}"
            )
        return self


class ChangeThreshold(MetricBound):
    """By how much a metric may be worse than the champion's on the same rows."""

    split: JudgedSplit | None = None
    """The rows that have to keep it; None is both splits that a version is judged on."""
    worse_by_at_most: Number = Field(ge=0)
    """A change beyond it blocks if it is more than chance, too. Nothing can exceed 1, which turns the threshold off."""


class ChampionSection(Section):
    """How a new version is held against the champion: not worse by more than chance, and by enough to matter."""

    tolerance: Number = Field(default=0.005, ge=0, le=1)
    """By how much a metric of all rows may be worse, however certain that is. At 1 the champion is measured, and never refuses."""
    slice_tolerance: Number = Field(default=0.02, ge=0, le=1)
    """The same of a slice's first metric."""
    changes: tuple[ChangeThreshold, ...] = ()
    """Other bounds, each for a metric of a slice."""


class EvaluationSection(Section):
    """How the model is evaluated."""

    slices: tuple[Annotated[tuple[Identifier, ...], Field(min_length=1)], ...] = ()
    """The columns by whose values rows are grouped. All rows together are always evaluated."""
    thresholds: tuple[Threshold, ...] = Field(min_length=1)
    champion: ChampionSection = ChampionSection()

    @field_validator("slices")
    @classmethod
    def _differ(cls, slices: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for position, names in enumerate(slices):
            if len(set(names)) < len(names) or any(set(names) == set(others) for others in slices[:position]):
                raise ValueError(f"{list(names)} is there twice, or has a column twice: name each once")
        return slices

    @model_validator(mode="after")
    def _thresholds_have_slices(self) -> Self:
        computed = {frozenset(columns) for columns in self.slices} | {frozenset[str]()}
        bounds: list[MetricBound] = [*self.thresholds, *self.champion.changes]
        for threshold in bounds:
            if frozenset(threshold.slice) not in computed:
                raise ValueError(
                    f"threshold on {reprlib.repr(threshold.metric)} is on slice {threshold.slice}, which is not computed: "
                    f"add {list(threshold.slice)} to evaluation.slices"
                )
        return self


class TrainingSection(Section):
    """The parameters of the training."""

    epochs: Whole = Field(gt=0, le=10_000)
    batch_size: Whole = Field(gt=0, le=1_000_000)
    learning_rate: Number = Field(gt=0, le=100)
    seed: Whole = Field(ge=0, le=4_294_967_295)


class ServingSection(Section):
    """Requirements of the prediction service."""

    latency_milliseconds: Number = Field(gt=0, le=3_600_000)
    log: DatasetTable | None = None
    """The table that predictions are logged to, with their features, in DAY partitions of its DATE column `log_partition_field`."""
    log_partition_field: ColumnName | None = None

    @model_validator(mode="after")
    def _log_is_whole(self) -> Self:
        if (self.log is None) != (self.log_partition_field is None):
            raise ValueError("log and log_partition_field go together: give both or neither")
        return self


class ColumnBounds(Section):
    """Bounds for one column, in place of those of [checks] for all columns. What is not given is as there."""

    type: OneLine | None = None
    """BigQuery's type that the column has now, where it changed on purpose since the champion was trained."""
    text_share: Number | None = Field(default=None, ge=0, le=1)
    unfinite_share: Number | None = Field(default=None, ge=0, le=1)
    damaged_share: Number | None = Field(default=None, ge=0, le=1)
    longest_text: Whole | None = Field(default=None, gt=0)
    null_share: Number | None = Field(default=None, ge=0, le=1)
    constant_days: Whole | None = Field(default=None, ge=0, le=36_500)
    frozen_days: Whole | None = Field(default=None, ge=0, le=36_500)
    unseen_share: Number | None = Field(default=None, ge=0, le=1)
    lost_share: Number | None = Field(default=None, ge=0, le=1)
    hours_share: Number | None = Field(default=None, ge=0, le=1)
    clock_hours: Whole | None = Field(default=None, ge=0, le=12)
    range_share: Number | None = Field(default=None, ge=0, le=1)
    drift: Number | None = Field(default=None, ge=0, le=1)
    category_drift: Number | None = Field(default=None, ge=0, le=1)
    span_drift: Number | None = Field(default=None, ge=0, le=1)
    champion_drift: Number | None = Field(default=None, ge=0, le=1)
    skew: Number | None = Field(default=None, ge=0, le=1)
    label_change: Number | None = Field(default=None, ge=0, le=1)
    leak_auc: Number | None = Field(default=None, gt=0.5, le=1)


class ChecksSection(Section):
    """The gate before training. Every check is on; a bound that nothing can exceed turns it off."""

    segments: tuple[ColumnName, ...] = ()
    """Columns of the source table or of source.sql all of whose values must stay in the data."""
    ignore: tuple[ColumnName, ...] = ()
    """Columns that are not checked, such as identifiers and free text. The key and the partition field never are."""
    cluster: ColumnName | None = None
    """The column of the source table whose value rows share that belong together, such as the number of an order; the key unless told."""
    cover: dict[ColumnName, Annotated[tuple[int | str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """The hours, whole numbers or texts that columns of the source table or of source.sql must have in the window."""
    closed: tuple[Weekday | date, ...] = ()
    """Weekdays and dates without a partition."""
    columns: dict[ColumnName, ColumnBounds] = Field(default_factory=dict)
    """Other bounds for single columns of the source table or of source.sql."""
    text_share: Number = Field(default=0.0, ge=0, le=1)
    """The share of a numeric column's values that may be text."""
    unfinite_share: Number = Field(default=0.0, ge=0, le=1)
    """The share of a numeric column's values that may be NaN or infinite where none was."""
    damaged_share: Number = Field(default=0.001, ge=0, le=1)
    """The share of texts that may have been read with another encoding than they were written in."""
    longest_text: Whole = Field(default=1000, gt=0)
    """Characters that a text may have even if no earlier one was a tenth as long."""
    null_share: Number = Field(default=0.05, ge=0, le=1)
    """By how much the share of NULLs may exceed the earlier one."""
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
    rows_ratio: Number = Field(default=3.0, gt=1)
    """By what factor a partition may be larger or smaller than those around it."""
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

    def is_closed(self, day: date) -> bool:
        """Whether a day is named as one without a partition."""
        return day in self.closed or WEEKDAYS[day.weekday()] in self.closed

    def of(self, column: str) -> Self:
        """The section with the bounds of one column in their places."""
        bounds = self.columns.get(column)
        return self.model_copy(update=bounds.model_dump(exclude_none=True, exclude={"type"})) if bounds else self


class TargetsSection(Section):
    """What targets ask of the versions that are deployed there."""

    require_clean: bool | tuple[OneLine, ...] = ()
    """The targets, or all of them, where no version may go that was waived, forced, refused, or made from files that are in no commit."""

    def requires_clean(self, target: str) -> bool:
        """Whether a target takes only such versions."""
        return self.require_clean if isinstance(self.require_clean, bool) else target in self.require_clean


class SnapshotsSection(Section):
    """How long the tables with pinned rows are kept. Those of live versions are always kept."""

    keep_versions: Whole = Field(default=10, gt=0, le=1_000_000)
    """The tables that the last so many versions were trained on never expire."""
    keep_days: Whole = Field(default=90, gt=0, le=36_500)
    """The other tables expire so many days after they were last pinned."""
