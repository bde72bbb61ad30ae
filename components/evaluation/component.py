"""The steps `evaluate` and `measure`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    run_id: str,
    model: str,
    examples: dsl.Input[dsl.Dataset],
    trained: dsl.Input[dsl.Model],
    reference: dsl.Input[dsl.Artifact],
    evaluation: dsl.Output[dsl.Artifact],
    blessing: dsl.Output[dsl.Artifact],
    results: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    page: dsl.Output[dsl.HTML],
) -> bool:
    """Judge the model beside the champion; True keeps it. A threshold that is not kept ends the run as BLOCKED."""
    from components.evaluation.evaluator import Judged
    from components.evaluation.step import judge_against_champion, show
    from components.runs.outcome import refuse, running_step

    with running_step(run_id, "evaluate", model) as step:
        refusal = judge_against_champion(step, Judged(examples, trained, evaluation, blessing), reference, results, metrics)
        show(step, results, classification, page, refusal)
        if refusal:
            refuse(step, refusal)
        return not refusal


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def measure(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    examples: dsl.Input[dsl.Dataset],
    trained: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    blessing: dsl.Output[dsl.Artifact],
    results: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """Judge the model as `evaluate` does, beside no champion, and let it through whatever comes out."""
    from components.evaluation.evaluator import Judged
    from components.evaluation.step import judge
    from components.runs.outcome import running_step

    with running_step(run_id, "measure", model) as step:
        judge(step, Judged(examples, trained, evaluation, blessing), results, metrics)
