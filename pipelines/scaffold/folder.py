"""Write the folder of a new model: a draft that is tried on the table, then the whole folder at once."""

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.errors import ModelFolderError
from components.files import private_files
from components.model.checks_section import WEEKDAYS
from components.model.folder import Model, read_model
from pipelines.scaffold.baseline import Baseline
from pipelines.scaffold.features import Guess, feature_name
from pipelines.scaffold.key import key_sql
from pipelines.scaffold.label import Label
from pipelines.scaffold.plan import TrainingPlan
from pipelines.scaffold.start import Start
from pipelines.scaffold.table import SourceTable

TEMPLATES = Path(__file__).parent / "templates"
FILES = ("model.toml", "source.sql", "features.py", "network.py", "card.toml")
SCHEMA = "schema.pbtxt"
SPAN = "as_of"
SLICES, SLICE_VALUES = 2, 10
"""How many categories the model is evaluated by, and how many values each of them may have."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a new model is made from."""

    name: str
    title: str
    owner: str
    table: SourceTable
    key: tuple[str, ...]
    label_column: str
    label: Label
    guess: Guess
    plan: TrainingPlan
    cluster: str | None
    """The column whose value rows of a day share that belong together."""
    baseline: Baseline | None = None
    """None until it has been measured."""
    start: Start | None = None
    """The model to begin with."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The names of key, label and span in source.sql."""
        taken = {feature.name for feature in self.guess.features}
        names = {"key": feature_name("_".join(self.key)), "label": feature_name(self.label_column), "span": SPAN}
        return {what: f"{name}_{what}" if name in taken or list(names.values()).count(name) > 1 else name for what, name in names.items()}

    @property
    def threshold(self) -> float:
        """The lower end of the baseline's interval, rounded down; a coin's until there is one."""
        return 0.0 if self.baseline is None else max(self.baseline.constant, math.floor(self.baseline.low * 1000) / 1000)

    def measured(self, baseline: Baseline) -> "Draft":
        """The draft with the threshold that the baseline sets."""
        return replace(self, baseline=baseline)

    def without(self, objections: Mapping[str, str]) -> "Draft":
        """The draft without the columns and features that the gate would object to, by name with the reasons."""
        return replace(self, guess=self.guess.without(objections, self.table.columns))

    def render(self) -> dict[str, str]:
        """The text of each file but the schema, by its name."""
        texts = [feature for feature in self.guess.features if not feature.is_number]
        counts = {feature.name: feature.distinct for feature in texts}
        values = {
            **vars(self),
            "columns": self.columns,
            "key_sql": key_sql(self.table, self.key),
            "source_label": self.label_column,
            "features": self.guess.features,
            "left_out": self.guess.left_out,
            "numbers": [feature.name for feature in self.guess.features if feature.is_number],
            "categories": [feature.name for feature in texts if feature.is_category],
            "hashed": [feature.name for feature in texts if not feature.is_category],
            "slices": [name for name, count in counts.items() if count <= SLICE_VALUES][:SLICES],
            "ignored": [*self.guess.ids, *self._unchecked_key()],
            "objected": list(self.guess.objected),
            "late": [self.label_column] if self.label.delay_days else [],
            "closed": self._closed(),
            "threshold": self.threshold,
        }
        return {file: _environment().get_template(f"{file}.j2").render(values) for file in FILES}

    def _unchecked_key(self) -> list[str]:
        """Columns of the key that are no features and have another name in source.sql: the gate knows the key by that one only."""
        used = {feature.column for feature in self.guess.features} | {*self.guess.ids, self.columns["key"]}
        return [column for column in self.key if column not in used]

    def _closed(self) -> list[str]:
        """The weekdays that have no rows, none for a table of less than four weeks; and the days of breaks. As TOML."""
        span = (self.table.days[-1] - self.table.days[0]).days
        there = {day.weekday() for day in self.table.days}
        weekdays = [number for number in range(len(WEEKDAYS)) if number not in there] if span >= 28 else []
        dates = [str(day) for day in self.plan.closed if day.weekday() not in weekdays]
        return [*(json.dumps(WEEKDAYS[number]) for number in weekdays), *dates]


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the files are code, not HTML
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["toml"] = lambda text: json.dumps(str(text), ensure_ascii=False)
    return environment


@contextmanager
def draft_model(draft: Draft, models_folder: Path) -> Iterator[Model]:
    """The model as a draft on the disk, for as long as the block lasts.

    Raises:
        ModelFolderError: the folder of models cannot be written.
    """
    try:
        models_folder.mkdir(parents=True, exist_ok=True)
        with private_files(), tempfile.TemporaryDirectory(dir=models_folder, prefix=".new-") as folder:
            write_files(draft.render() | {SCHEMA: ""}, Path(folder) / draft.name)
            yield read_model(Path(folder), draft.name)
    except OSError as error:
        raise ModelFolderError(
            f"{models_folder} cannot be written ({error.strerror}): set PERENNIAL_MODELS_FOLDER to a folder of yours"
        ) from error


def write_files(files: Mapping[str, str | bytes], folder: Path) -> None:
    """Write a folder, which must not exist: it appears whole.

    Raises:
        ModelFolderError: it exists.
    """
    require_new(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir(mode=0o755)
        for name, content in files.items():
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            (whole / name).write_bytes(content.encode() if isinstance(content, str) else content)
        whole.rename(folder)


def require_new(folder: Path) -> None:
    """Refuse to write over a folder.

    Raises:
        ModelFolderError: it exists.
    """
    if folder.exists():
        raise ModelFolderError(f"{folder} exists: choose another name for the model, or delete the folder")
