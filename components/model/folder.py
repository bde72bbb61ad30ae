"""A model's folder: what a team writes, parsed and checked once."""

import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from components.errors import ModelFolderError
from components.model.metric_names import metric_names
from components.model.source_text import check_text
from components.validation import refusals

FILES = ("model.toml", "source.sql", "schema.pbtxt", "features.py", "network.py")
CARD_FILE = "card.toml"
"""The optional file with statements for the model card (docs/export.md), which is not code."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]+$", max_length=300)]
"""Of a column of a table, as BigQuery allows it: accents, spaces and reserved words are names, too."""
DatasetTable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+\.[\w\p{Pd} ]+$", max_length=1024)]
"""A dataset and a table as BigQuery allows them: a table's name may have accents, dashes and spaces."""
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Task = Literal["binary_classification", "multiclass_classification"]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceSection(_Section):
    """The date-partitioned table that source.sql reads as `{source}`."""

    table: DatasetTable
    partition_field: ColumnName
    history_days: int = Field(gt=0, le=36_500)
    """How many partitions source.sql reads for a span's features, its own included; no more, since a span's examples are cached."""


class RowsSection(_Section):
    """The columns of source.sql that identify and label a row."""

    key: Identifier
    """Unique within a span. It decides the split, so that an entity is never in two splits."""
    label: Identifier
    classes: tuple[ClassName, ...] = Field(default=(), max_length=20)
    """The meaning of the labels 0, 1, 2, …; empty if there are only 0 and 1, which stand for no and yes."""
    label_delay_days: int = Field(ge=0, le=3_650)
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


class WindowSection(_Section):
    """Which spans a run trains on: the last `spans` complete ones whose labels are known."""

    spans: int = Field(gt=0, le=1000)
    every_days: int = Field(gt=0, le=366)


class SplitSection(_Section):
    """How many hash buckets each split has."""

    train: int = Field(gt=0, le=1000)
    eval: int = Field(gt=0, le=1000)


class Threshold(_Section):
    """A bound that a metric must keep if the model is to be pushed."""

    metric: str
    """One of the task's metrics: see `Model.metrics`."""
    slice: dict[Identifier, str] = Field(default_factory=dict)
    """The value of each column of one of the slices; empty for all rows."""
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"threshold on {self.metric!r} has no bound: give at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"threshold on {self.metric!r} cannot be kept: at_least {self.at_least:g} is more than at_most {self.at_most:g}"
            )
        return self


class EvaluationSection(_Section):
    """How the model is evaluated."""

    slices: tuple[Annotated[tuple[Identifier, ...], Field(min_length=1)], ...] = ()
    """The columns by whose values rows are grouped. All rows together are always evaluated."""
    thresholds: tuple[Threshold, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _thresholds_have_slices(self) -> Self:
        computed = {frozenset(columns) for columns in self.slices} | {frozenset[str]()}
        for threshold in self.thresholds:
            if frozenset(threshold.slice) not in computed:
                raise ValueError(
                    f"threshold on {threshold.metric!r} is on slice {threshold.slice}, which is not computed: "
                    f"add {list(threshold.slice)} to evaluation.slices"
                )
        return self


class TrainingSection(_Section):
    """The parameters of the training."""

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    seed: int


class ServingSection(_Section):
    """Requirements of the prediction service."""

    latency_milliseconds: float = Field(gt=0)
    log: DatasetTable | None = None
    """The table that predictions are logged to, with their features, in DAY partitions of its DATE column `log_partition_field`."""
    log_partition_field: ColumnName | None = None

    @model_validator(mode="after")
    def _log_is_whole(self) -> Self:
        if (self.log is None) != (self.log_partition_field is None):
            raise ValueError("log and log_partition_field go together: give both or neither")
        return self


class ChecksSection(_Section):
    """The gate before training. Every check is on; a bound that nothing can exceed turns it off."""

    segments: tuple[ColumnName, ...] = ()
    """Columns of the source table or of source.sql all of whose values must stay in the data."""
    ignore: tuple[ColumnName, ...] = ()
    """Columns that are not checked, such as identifiers and free text. The key and the partition field never are."""
    cover: dict[ColumnName, Annotated[tuple[int | str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """The hours, whole numbers or texts that columns of the source table or of source.sql must have in the window."""
    closed: tuple[Weekday | date, ...] = ()
    """Weekdays and dates without a partition."""
    text_share: float = Field(default=0.0, ge=0, le=1)
    """The share of a numeric column's values that may be text."""
    null_share: float = Field(default=0.05, ge=0, le=1)
    """By how much the share of NULLs may exceed the earlier one."""
    unseen_share: float = Field(default=0.05, ge=0, le=1)
    """The share of a category's rows that may have a new value."""
    rows_ratio: float = Field(default=3.0, gt=1)
    """By what factor a partition may be larger or smaller than those around it."""
    drift: float = Field(default=0.15, ge=0, le=1)
    """How far a column may drift in a partition from the weeks before: Jensen-Shannon divergence in bits, beyond chance."""
    category_drift: float = Field(default=0.25, ge=0, le=1)
    """By how much the share of one value of a category may change from the weeks, or the span, before: L-infinity, beyond chance."""
    span_drift: float = Field(default=0.25, ge=0, le=1)
    """Like `drift`, of a feature from one span to the next."""
    champion_drift: float = Field(default=0.1, ge=0, le=1)
    """Like `drift`, of a feature from the champion's window to this one. It only warns: drift is also a reason to train."""
    skew: float = Field(default=0.1, ge=0, le=1)
    """Like `drift`, of a feature between the window and the serving log. It only warns."""
    label_change: float = Field(default=0.1, ge=0, le=1)
    """By how much the share of a label (of 1 in a binary model) may change from one span to the next."""
    leak_auc: float = Field(default=0.99, gt=0.5, le=1)
    """A feature leaks the label if it alone ranks a label against all others with this AUC."""


class SnapshotsSection(_Section):
    """How long the tables with pinned rows are kept. Those of live versions are always kept."""

    keep_versions: int = Field(default=10, gt=0)
    """The tables that the last so many versions were trained on never expire."""
    keep_days: int = Field(default=90, gt=0, le=36_500)
    """The other tables expire so many days after they were last pinned."""


class Model(_Section):
    """A model's folder, parsed and checked."""

    name: ModelName
    folder: Path
    title: str
    owner: str
    task: Task
    source: SourceSection
    rows: RowsSection
    window: WindowSection
    split: SplitSection
    training: TrainingSection
    evaluation: EvaluationSection
    serving: ServingSection
    snapshots: SnapshotsSection = SnapshotsSection()
    checks: ChecksSection = ChecksSection()

    @model_validator(mode="after")
    def _fits_the_task(self) -> Self:
        if (self.task == "multiclass_classification") != bool(self.classes):
            has = f"rows.classes = {list(self.classes)}" if self.classes else "rows.classes is missing"
            raise ValueError(f"{has}: a multiclass_classification names at least two classes, a binary_classification none")
        unknown = [threshold.metric for threshold in self.evaluation.thresholds if threshold.metric not in self.metrics]
        if unknown:
            raise ValueError(f"threshold on {unknown[0]!r}, which is not measured: a {self.task} has {', '.join(self.metrics)}")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """The meaning of the labels 0, 1, 2, …; () for a binary model."""
        return self.rows.classes

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels 0, 1, …: the classes, or the numbers themselves."""
        return self.classes or ("0", "1")

    @property
    def score_count(self) -> int:
        """How many scores the network gives for a row: the probability of 1, or one for each class."""
        return len(self.classes) or 1

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are computed for every slice."""
        return metric_names(self.classes)

    def text(self, file: str) -> str:
        """The text of one of the folder's files.

        Raises:
            ModelFolderError: it is not UTF-8.
        """
        return _text(self.folder / file)

    def files(self) -> tuple[Path, ...]:
        """The files that make a version, relative to the folder: not hidden files, Python's caches and the card."""
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file() and path != self.folder / CARD_FILE)
        return tuple(sorted(name for name in names if not any(part.startswith((".", "__pycache__")) for part in name.parts)))

    @property
    def query_sha256(self) -> str:
        """The fingerprint of source.sql: SHA-256 of its text."""
        return hashlib.sha256(self.text("source.sql").encode()).hexdigest()

    def code_sha256(self) -> str:
        """One fingerprint of all files of a version, which changes with any byte of them."""
        digest = hashlib.sha256()
        for name in self.files():
            digest.update(f"{name.as_posix()}\0{hashlib.sha256((self.folder / name).read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()


def model_names(models_folder: Path) -> list[str]:
    """The names of the models that have a folder."""
    return sorted(path.parent.name for path in models_folder.glob("*/model.toml"))


def read_model(models_folder: Path, name: str) -> Model:
    """Parse and check the folder of the model `name`.

    Raises:
        ModelFolderError: there is no such model, a file is missing or not valid, or source.sql does not read the snapshot.
    """
    folder = models_folder / name
    if name not in {path.name for path in models_folder.glob("*/")}:
        raise ModelFolderError(f"model {name!r} is unknown: {models_folder} has {', '.join(model_names(models_folder)) or 'none'}")
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise ModelFolderError(f"model {name!r} lacks {', '.join(missing)}: add it to {folder}")
    path = folder / "model.toml"
    try:
        model = Model.model_validate(tomllib.loads(_text(path)) | {"name": name, "folder": folder})
    except tomllib.TOMLDecodeError as error:
        raise ModelFolderError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise ModelFolderError(f"{path}: {refusals(error)}; correct it (see pipelines/models/churn)") from error
    check_text(folder / "source.sql", model.text("source.sql"), table=model.source.table)
    return model


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{path} is not UTF-8 (byte {error.start}): save it so") from error
