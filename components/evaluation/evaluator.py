"""TFX's Evaluator, and the same results in a twentieth of its time: rows are summed up in whole batches (docs/decisions/0009)."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.errors import TaskError
from components.evaluation.config import NO_STOCK
from components.evaluation.split_scores import SplitScores, score_split
from components.measurement.scored import Network, load_network
from components.measurement.sums import StockOnlyError
from components.measurement.tfma_files import parse_config, write_results
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, TypedArtifact, run_executor

SPLIT = "eval"
SAVED_MODEL = "Format-Serving"
"""In a trained model's artifact, as TFX's Trainer leaves it."""
CANDIDATE = "candidate"
"""The name of the version that is judged, among those that score the same rows."""
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
    _networks: dict[str, Network] = field(default_factory=dict)
    """Loaded once, by the ModelSpec that names the signature."""

    @property
    def saved_model(self) -> Path:
        """What is judged."""
        return Path(self.trained.path) / SAVED_MODEL

    def network(self, model_spec: Any) -> Network:
        """What is judged, as a ModelSpec names it.

        Raises:
            StockOnlyError: the signature has several inputs or outputs.
        """
        key = str(model_spec)
        if key not in self._networks:
            self._networks[key] = load_network(self.saved_model, model_spec)
        return self._networks[key]


def evaluate(
    config: str,
    judged: Judged,
    *,
    beam_args: Sequence[str],
    stock: bool = False,
    is_stock_known: bool = True,
    others: Mapping[str, Network] | None = None,
) -> SplitScores | None:
    """Evaluate the model on the eval split: in whole batches, or by the stock Evaluator where that alone knows how, or is asked for.

    Returns what every version comes to on the same rows; None if only the stock Evaluator knows what the configuration or the rows mean.

    Args:
        config: an EvalConfig as JSON.
        judged: what is evaluated.
        beam_args: where the stock Evaluator runs.
        stock: whether it runs in any case.
        is_stock_known: whether it knows such models at all.
        others: other versions that score the same rows, by name; nothing is blessed for them.

    Raises:
        TaskError: the model scores a row as NaN, or the stock Evaluator, which does not know such models, would have to run.
    """
    scores, why = None, "--stock, or PERENNIAL_STOCK_EXECUTORS, asks for it: train without"
    try:
        completed = parse_config(config)
        (model_spec,) = completed.model_specs
        networks = {CANDIDATE: judged.network(model_spec), **(others or {})}
        scores = score_split(completed, Path(judged.examples.path), SPLIT, networks)
    except StockOnlyError as error:
        stock, why = True, f"only it knows {error}"
        log.warning(f"the stock Evaluator runs, which takes longer: {why}")  # noqa: G004 - a plain log has no extras
    if not stock and scores is not None:
        _write(completed, scores, judged)
    elif is_stock_known:
        _run_stock(config, judged, beam_args)
    else:
        raise TaskError(f"{NO_STOCK}, and {why}")
    return scores


def _run_stock(config: str, judged: Judged, beam_args: Sequence[str]) -> None:
    """Run TFX's own Evaluator."""
    run_executor(
        Executor.EVALUATOR,
        {"examples": TypedArtifact(judged.examples, "Examples"), "model": TypedArtifact(judged.trained, "Model")},
        {"evaluation": TypedArtifact(judged.evaluation, "ModelEvaluation"), "blessing": TypedArtifact(judged.blessing, "ModelBlessing")},
        properties={"eval_config": config, "example_splits": json.dumps([SPLIT]), "fairness_indicator_thresholds": "null"},
        beam_args=beam_args,
    )


def _write(config: Any, scores: SplitScores, judged: Judged) -> None:
    folder = Path(judged.evaluation.path)
    result = write_results(config, scores.measurements[CANDIDATE], folder, saved_model=str(judged.saved_model))
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
