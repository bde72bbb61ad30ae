"""The champion as a run is handed it, ready to be evaluated beside the new version, or the reason why it cannot be."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from components.cloud import Cloud
from components.errors import ModelFolderError, RegistryError
from components.model.folder import Model, read_model
from components.model.sections import Split
from components.storage.download_cache import pulled_folder
from components.storage.manifest import CODE, parse_manifest
from components.training.signatures import read_signatures

RECORD = "champion.json"
"""In the artifact that the step `start` leaves; missing without a champion."""


@dataclass(frozen=True, kw_only=True)
class ChampionRecord:
    """What the registry knows of the champion that its evaluation needs."""

    version: int
    uri: str
    manifest: str
    """Of the pushed folder at `uri`, as JSON."""
    spans: tuple[date, ...]
    """Of its snapshot."""
    holds_out: bool
    """Whether it was measured on newest spans that it was not trained on: versions of old were trained on all."""

    def write(self, folder: Path) -> None:
        """As JSON."""
        (folder / RECORD).write_text(json.dumps({**vars(self), "spans": [span.isoformat() for span in self.spans]}))


def read_champion_record(folder: Path) -> ChampionRecord | None:
    """What `ChampionRecord.write` wrote; None if it wrote nothing."""
    path = folder / RECORD
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    return ChampionRecord(**{**found, "spans": tuple(map(date.fromisoformat, found["spans"]))})


@dataclass(frozen=True, kw_only=True)
class ChampionVersion:
    """The champion on this machine."""

    number: int
    saved_model: Path | None = None
    """None if it cannot be evaluated."""
    unfit: Mapping[Split, str] = field(default_factory=dict)
    """Why a split says nothing about it."""
    notes: tuple[str, ...] = ()
    """What a person should know of the comparison, in whole sentences."""

    @property
    def name(self) -> str:
        """Its name in sentences for a person."""
        return f"version {self.number}"


def load_champion(cloud: Cloud, model: Model, record: ChampionRecord, *, columns: Sequence[str], newest: Sequence[date]) -> ChampionVersion:
    """Load the champion, and say where it can be held against a new version.

    Args:
        cloud: the services.
        model: the new version's.
        record: of the champion.
        columns: of the examples.
        newest: the spans that the new version was not trained on.

    Raises:
        AccessError: Cloud Storage refuses or does not answer.
    """
    name = f"champion version {record.version}"
    try:
        folder = pulled_folder(cloud.storage, cloud.settings, parse_manifest(record.uri, record.manifest.encode()))
        signatures = read_signatures(folder, name)
        own = read_model(folder / CODE.parent, CODE.name)
    except (RegistryError, ModelFolderError) as error:
        return ChampionVersion(number=record.version, notes=(f"The {name} cannot be evaluated: {error}.",))
    missing = [column for column in signatures.columns if column.name not in columns]
    needed = ", ".join(column.name for column in missing if not column.optional)
    problem = _other_question(model, own) or (f"it needs {needed}, which the examples do not have" if needed else None)
    if problem:
        return ChampionVersion(number=record.version, notes=(f"The {name} cannot be evaluated on these rows: {problem}.",))
    notes = []
    if own.query_sha256 != model.query_sha256:
        notes.append(f"The {name} was made by another source.sql; it is evaluated on the rows of today's.")
    if missing:
        notes.append(f"The {name} was trained with {', '.join(column.name for column in missing)}, of which the examples have no value.")
    return ChampionVersion(number=record.version, saved_model=folder, unfit=_unfit(model, own, record, newest), notes=tuple(notes))


def _other_question(model: Model, own: Model) -> str | None:
    """Why the labels do not mean the same to both."""
    if own.rows.label != model.rows.label:
        return f"its label is {own.rows.label}, not {model.rows.label}"
    if own.task.is_regression != model.task.is_regression:
        return f"it is a {own.task_name}, not a {model.task_name}"
    if own.task.quantiles != model.task.quantiles:
        return f"it predicts {own.task.score_meaning}, not {model.task.score_meaning}"
    if own.label_names != model.label_names:
        return f"its labels are {', '.join(own.label_names)}, not {', '.join(model.label_names)}"
    return None


def _unfit(model: Model, own: Model, record: ChampionRecord, newest: Sequence[date]) -> dict[Split, str]:
    unfit: dict[Split, str] = {}
    if (own.rows.key, own.split.train, own.split.eval) != (model.rows.key, model.split.train, model.split.eval):
        unfit[Split.EVAL] = "it was trained on rows of the eval split, since its [split] or key is another"
    trained = record.spans[: len(record.spans) - own.newest_spans] if record.holds_out else record.spans
    seen = sorted(set(trained) & set(newest))
    if seen:
        unfit[Split.NEWEST] = f"it was trained on the span {seen[-1]}"
    return unfit
