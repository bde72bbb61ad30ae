"""The gate after training: stock Evaluator, thresholds by slice, and the sentence that says why a model is not let through."""

import math
from collections.abc import Sequence
from pathlib import Path

from components.evaluation.config import eval_config
from components.evaluation.results import Results, load_results
from components.model.folder import Model
from components.tfx.artifacts import KfpArtifact
from components.tfx.bridge import Executor, Typed, run_executor


def evaluate(
    model: Model,
    *,
    examples: KfpArtifact,
    trained: KfpArtifact,
    evaluation: KfpArtifact,
    blessing: KfpArtifact,
    beam_args: Sequence[str],
) -> Results:
    """Run Evaluator on the eval split."""
    run_executor(
        Executor.EVALUATOR,
        {"examples": Typed(examples, "Examples"), "model": Typed(trained, "Model")},
        {"evaluation": Typed(evaluation, "ModelEvaluation"), "blessing": Typed(blessing, "ModelBlessing")},
        properties={"eval_config": eval_config(model), "example_splits": '["eval"]', "fairness_indicator_thresholds": "null"},
        beam_args=beam_args,
    )
    return load_results(model, Path(evaluation.path), blessed=(Path(blessing.path) / "BLESSED").exists())


def refusal(model: Model, results: Results) -> str:
    """Why the model is not let through, in one sentence."""
    broken = [check for check in results.checks if not check.passed]
    if not broken:
        return f"blocked: TFMA refuses {model.name}, though it keeps every threshold of model.toml: read its validations.tfrecord"
    first = broken[0]
    where = ",".join(f"{name}={value}" for name, value in first.slice.items()) or "all rows"
    found = _shown(first.value)
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return (
        f"blocked: {first.metric} on {where} is {found}, model.toml of {model.name} wants {first.rule}{more}; "
        f"see the report for the slices, and mend data, features.py or network.py"
    )


def _shown(value: float | None) -> str:
    if value is None:
        return "not computed, the slice has no rows"
    return "undefined" if math.isnan(value) else f"{value:.4g}"
