"""TFX's Evaluator, and the same results in a twentieth of its time: rows are summed up in whole batches (docs/decisions/0009)."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.evaluation.measurement.measurement import Measurement
from components.evaluation.measurement.scored import load_network, read_scored
from components.evaluation.measurement.sums import StockOnlyError
from components.evaluation.measurement.tfma_files import parse_config, write_results
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor

SPLIT = "eval"
SAVED_MODEL = "Format-Serving"
"""In a trained model's artifact, as TFX's Trainer leaves it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """What is evaluated, and where the results go."""

    examples: KfpArtifact
    trained: KfpArtifact
    evaluation: KfpArtifact
    """Filled with what `tfma.load_eval_result` and `tfma.load_validation_result` read."""
    blessing: KfpArtifact
    """Filled with the file BLESSED or NOT_BLESSED."""


def evaluate(config: str, judged: Judged, *, beam_args: Sequence[str], stock: bool = False) -> None:
    """Evaluate the model on the eval split: in whole batches, or by the stock Evaluator where that alone knows how, or is asked for.

    Args:
        config: an EvalConfig as JSON.
        judged: what is evaluated.
        beam_args: where the stock Evaluator runs.
        stock: whether it runs in any case.

    Raises:
        TaskError: the model scores a row as NaN.
    """
    if not stock:
        try:
            _evaluate(parse_config(config), judged)
        except StockOnlyError as error:
            log.warning(f"the stock Evaluator runs, which takes longer: only it knows {error}")  # noqa: G004 - a plain log has no extras
        else:
            return
    run_executor(
        Executor.EVALUATOR,
        {"examples": TypedArtifact(judged.examples, "Examples"), "model": TypedArtifact(judged.trained, "Model")},
        {"evaluation": TypedArtifact(judged.evaluation, "ModelEvaluation"), "blessing": TypedArtifact(judged.blessing, "ModelBlessing")},
        properties={"eval_config": config, "example_splits": json.dumps([SPLIT]), "fairness_indicator_thresholds": "null"},
        beam_args=beam_args,
    )


def _evaluate(config: Any, judged: Judged) -> None:
    measurement, (model_spec,) = Measurement(config), config.model_specs
    saved_model = Path(judged.trained.path) / SAVED_MODEL
    files = sorted((Path(judged.examples.path) / f"Split-{SPLIT}").iterdir())
    for rows in read_scored(files, load_network(saved_model, model_spec), model_spec, measurement.features):
        measurement.add(rows)
    result = write_results(config, measurement, Path(judged.evaluation.path), saved_model=str(saved_model))
    judged.evaluation.metadata["tfx_type"] = "ModelEvaluation"
    _bless(config, result.validation_ok, judged)


def _bless(config: Any, is_valid: bool, judged: Judged) -> None:
    """As the Evaluator does: nothing where there is no threshold."""
    from tensorflow_model_analysis.metrics import metric_specs

    folder = Path(judged.blessing.path)
    folder.mkdir(parents=True, exist_ok=True)
    judged.blessing.metadata["tfx_type"] = "ModelBlessing"
    if metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config):
        (folder / ("BLESSED" if is_valid else "NOT_BLESSED")).write_text("")
        judged.blessing.metadata |= {"blessed": int(is_valid), "current_model": judged.trained.uri}
