"""Folders as KFP hands them to a step."""

from dataclasses import dataclass, field
from pathlib import Path

from components.cloud import Cloud
from components.model.folder import read_model
from components.runs.outcome import Step
from components.settings import Settings


@dataclass
class Artifact:
    """What a step sees of a KFP artifact."""

    uri: str
    path: str
    metadata: dict[str, object] = field(default_factory=dict)


def artifact(path: Path, **metadata: object) -> Artifact:
    """An artifact on this machine."""
    return Artifact(str(path), str(path), metadata)


def examples_artifact(path: Path, *splits: str) -> Artifact:
    """An artifact as the step `read` leaves it."""
    names = ",".join(f'"{split}"' for split in splits)
    return artifact(path, tfx_type="Examples", split_names=f"[{names}]", payload_format="FORMAT_TF_EXAMPLE", file_format="tfrecords_gzip")


def step(settings: Settings, model: str) -> Step:
    """What the steps of a run are handed, for a model of the settings' folder."""
    return Step("run", read_model(settings.models_folder, model), Cloud(settings))
