"""Pipelines as the API takes them: the intermediate representation and what Kubernetes must know, both as JSON."""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from components.errors import SettingsError
from components.model.folder import Model
from components.settings import Settings
from pipelines.kubeflow.placement import place_look, place_on_kubernetes
from pipelines.look import make_look
from pipelines.run.kfp_internals import plain_frames
from pipelines.run.launch import compile_pipeline
from pipelines.training import make_scheduled_training, make_training

NEEDED = ("image", "pipeline_root")


def require_image(settings: Settings) -> None:
    """Refuse settings with which no step could start.

    Raises:
        SettingsError: the image or the pipeline root is not set.
    """
    for name in NEEDED:
        if getattr(settings, name) is None:
            raise SettingsError(f"--on kubeflow needs PERENNIAL_{name.upper()}: set it in infra/environments/{settings.environment}.env")


def compile_training(settings: Settings, model: Model) -> str:
    """The training pipeline of a model as YAML: the same document that `perennial compile` writes, with what a cluster must know."""
    with plain_frames():
        return _compiled(make_training(place_on_kubernetes(settings, model.resources)), settings)


def compile_scheduled_training(settings: Settings, model: Model) -> str:
    """The pipeline of a model's recurring runs as YAML."""
    with plain_frames():
        return _compiled(make_scheduled_training(place_on_kubernetes(settings, model.resources)), settings)


def compile_look(settings: Settings) -> str:
    """The pipeline of the watcher's recurring run as YAML."""
    with plain_frames():
        return _compiled(make_look(place_look(settings)), settings)


def _compiled(pipeline: Any, settings: Settings) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compile_pipeline(pipeline, path, image=settings.image)
        return path.read_text()


def as_json(text: str) -> dict[str, Any]:
    """Compiled YAML as a run's `pipeline_spec`: both documents, as kfp's own client sends them."""
    spec, platform = yaml.load_all(text, Loader=yaml.CSafeLoader)
    return {"pipeline_spec": spec, "platform_spec": platform}
