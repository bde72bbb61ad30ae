"""A stored version, loaded: its SavedModel on this machine, and the code that selects the rows it predicts on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.cloud import Cloud
from components.deployment.saved_model import answer
from components.diagnosis.newest.predictions import Predicted
from components.errors import ModelFolderError, RegistryError
from components.examples.encode import encode_examples
from components.model.folder import Model, read_model
from components.model.sections import Split
from components.registry.history import VersionStory
from components.snapshot.document import Snapshot, snapshot_from
from components.storage.download_cache import pulled_folder
from components.storage.manifest import CODE
from components.training.servable import Answer


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadedVersion:
    """A version that can predict, or the reason why it cannot."""

    story: VersionStory
    model: Model
    """Read from the code that is stored with the version, or from today's code if that cannot be read."""
    folder: Path | None = None
    """The folder of its SavedModel."""
    note: str | None = None
    """What a person should know about it."""
    problem: str | None = None
    """Why it cannot predict."""

    @property
    def name(self) -> str:
        """Its name in sentences for a person."""
        return f"version {self.story.number}"

    @property
    def learned(self) -> Snapshot:
        """What it was trained on, without the spans that were held out. A version of old was not measured on such spans: it has none."""
        snapshot = snapshot_from(self.story.snapshot.document)
        held_out = self.model.newest_spans if self.story.own_evaluation_of(Split.NEWEST) else 0
        return replace(snapshot, spans=snapshot.spans[: len(snapshot.spans) - held_out])

    @property
    def recipe(self) -> tuple[object, ...]:
        """What its rows depend on; versions with the same recipe predict on the same rows."""
        return self.model.text("source.sql"), self.model.source, self.model.rows


def load_version(cloud: Cloud, model: Model, story: VersionStory) -> LoadedVersion:
    """Load the version, from Cloud Storage if it is not on this machine yet.

    Raises:
        AccessError: Cloud Storage refuses or does not answer.
    """
    try:
        folder = pulled_folder(cloud.storage, cloud.settings, story.manifest)
    except RegistryError as error:
        return LoadedVersion(story=story, model=model, problem=f"version {story.number} cannot be read: {error}")
    try:
        own_model = read_model(folder / CODE.parent, CODE.name).model_copy(update={"name": model.name})
    except ModelFolderError as error:
        note = f"version {story.number} is fed by today's source.sql, since its own cannot be read: {error}"
        return LoadedVersion(story=story, model=model, folder=folder, note=note)
    return LoadedVersion(story=story, model=own_model, folder=folder)


def predict(signature: Answer, model: Model, rows: pa.Table) -> Predicted:
    """Let a version predict on rows of source.sql.

    Raises:
        SourceError: a column's type has no counterpart in tf.train.Example.
    """
    names = [name for name in rows.column_names if name not in (model.rows.key, model.rows.span, model.rows.label)]
    bounds = () if model.task.is_regression else None
    batches = rows.select(names).combine_chunks().to_batches()
    if not batches:
        return Predicted(
            classes=model.label_names, scores=np.empty((0, model.score_count), np.float32), bounds=bounds, point=model.task.point
        )
    complete = np.logical_and.reduce([np.asarray(batches[0].column(name).is_valid()) for name in names])
    answers = answer(signature, encode_examples(batches[0]).to_pylist(), complete=complete)
    refused = np.full((len(answers.scores), model.score_count), np.nan, np.float32)
    scores = answers.scores if answers.scores.shape[1] == model.score_count else refused
    return Predicted(classes=model.label_names, scores=scores, refusal=answers.refusal, bounds=bounds, point=model.task.point)
