"""What the step `evaluate` does."""

import math
from pathlib import Path

from components.evaluation.judge import evaluate, refusal
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
    judged = evaluate(
        step.model, examples=examples, trained=trained, evaluation=evaluation, blessing=blessing, beam_args=step.settings.beam_args
    )
    judged.write(Path(results.path))
    overall = {metric.name: metric.value for metric in judged.metrics if not metric.slice and math.isfinite(metric.value)}
    Path(metrics.path).write_text("")  # an artifact without a file is never cached
    metrics.metadata |= overall
    return None if judged.blessed else refusal(step.model, judged)
