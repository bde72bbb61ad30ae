"""What the step `evaluate` does."""

from pathlib import Path

from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.metric import require_recordable
from components.evaluation.results import read_results
from components.evaluation.viewers import scalars, show_classification
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
    Path(metrics.path).write_text("")  # an artifact without a file is never cached
    metrics.metadata |= scalars(measured)
    return None if measured.blessed else refusal(step.model, measured)


def show(step: Step, results: KfpArtifact, classification: KfpArtifact, page: KfpArtifact, refusal: str | None) -> None:
    """Leave what Kubeflow's viewers show. Without a pipeline root there is no viewer, and the run's report has the page."""
    judged = read_results(Path(results.path))
    show_classification(judged, classification)
    if step.settings.pipeline_root:
        from components.evaluation.page import write_evaluation_page  # altair takes half a second

        write_evaluation_page(step.model.name, judged, refusal, Path(page.path))
