"""What the steps `evaluate` and `measure` do."""

from pathlib import Path

from components.evaluation.champion.champion import ChampionVersion, load_champion, read_champion_record
from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.metric import require_recordable
from components.evaluation.results import Results, read_results
from components.evaluation.views.viewers import scalars, show_classification
from components.examples.digest import spans_of
from components.model.sections import Split
from components.runs.outcome import Step
from components.tfx.artifacts import KfpArtifact


def judge_against_champion(step: Step, judged: Judged, reference: KfpArtifact, results: KfpArtifact, metrics: KfpArtifact) -> str | None:
    """Evaluate beside the champion, and say why the model is not kept; None keeps it.

    A model that keeps its thresholds is kept even if the champion is better: the step `record` then ends the run as BLOCKED.
    """
    measured = judge(step, judged, results, metrics, champion=_champion(step, judged, reference))
    return None if measured.is_candidate else refusal(step.model, measured)


def judge(step: Step, judged: Judged, results: KfpArtifact, metrics: KfpArtifact, *, champion: ChampionVersion | None = None) -> Results:
    """Evaluate, and leave the results and Kubeflow's table of metrics."""
    settings = step.settings
    measured = evaluate(step.model, judged, beam_args=settings.beam_args, stock=settings.stock_executors, champion=champion)
    require_recordable([metric for one in (measured.metrics, *(other.metrics for other in measured.others)) for metric in one])
    measured.write(Path(results.path))
    Path(metrics.path).write_text("")  # an artifact without a file is never cached
    metrics.metadata |= scalars(measured)
    return measured


def _champion(step: Step, judged: Judged, reference: KfpArtifact) -> ChampionVersion | None:
    record = read_champion_record(Path(reference.path))
    if record is None:
        return None
    from components.measurement.scored import read_columns

    examples = Path(judged.examples.path)
    return load_champion(
        step.cloud, step.model, record, columns=read_columns(examples / f"Split-{Split.EVAL}"), newest=spans_of(examples, Split.NEWEST)
    )


def show(step: Step, results: KfpArtifact, classification: KfpArtifact, page: KfpArtifact, refusal: str | None) -> None:
    """Leave what Kubeflow's viewers show. Without a pipeline root there is no viewer, and the run's report has the page."""
    judged = read_results(Path(results.path))
    show_classification(judged, classification)
    if step.settings.pipeline_root:
        from components.evaluation.page import write_evaluation_page  # altair takes half a second

        write_evaluation_page(step.model.name, judged, refusal, Path(page.path))
