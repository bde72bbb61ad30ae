"""The steps `transform` and `train`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def transform(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    examples: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    graph: dsl.Output[dsl.Artifact],
):
    """Analyse the train split with the model's features.py."""
    from components.runs.outcome import running_step
    from components.training import fit

    with running_step(run_id, "transform", model) as step:
        cache = None if step.settings.stock_executors else step.settings.caches / "analysis" / model
        fit.transform(step.model, examples=examples, schema=schema, graph=graph, cache=cache, beam_args=step.settings.beam_args)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    examples: dsl.Input[dsl.Dataset],
    graph: dsl.Input[dsl.Artifact],
    schema: dsl.Input[dsl.Artifact],
    trained: dsl.Output[dsl.Model],
    history: dsl.Output[dsl.Artifact],
):
    """Fit the model's network.py."""
    from components.runs.outcome import running_step
    from components.training import fit

    with running_step(run_id, "train", model) as step:
        fit.train(step.model, examples=examples, graph=graph, schema=schema, trained=trained, history=history)
