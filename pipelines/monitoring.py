"""The monitoring pipeline: find the days of predictions that are due, measure them, and raise and close alarms."""

from kfp import dsl

from components.monitoring.component import alarm, survey, watch
from components.registry.component import finish


@dsl.pipeline(name="monitoring", description="Measure what was served, day by day, by logged scores and the labels that are known.")
def monitoring(run_id: str, model: str, target: str, through: str, launch: str) -> None:
    """One run. Doing it again changes nothing.

    Args:
        run_id: its id in the registry.
        model: the name of a model's folder.
        target: where its versions serve.
        through: the last day of predictions and labels to look at, YYYY-MM-DD. A run never asks the clock.
        launch: what only the launcher knows, as JSON (components.runs.provenance.Launch).
    """
    run = {"run_id": run_id, "model": model}
    with dsl.ExitHandler(finish(run_id=run_id, kubeflow_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER)):
        watched = watch(**run, target=target, through=through, launch=launch)
        surveyed = survey(**run, target=target, through=through, days=watched.outputs["days"])
        alarm(**run, target=target, through=through, profiles=surveyed.outputs["profiles"])
