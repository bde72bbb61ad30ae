"""What the step `evaluate` does."""

import math
from pathlib import Path

from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.metric import require_recordable
from components.runs.outcome import Step
from components.tfx.artifacts import KfpArtifact


def judge(
    step: Step,
    examples: KfpArtifact,
    trained: KfpArtifact,
    evaluation: KfpArtifact,
    blessing: KfpArtifact,
    results: KfpArtifact,
    metrics: KfpArtifact,
) -> str | None:
    """Evaluate, leave the results and Kubeflow's table of metrics, and say why the model is refused; None lets it through."""
    judged = Judged(examples, trained, evaluation, blessing)
    measured = evaluate(step.model, judged, beam_args=step.settings.beam_args, stock=step.settings.stock_executors)
    require_recordable(measured.metrics)
    measured.write(Path(results.path))
    overall = {metric.name: metric.value for metric in measured.metrics if not metric.slice and math.isfinite(metric.value)}
    Path(metrics.path).write_text("")  # an artifact without a file is never cached
    metrics.metadata |= overall
    return None if measured.blessed else refusal(step.model, measured)
