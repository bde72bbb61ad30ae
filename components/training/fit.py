"""Transform and train with TFX's executors, which call the features.py and network.py of a model's folder."""

import json
from collections.abc import Sequence

from components.model.folder import Model
from components.runs.machine import MACHINE, machine_kind
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor


def _config(model: Model) -> str:
    return json.dumps({"model": model.name, "models_folder": str(model.folder.parent)})


def transform(
    model: Model,
    *,
    examples: KfpArtifact,
    schema: KfpArtifact,
    graph: KfpArtifact,
    beam_args: Sequence[str],
) -> None:
    """Run Transform: analyse the train split and write the transform graph, which `train` applies as it reads.

    TFX's additional statistics are switched off.
    """
    run_executor(
        Executor.TRANSFORM,
        {"examples": TypedArtifact(examples, "Examples"), "schema": TypedArtifact(schema, "Schema")},
        {"transform_graph": TypedArtifact(graph, "TransformGraph")},
        properties={
            "preprocessing_fn": "components.training.trainer.preprocessing_fn",
            "custom_config": _config(model),
            "disable_statistics": 1,
            "force_tf_compat_v1": 0,
        },
        beam_args=beam_args,
    )


def train(
    model: Model,
    *,
    examples: KfpArtifact,
    graph: KfpArtifact,
    schema: KfpArtifact,
    trained: KfpArtifact,
    history: KfpArtifact,
) -> None:
    """Run Trainer: fit the model's network on the splits, transformed as they are read, and save it with its signatures."""
    run_executor(
        Executor.TRAINER,
        {
            "examples": TypedArtifact(examples, "Examples"),
            "transform_graph": TypedArtifact(graph, "TransformGraph"),
            "schema": TypedArtifact(schema, "Schema"),
        },
        {"model": TypedArtifact(trained, "Model"), "model_run": TypedArtifact(history, "ModelRun")},
        properties={
            "run_fn": "components.training.trainer.run_fn",
            "custom_config": _config(model),
            "train_args": "{}",  # [training] in model.toml tells how long to fit, not TFX's number of steps
            "eval_args": "{}",
        },
        beam_args=(),
    )
    trained.metadata[MACHINE] = machine_kind()
