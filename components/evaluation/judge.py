"""The gate after training: the Evaluator, thresholds by slice, and the sentence that says why a model is not let through."""

import math
from collections.abc import Sequence
from pathlib import Path

from components.evaluation import evaluator
from components.evaluation.config import eval_config
from components.evaluation.evaluator import Judged
from components.evaluation.results import Results, load_results
from components.model.folder import Model


def evaluate(model: Model, judged: Judged, *, beam_args: Sequence[str], stock: bool = False) -> Results:
    """Evaluate a model on the eval split as its model.toml says; see evaluator.py for what is stock.

    Raises:
        TaskError: the model scores a row as NaN.
    """
    evaluator.evaluate(eval_config(model), judged, beam_args=beam_args, stock=stock)
    return load_results(model, Path(judged.evaluation.path), blessed=(Path(judged.blessing.path) / "BLESSED").exists())


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
