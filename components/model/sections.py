"""The sections of model.toml: every value typed, and within bounds outside which nothing could be trained, recorded or shown."""

import reprlib
from enum import StrEnum
from typing import Annotated, Literal, Self

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

from components.model.metric_names import most
from components.validation import one_of

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
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]+$", max_length=300)]
"""Of a column of a table, as BigQuery allows it: accents, spaces and reserved words are names, too."""
DATASET_TABLE = r"^[A-Za-z0-9_]+\.[\w\p{Pd} ]+$"
DatasetTable = Annotated[str, StringConstraints(pattern=DATASET_TABLE, max_length=1024)]
"""A dataset and a table as BigQuery allows them: a table's name may have accents, dashes and spaces."""
CLASS_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
ClassName = Annotated[str, StringConstraints(pattern=CLASS_NAME)]
PATTERNS = {
    IDENTIFIER: "write letters, digits and underscores, at most 128, the first no digit; source.sql can rename a column (… AS name)",
    DATASET_TABLE: "write DATASET.TABLE, without the project, which is PERENNIAL_PROJECT",
    CLASS_NAME: "write letters, digits and underscores, at most 64, the first no digit",
}
"""What to write instead of a text that is not of a pattern."""


class Section(BaseModel):
    """What all sections share: they cannot be changed, and know every key that they may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceSection(Section):
    """The date-partitioned table that source.sql reads as `{source}`."""

    table: DatasetTable
    """Its dataset and its name. The project is PERENNIAL_PROJECT."""
    partition_field: ColumnName
    """The column that the table is partitioned on; `_PARTITIONDATE`, or `_PARTITIONTIME` by the hour, if it is by when rows are loaded."""
    history_days: Whole = Field(gt=0, le=36_500)
    """How many partitions source.sql reads for a span's features, its own included; no more, since a span's examples are cached."""


class RowsSection(Section):
    """The columns of source.sql that identify and label a row."""

    key: Identifier
    """Unique within a span. It decides the split, so that an entity is never in two splits."""
    label: Identifier
    """What is predicted: 0 or 1, the position of the class in `classes`, or a number."""
    classes: tuple[ClassName, ...] = Field(default=(), max_length=20)
    """The meaning of the labels 0, 1, 2, …; empty if there are only 0 and 1, which stand for no and yes."""
    quantiles: tuple[Number, ...] = Field(default=(), max_length=19)
    """The quantiles of a number that the network gives, such as [0.1, 0.5, 0.9]; the middle one is the predicted number. Empty: it."""
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

    @field_validator("quantiles")
    @classmethod
    def _are_quantiles(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < one < 1 for one in quantiles):
            raise ValueError(f"{list(quantiles)}: a quantile is between 0 and 1, both excluded")
        if list(quantiles) != sorted(set(quantiles)) or len({f"{one:g}" for one in quantiles}) < len(quantiles):
            raise ValueError(f"{list(quantiles)}: name quantiles in ascending order, each once")
        if quantiles and len(quantiles) % 2 == 0:
            raise ValueError(f"{list(quantiles)} has no middle one, which is the predicted number: add it, such as 0.5")
        return quantiles


class WindowSection(Section):
    """Which spans a run trains on: the last `spans` complete ones whose labels are known."""

    spans: Whole = Field(gt=0, le=1000)
    """How many spans a run reads, those that are held out included."""
    every_days: Whole = Field(gt=0, le=366)
    """From one span to the next: 1 for daily spans, 7 for weekly ones."""


class SplitSection(Section):
    """How many hash buckets each split has, and how many spans are held out of both."""

    train: Whole = Field(gt=0, le=1000)
    """The buckets of the keys that the network is trained on: with `train = 8` and `eval = 2` eight keys of ten."""
    eval: Whole = Field(gt=0, le=1000)
    """The buckets of the keys that it is evaluated on."""
    newest_spans: Whole | None = Field(default=None, ge=0, le=999)
    """How many of the window's last spans no version is trained on: they tell how it does next. 1 unless told; 0 if there is one span."""


JudgedSplit = Literal[Split.EVAL, Split.NEWEST]
"""The splits that a version is judged on."""


class MetricBound(Section):
    """A bound on a metric of a slice."""

    metric: str
    """One of the metrics of the task, such as `auc` (docs/evaluation.md, docs/classes.md)."""
    slice: dict[Identifier, SliceValue] = Field(default_factory=dict)
    """The value of each column of one of the slices, a text, a whole number, true or false; empty for all rows."""


class Threshold(MetricBound):
    """A bound that a metric must keep if the model is to be pushed."""

    at_least: Number | None = None
    """The lowest value that passes. A threshold has this bound, the next, or both."""
    at_most: Number | None = None
    """The highest value that passes."""
    split: JudgedSplit = Split.EVAL
    """The rows that have to keep it: the keys that are held out, or the newest spans."""

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"threshold on {reprlib.repr(self.metric)} has no bound: give at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"threshold on {reprlib.repr(self.metric)} cannot be kept: at_least {self.at_least:g} is more than at_most {self.at_most:g}"
            )
        if self.at_least is not None and self.at_least > (highest := most(self.metric)):
            meant = f": {self.at_least:g} % are {self.at_least / 100:g}" if self.at_least <= 100 else ""
            raise ValueError(f"at_least = {self.at_least:g} of {reprlib.repr(self.metric)}, which is never above {highest:g}{meant}")
        return self


class ChangeThreshold(MetricBound):
    """By how much a metric may be worse than the champion's on the same rows."""

    split: JudgedSplit | None = None
    """The rows that have to keep it; unless told, those of both splits that a version is judged on."""
    worse_by_at_most: Number = Field(ge=0)
    """A change beyond it blocks if it is more than chance, too. Nothing can exceed 1, which turns the threshold off."""


class ChampionSection(Section):
    """How a new version is held against the champion: not worse by more than chance, and by enough to matter."""

    tolerance: Number = Field(default=0.005, ge=0, le=1)
    """By how much a metric of all rows may be worse, however certain that is. At 1 the champion is measured, and never refuses."""
    slice_tolerance: Number = Field(default=1.0, ge=0, le=1)
    """The same of every slice's first metric. Off unless told: two good trainings differ on a small slice by more than keys explain."""
    changes: tuple[ChangeThreshold, ...] = ()
    """Other bounds, each for a metric of a slice."""


class EvaluationSection(Section):
    """How the model is evaluated."""

    slices: tuple[Annotated[tuple[Identifier, ...], Field(min_length=1)], ...] = ()
    """The columns by whose values rows are grouped. All rows together are always evaluated."""
    thresholds: tuple[Threshold, ...] = Field(min_length=1)
    """What a version must reach; at least one."""
    champion: ChampionSection = ChampionSection()
    """How a new version is held against the champion."""

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
    """How often the network sees every row."""
    batch_size: Whole = Field(gt=0, le=1_000_000)
    """The rows of a step of the training."""
    learning_rate: Number = Field(gt=0, le=100)
    """What `build` of network.py gets for its optimizer."""
    seed: Whole = Field(ge=0, le=4_294_967_295)
    """Of weights and shuffling: the same seed, rows and code give the same weights."""


class ServingSection(Section):
    """Requirements of the prediction service."""

    latency_milliseconds: Number = Field(gt=0, le=3_600_000)
    """The median time that one row may take. `perennial deploy` measures it, and refuses a slower version."""
    log: DatasetTable | None = None
    """The table that predictions are logged to, with their features, in DAY partitions of its DATE column `log_partition_field`."""
    log_partition_field: ColumnName | None = None
    """Its partition column. It goes together with `log`."""

    @model_validator(mode="after")
    def _log_is_whole(self) -> Self:
        if (self.log is None) != (self.log_partition_field is None):
            raise ValueError("log and log_partition_field go together: give both or neither")
        return self


class TargetsSection(Section):
    """What targets ask of the versions that are deployed there."""

    require_clean: Annotated[bool | tuple[OneLine, ...], one_of('true, false or a list of targets, ["production"]')] = ()
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
