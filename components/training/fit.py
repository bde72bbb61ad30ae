"""Transform and train: TFX's executors around a model folder's features.py and network.py."""

import json
from collections.abc import Sequence

from components.model.folder import Model
from components.runs.machine import MACHINE, machine_kind
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, Typed, run_executor


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
    """Run Transform: analyse the train split and write the graph, which `train` applies as it reads. TFX's extra statistics are off."""
    run_executor(
        Executor.TRANSFORM,
        {"examples": Typed(examples, "Examples"), "schema": Typed(schema, "Schema")},
        {"transform_graph": Typed(graph, "TransformGraph")},
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
    """Run Trainer: fit network.py on the splits, transformed as they are read, and save it with its serving signature."""
    run_executor(
        Executor.TRAINER,
        {
            "examples": Typed(examples, "Examples"),
            "transform_graph": Typed(graph, "TransformGraph"),
            "schema": Typed(schema, "Schema"),
        },
        {"model": Typed(trained, "Model"), "model_run": Typed(history, "ModelRun")},
        properties={
            "run_fn": "components.training.trainer.run_fn",
            "custom_config": _config(model),
            "train_args": "{}",  # how long to fit is the model's [training], not TFX's number of steps
            "eval_args": "{}",
        },
        beam_args=(),
    )
    trained.metadata[MACHINE] = machine_kind()
