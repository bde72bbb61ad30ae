"""The reproduction pipeline: train a version again from its own snapshot, and hold what comes out against it. It makes no version."""

from kfp import dsl

from components.checks.component import schema
from components.evaluation.component import measure
from components.examples.component import read
from components.registry.component import finish
from components.reproduction.component import begin, compare, recall
from components.training.component import train, transform


@dsl.pipeline(name="reproduction", description="Train a version again from its pinned snapshot, and say what came out equal.")
def reproduction(run_id: str, model: str, version: int, launch: str) -> None:
    """One run. No gate stands in its way: the version has passed them.

    Args:
        run_id: its id in the registry.
        model: the name of the model's folder, which must be the version's own.
        version: its number.
        launch: what only the launcher knows, as JSON (components.runs.provenance.Launch).
    """
    with dsl.ExitHandler(finish(run_id=run_id, kubeflow_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER)):
        begun = begin(run_id=run_id, model=model, version=version, launch=launch)
        snapshot = recall(run_id=run_id, model=model, version=version).after(begun).outputs["snapshot"]
        reading = read(run_id=run_id, model=model, snapshot=snapshot)
        examples = reading.outputs["examples"]
        pinned_schema = schema(run_id=run_id, model=model).after(begun).outputs["schema"]
        graph = transform(run_id=run_id, model=model, examples=examples, schema=pinned_schema).outputs["graph"]
        trained = train(run_id=run_id, model=model, examples=examples, graph=graph, schema=pinned_schema).outputs["trained"]
        measured = measure(run_id=run_id, model=model, examples=examples, trained=trained)
        compare(
            run_id=run_id,
            model=model,
            version=version,
            snapshot=snapshot,
            counts=reading.outputs["counts"],
            trained=trained,
            results=measured.outputs["results"],
        )
