"""The steps `evaluate` and `measure`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    run_id: str,
    model: str,
    examples: dsl.Input[dsl.Dataset],
    trained: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    blessing: dsl.Output[dsl.Artifact],
    results: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
) -> bool:
    """Judge the model on the eval split; True lets it through. A refusal ends the run as BLOCKED."""
    from components.evaluation.step import judge
    from components.runs.outcome import recorded, refuse

    with recorded(run_id, "evaluate") as settings:
        refusal = judge(settings, model, examples, trained, evaluation, blessing, results, metrics)
        if refusal:
            refuse(settings, run_id, refusal)
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
    """Judge the model as `evaluate` does, and let it through whatever comes out."""
    from components.evaluation.step import judge
    from components.runs.outcome import recorded

    with recorded(run_id, "measure") as settings:
        judge(settings, model, examples, trained, evaluation, blessing, results, metrics)
