"""The training pipeline: pin, inspect, read, statistics, validate, transform, train, evaluate and, if blessed, push and record.

There are two of it. `training` is given its window; `scheduled_training` claims the oldest one that is due, since Kubeflow loses the
time for which a recurring run was meant. What a cluster must know of each task is added where it is submitted (`pipelines.kubeflow`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kfp import dsl

from components.checks.component import inspect, schema, statistics, validate
from components.evaluation.component import evaluate
from components.examples.component import read
from components.registry.component import finish, push, record, start
from components.schedules.component import claim
from components.snapshot.component import pin
from components.training.component import train, transform

Place = Callable[[dsl.PipelineTask], dsl.PipelineTask]
"""Says of a task where and how it is to run, and returns it."""


def _as_it_is(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Say nothing of where a task runs: on one machine, and on Vertex AI."""
    return task


@dataclass(frozen=True)
class RunInputs:
    """What every step of a run is given."""

    run_id: Any
    model: Any
    through: Any
    launch: Any


def make_training(place: Place = _as_it_is) -> Any:
    """The training pipeline, each task of it placed."""

    @dsl.pipeline(name="training", description="Train, judge, push and record a model on a pinned snapshot of BigQuery partitions.")
    def training(run_id: str, model: str, through: str, launch: str) -> None:
        """One run.

        Args:
            run_id: its id in the registry.
            model: the name of a model's folder.
            through: the last partition that may be used, YYYY-MM-DD. A run never asks the clock.
            launch: what only the launcher knows, as JSON (components.runs.provenance.Launch).
        """
        with dsl.ExitHandler(place(finish(run_id=run_id, kubeflow_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER))):
            _train_window(RunInputs(run_id, model, through, launch), place)

    return training


def make_scheduled_training(place: Place = _as_it_is) -> Any:
    """The pipeline of recurring runs, each task of it placed."""

    @dsl.pipeline(name="scheduled-training", description="Claim the oldest window that is due and not trained, and train the model on it.")
    def scheduled_training(model: str, windows: str, launch: str) -> None:
        """One run, whose id in the registry is Kubeflow's. It does nothing if no window is due.

        Args:
            model: the name of a model's folder.
            windows: the schedule's windows, as JSON (components.schedules.windows.ScheduledWindows).
            launch: what only the launcher knows, as JSON (components.runs.provenance.Launch).
        """
        run_id = dsl.PIPELINE_JOB_ID_PLACEHOLDER
        with dsl.ExitHandler(place(finish(run_id=run_id, kubeflow_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER))):
            claimed = place(claim(run_id=run_id, model=model, windows=windows, launch=launch))
            with dsl.If(claimed.outputs["Output"] == True, "due"):  # noqa: E712 - KFP overloads the operator
                _train_window(RunInputs(run_id, model, claimed.outputs["through"], launch), place)

    return scheduled_training


def _train_window(given: RunInputs, place: Place) -> None:
    """All steps of a training, whoever chose its window."""
    run = {"run_id": given.run_id, "model": given.model}
    started = place(start(**run, through=given.through, launch=given.launch, kubeflow_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER))
    pinned = place(pin(**run, through=given.through).after(started))
    snapshot, reference = pinned.outputs["snapshot"], started.outputs["reference"]
    inspected = place(inspect(**run, snapshot=snapshot, reference=reference))
    reading = place(read(**run, snapshot=snapshot).after(inspected))
    examples, profile, counts = (reading.outputs[name] for name in ("examples", "profile", "counts"))
    pinned_schema = place(schema(**run).after(started)).outputs["schema"]
    found = place(statistics(**run, examples=examples)).outputs["statistics"]
    checked = place(validate(**run, snapshot=snapshot, reference=reference, profile=profile, statistics=found, schema=pinned_schema))
    # Beside the gate, not behind it: only `train` waits for both.
    graph = place(transform(**run, examples=examples, schema=pinned_schema)).outputs["graph"]
    fitted = place(train(**run, examples=examples, graph=graph, schema=pinned_schema).after(checked))
    trained = fitted.outputs["trained"]
    judged = place(evaluate(**run, examples=examples, trained=trained, reference=reference))
    with dsl.If(judged.outputs["Output"] == True, "blessed"):  # noqa: E712 - KFP overloads the operator
        pushed = place(push(**run, snapshot=snapshot, trained=trained)).outputs["pushed"]
        place(record(**run, snapshot=snapshot, counts=counts, pushed=pushed, results=judged.outputs["results"]))


training = make_training()
"""The pipeline as one machine runs it."""
