"""Transform and train as TFX does, with the features.py and network.py of a model's folder."""

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from components.model.folder import Model
from components.model.sections import Split
from components.runs.machine import MACHINE, machine_kind
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor
from components.training.features import transformed

log = logging.getLogger(__name__)


def _config(model: Model) -> str:
    return json.dumps({"model": model.name, "models_folder": str(model.folder.parent)})


def transform(
    model: Model,
    *,
    examples: KfpArtifact,
    schema: KfpArtifact,
    graph: KfpArtifact,
    cache: Path | None,
    beam_args: Sequence[str],
) -> None:
    """Analyse the train split and write the transform graph, which `train` applies as it reads.

    Args:
        model: whose features.py.
        examples: what the step `read` left.
        schema: of the examples.
        graph: is filled as by TFX's Transform.
        cache: what is kept of spans that were met before; None runs TFX's Transform, as does an analyzer that only that knows.
        beam_args: where that runs.
    """
    if cache is None or not _analyse(model, examples, schema, graph, cache):
        _transform_by_tfx(model, examples, schema, graph, beam_args)


def _analyse(model: Model, examples: KfpArtifact, schema: KfpArtifact, graph: KfpArtifact, cache: Path) -> bool:
    """Whether that could be done without Beam."""
    from components.analysis.analyse import Cache, RawRows, analyse, read_schema
    from components.analysis.nodes import UnknownAnalysisError

    spans = sorted((Path(examples.path) / f"Split-{Split.TRAIN}").iterdir())
    rows = RawRows(spans, read_schema(Path(schema.path)))
    try:
        analyse(partial(transformed, model), rows, Cache(cache, model.code_sha256()), Path(graph.path))
    except UnknownAnalysisError as error:
        log.warning(f"TFX's Transform runs, which takes longer: only it knows {error}")  # noqa: G004 - a plain log has no extras
        return False
    graph.metadata["tfx_type"] = "TransformGraph"
    return True


def _transform_by_tfx(model: Model, examples: KfpArtifact, schema: KfpArtifact, graph: KfpArtifact, beam_args: Sequence[str]) -> None:
    """Run TFX's Transform. Its additional statistics are switched off."""
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
