"""A model's folder: what a team writes, parsed and checked once."""

import hashlib
import reprlib
import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from components.errors import ModelFolderError
from components.model.checks_section import ChecksSection
from components.model.continuous_section import ContinuousSection
from components.model.resources import ResourcesSection
from components.model.sections import (
    PATTERNS,
    EvaluationSection,
    MetricBound,
    OneLine,
    RowsSection,
    Section,
    ServingSection,
    SnapshotsSection,
    SourceSection,
    Split,
    SplitSection,
    TargetsSection,
    TrainingSection,
    WindowSection,
)
from components.model.source_code import check_code
from components.model.source_text import check_class_order, check_look_back, check_text
from components.model.task import LearningTask, TaskName
from components.model.toml_lines import find_line
from components.validation import Place, refusals

FILES = ("model.toml", "source.sql", "schema.pbtxt", "features.py", "network.py")
CARD_FILE = "card.toml"
"""The optional file with statements for the model card (docs/export.md), which is not code."""
LABEL_FILE = "label.sql"
"""The optional query that gives the labels of what was served (docs/monitoring.md). No version is made of it."""

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Model(Section):
    """A model's folder, parsed and checked."""

    name: ModelName
    folder: Path
    title: OneLine
    """What the model answers, in one line."""
    owner: OneLine
    """Who is responsible for it."""
    task_name: TaskName = Field(alias="task")
    """What is predicted: yes or no, one of several classes, or a number."""
    source: SourceSection
    rows: RowsSection
    window: WindowSection
    split: SplitSection
    training: TrainingSection
    evaluation: EvaluationSection
    serving: ServingSection
    snapshots: SnapshotsSection = SnapshotsSection()
    checks: ChecksSection = ChecksSection()
    targets: TargetsSection = TargetsSection()
    resources: ResourcesSection = ResourcesSection()
    continuous: ContinuousSection | None = None

    @model_validator(mode="after")
    def _fits_the_task(self) -> Self:
        if (self.task_name == TaskName.CLASSES) != bool(self.classes):
            has = f"rows.classes = {list(self.classes)}" if self.classes else "rows.classes is missing"
            other = TaskName.BINARY if self.task_name == TaskName.CLASSES else self.task_name
            raise ValueError(f"{has}: a multiclass_classification names at least two classes, a {other} none")
        if self.rows.quantiles and self.task_name != TaskName.REGRESSION:
            raise ValueError(
                f"rows.quantiles = {list(self.rows.quantiles)}: only a regression predicts quantiles, and this is a {self.task_name}"
            )
        sliced = {name for names in self.evaluation.slices for name in names}
        if identity := sliced & {self.rows.key, self.rows.span}:
            raise ValueError(f"evaluation.slices has {min(identity)!r}, which tells rows apart: choose columns whose values rows share")
        self._holds_out_spans()
        bounds: list[MetricBound] = [*self.evaluation.thresholds, *self.evaluation.champion.changes]
        unknown = [threshold.metric for threshold in bounds if threshold.metric not in self.metrics]
        if unknown:
            raise ValueError(
                f"threshold on {reprlib.repr(unknown[0])}, which is not measured: a {self.task_name} has {', '.join(self.metrics)}"
            )
        return self

    def _holds_out_spans(self) -> None:
        held_out, spans = self.split.newest_spans, self.window.spans
        if held_out is not None and held_out >= spans:
            raise ValueError(f"split.newest_spans = {held_out} leaves none of {spans} window.spans to train on: hold out fewer")
        if not self.newest_spans and any(bound.split == Split.NEWEST for bound in self.evaluation.thresholds):
            raise ValueError("a threshold is on the newest spans, and none is held out: set split.newest_spans, of 2 window.spans or more")

    @property
    def newest_spans(self) -> int:
        """How many of the window's last spans nothing is trained on."""
        return min(1, self.window.spans - 1) if self.split.newest_spans is None else self.split.newest_spans

    @property
    def task(self) -> LearningTask:
        """What it predicts, and all that depends on it."""
        return LearningTask(self.task_name, self.rows.classes, self.rows.quantiles)

    @property
    def classes(self) -> tuple[str, ...]:
        """The meaning of the labels 0, 1, 2, …; () for two labels and for numbers."""
        return self.rows.classes

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names by which rows are counted: see `LearningTask`."""
        return self.task.label_names

    @property
    def score_count(self) -> int:
        """How many scores the network gives for a row: see `LearningTask`."""
        return self.task.score_count

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are computed for every slice."""
        return self.task.metrics

    def text(self, file: str) -> str:
        """The text of one of the folder's files.

        Raises:
            ModelFolderError: it is not UTF-8.
        """
        return _text(self.folder / file)

    def files(self) -> tuple[Path, ...]:
        """The files that make a version, relative to the folder: not hidden files, Python's caches, the card and label.sql."""
        others = {self.folder / CARD_FILE, self.folder / LABEL_FILE}
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file() and path not in others)
        return tuple(sorted(name for name in names if not any(part.startswith((".", "__pycache__")) for part in name.parts)))

    @property
    def has_label_query(self) -> bool:
        """Whether the folder has a label.sql."""
        return (self.folder / LABEL_FILE).is_file()

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
    there_are = {path.name for path in models_folder.iterdir()} if models_folder.is_dir() else ()  # a disk may take another case for it
    if name not in there_are or not folder.is_dir():
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
        problems = refusals(error, patterns=PATTERNS, where=lambda place: _where(_text(path), place))
        raise ModelFolderError(f"{path}: {problems}; correct it (see pipelines/models/churn)") from error
    for file in ("source.sql", *([LABEL_FILE] if model.has_label_query else [])):
        check_text(folder / file, model.text(file), table=model.source.table)
    query, text, source = folder / "source.sql", model.text("source.sql"), model.source
    check_class_order(query, text, model.classes, label=model.rows.label)
    check_look_back(query, text, field=source.partition_field, span=model.rows.span, days=source.history_days)
    check_code(folder, model.files())
    return model


def _where(text: str, place: Place) -> str:
    line = find_line(text, place)
    return f" (line {line})" if line else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{path} is not UTF-8 (byte {error.start}): save it so") from error
