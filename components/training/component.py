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
    from components.model.folder import read_model
    from components.runs.outcome import recorded
    from components.training import fit

    with recorded(run_id, "transform") as settings:
        found = read_model(settings.models_folder, model)
        fit.transform(found, examples=examples, schema=schema, graph=graph, beam_args=settings.beam_args)


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
    from components.model.folder import read_model
    from components.runs.outcome import recorded
    from components.training import fit

    with recorded(run_id, "train") as settings:
        found = read_model(settings.models_folder, model)
        fit.train(found, examples=examples, graph=graph, schema=schema, trained=trained, history=history)
