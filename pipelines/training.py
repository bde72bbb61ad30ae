"""The training pipeline: pin, inspect, read, statistics, validate, transform, train, evaluate and, if blessed, push and record."""

from kfp import dsl

from components.checks.component import inspect, schema, statistics, validate
from components.evaluation.component import evaluate
from components.examples.component import read
from components.registry.component import finish, push, record, start
from components.snapshot.component import pin
from components.training.component import train, transform


@dsl.pipeline(name="training", description="Train, judge, push and record a model on a pinned snapshot of BigQuery partitions.")
def training(run_id: str, model: str, through: str, launch: str) -> None:
    """One run.

    Args:
        run_id: its id in the registry.
        model: the name of a model's folder.
        through: the last partition that may be used, YYYY-MM-DD. A run never asks the clock.
        launch: what only the launcher knows, as JSON (components.runs.provenance.Launch).
    """
    with dsl.ExitHandler(finish(run_id=run_id)):
        started = start(run_id=run_id, model=model, through=through, launch=launch)
        pinned = pin(run_id=run_id, model=model, through=through).after(started)
        snapshot, reference = pinned.outputs["snapshot"], started.outputs["reference"]
        inspected = inspect(run_id=run_id, model=model, snapshot=snapshot, reference=reference)
        reading = read(run_id=run_id, model=model, snapshot=snapshot).after(inspected)
        examples, profile, counts = (reading.outputs[name] for name in ("examples", "profile", "counts"))
        pinned_schema = schema(run_id=run_id, model=model).after(started).outputs["schema"]
        found = statistics(run_id=run_id, model=model, examples=examples).outputs["statistics"]
        checked = validate(
            run_id=run_id, model=model, snapshot=snapshot, reference=reference, profile=profile, statistics=found, schema=pinned_schema
        )
        # Beside the gate, not behind it: only `train` waits for both.
        graph = transform(run_id=run_id, model=model, examples=examples, schema=pinned_schema).outputs["graph"]
        fitted = train(run_id=run_id, model=model, examples=examples, graph=graph, schema=pinned_schema).after(checked)
        trained = fitted.outputs["trained"]
        judged = evaluate(run_id=run_id, model=model, examples=examples, trained=trained, reference=reference)
        with dsl.If(judged.outputs["Output"] == True, "blessed"):  # noqa: E712 - KFP overloads the operator
            pushed = push(run_id=run_id, model=model, snapshot=snapshot, trained=trained).outputs["pushed"]
            record(run_id=run_id, model=model, snapshot=snapshot, counts=counts, pushed=pushed, results=judged.outputs["results"])
