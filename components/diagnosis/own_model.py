"""The model.toml and the schema that a version was made of, by which its predictions are measured."""

import logging
from dataclasses import dataclass

from components.errors import ModelFolderError, RegistryError
from components.model.folder import Model, read_model
from components.registry.history import read_version
from components.runs.outcome import Step
from components.storage.download_cache import pulled_code

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnModel:
    """A version's own model.toml, which knows its slices, features and classes."""

    model: Model
    has_other_labels: bool = False
    """Whether today's labels are not what it predicts, so that it is measured against none."""


def read_own_model(step: Step, version: int) -> OwnModel:
    """The model of a version; today's where its own cannot be read any longer, which a line of the log tells.

    Raises:
        UnknownVersionError: there is no such version.
        AccessError: Cloud Storage or Cloud SQL refuses or does not answer.
    """
    with step.cloud.engine.connect() as connection:
        manifest = read_version(connection, step.model.name, version).manifest
    try:
        folder = pulled_code(step.cloud.storage, step.settings, manifest)
        own = read_model(folder.parent, folder.name).model_copy(update={"name": step.model.name})
    except (RegistryError, ModelFolderError) as error:
        log.warning("a version is measured by today's model.toml", extra={"version": version, "error": str(error)})
        return OwnModel(step.model)
    return OwnModel(own, has_other_labels=_question(own) != _question(step.model))


def _question(model: Model) -> tuple[object, ...]:
    """What a label means."""
    return model.rows.label, model.rows.key, model.task_name, model.label_names
