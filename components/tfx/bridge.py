"""Run a stock TFX executor inside a KFP task: KFP artifacts in, TFX's own `Do()`, KFP artifacts out.

TFX's own runner for KFP v2 works on Vertex AI alone (docs/decisions/0003). Nothing here imports TFX before it is called.
"""

import importlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from components.tfx.artifacts import KfpArtifact, from_tfx, to_tfx
from components.tfx.beam import quick_beam


class Executor(StrEnum):
    """The stock executors in use, by class path. `tfx.v1` is never imported: it takes 8.5 s."""

    STATISTICS_GEN = "tfx.components.statistics_gen.executor.Executor"
    EXAMPLE_VALIDATOR = "tfx.components.example_validator.executor.Executor"
    TRANSFORM = "tfx.components.transform.executor.Executor"
    TRAINER = "tfx.components.trainer.executor.GenericExecutor"
    EVALUATOR = "tfx.components.evaluator.executor.Executor"


@dataclass(frozen=True)
class TypedArtifact:
    """A KFP artifact, and the TFX type that it stands for."""

    artifact: KfpArtifact
    tfx_type: str


def run_executor(
    executor: Executor,
    inputs: Mapping[str, TypedArtifact],
    outputs: Mapping[str, TypedArtifact],
    *,
    properties: Mapping[str, object],
    beam_args: Sequence[str],
) -> None:
    """Run an executor's `Do()`, and write what it sets on its outputs into their metadata.

    Args:
        executor: the executor.
        inputs: the artifacts by the executor's input keys.
        outputs: the artifacts by the executor's output keys. Their folders are created.
        properties: the execution properties, structured ones as JSON strings.
        beam_args: the pipeline options of executors that run Beam.

    Raises:
        TaskError: an input has another TFX type.
        Exception: whatever the executor raises.
    """
    from tfx.dsl.io import fileio
    from tfx.orchestration.portable import outputs_utils

    _batch_by_size()
    tfx_inputs = {key: [to_tfx(typed.artifact, typed.tfx_type)] for key, typed in inputs.items()}
    tfx_outputs = {key: [to_tfx(typed.artifact, typed.tfx_type)] for key, typed in outputs.items()}
    for artifacts in tfx_outputs.values():
        fileio.makedirs(artifacts[0].uri)
    with tempfile.TemporaryDirectory(prefix="tfx-") as folder, quick_beam():
        _executor(executor, Path(folder), beam_args).Do(tfx_inputs, tfx_outputs, dict(properties))
    outputs_utils.tag_output_artifacts_with_version(tfx_outputs)
    for key, typed in outputs.items():
        from_tfx(tfx_outputs[key][0], typed.artifact)


def _batch_by_size() -> None:
    """Let tfx_bsl cut its batches by bytes.

    By default tfx_bsl tunes the size of batches by the clock: sums are then added in another order each time, and weights differ in
    their last bits. Batches by size are also larger, and so faster.
    """
    import tfx_bsl.coders.batch_util  # noqa: F401 - defines the flag
    from absl import flags

    flags.FLAGS(["perennial", "--tfxio_use_byte_size_batching"])


def _executor(executor: Executor, folder: Path, beam_args: Sequence[str]) -> Any:
    from tfx.dsl.components.base import base_beam_executor, base_executor

    module, name = executor.value.rsplit(".", 1)
    cls = getattr(importlib.import_module(module), name)
    context = {"tmp_dir": str(folder), "unique_id": "1", "stateful_working_dir": str(folder / "state")}
    if issubclass(cls, base_beam_executor.BaseBeamExecutor):
        return cls(base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=list(beam_args), **context))
    return cls(base_executor.BaseExecutor.Context(extra_flags=[], **context))
