"""What the command line shows of runs, here and on Kubeflow."""

from dataclasses import asdict
from datetime import date
from typing import Any

import click

from components.database.engine import make_engine
from components.errors import ConflictError, RegistryError
from components.runs.kubeflow import find_execution
from components.runs.listing import list_runs
from components.runs.record import RunState, is_recorded
from components.schedules.declared import DeclaredRuns
from components.settings import Settings
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.cli.text.training import EXIT_CODES, Progress, worst_exit_code
from pipelines.kubeflow import applying, backfill, control
from pipelines.kubeflow.api import connected
from pipelines.kubeflow.stuck import why_stuck
from pipelines.kubeflow.submission import submit
from pipelines.kubeflow.watching import RemoteTraining, Watch, follow, read_training
from pipelines.run.train import TrainingRequest

LONGEST_WAIT_SECONDS = 24 * 3600.0


def train_on_kubeflow(settings: Settings, request: TrainingRequest, *, wait: bool, as_json: bool) -> int:
    """Submit a training, and if wanted follow it. Returns the exit code."""
    with connected(settings) as kubeflow:
        run = submit(kubeflow, settings, request)
        if not wait:
            document = {"run": run.run_id, "kubeflow_run": run.kubeflow_run, "address": run.address}
            click.echo(to_json(document) if as_json else f"submitted: {run.run_id}\n  {run.address}")
            return ExitCode.DONE
        progress = Progress(quiet=as_json)
        if not as_json:
            click.echo(f"  {run.address}", err=True)
        watch = Watch(
            on_start=progress.start,
            on_end=progress.end,
            on_quiet=lambda sentence: click.echo(f"  … {sentence}", err=True),
            why_stuck=lambda kubeflow_run: why_stuck(settings, kubeflow_run),
            longest_seconds=LONGEST_WAIT_SECONDS,
        )
        training = read_training(settings, follow(kubeflow, run.kubeflow_run, watch))
    _show_training(training, as_json=as_json)
    return EXIT_CODES.get(training.state, ExitCode.FAILED)


def _show_training(training: RemoteTraining, *, as_json: bool) -> None:
    run, error = training.remote, training.recorded.error if training.recorded else None
    if as_json:
        tasks = [{"name": task.step, "state": task.state, "seconds": task.seconds} for task in run.tasks]
        document = {"run": run.run_id, "state": training.state, "error": error, "version": training.version, "address": run.address}
        click.echo(to_json(document | {"tasks": tasks, "findings": [asdict(finding) for finding in training.findings]}))
        return
    if training.state is RunState.SUCCEEDED and training.version is not None and training.recorded:
        model = training.recorded.run.model
        click.echo(f"\n{model} version {training.version}\n  everything about it  perennial show {model} {training.version}")
    else:
        unrecorded = f"the run ended before it was recorded: `perennial logs {run.run_id}` says why"
        click.echo(f"\nError: {error or (unrecorded if training.recorded is None else f'the run ended {training.state}')}", err=True)
    click.echo(f"  run                  {run.run_id}\n  on Kubeflow          {run.address}")


def train_on_vertex(settings: Settings, request: TrainingRequest, *, as_json: bool) -> int:
    """Submit a training to Vertex AI Pipelines. Returns the exit code."""
    from pipelines.kubeflow.vertex import submit_to_vertex

    submitted = submit_to_vertex(settings, request)
    click.echo(to_json(asdict(submitted)) if as_json else f"submitted: {submitted.run}\n  {submitted.address}")
    return ExitCode.DONE


def show_recorded_runs(settings: Settings, model: str, *, limit: int, as_json: bool) -> None:
    """Print a table of the runs that the registry knows."""
    with make_engine(settings).connect() as connection:
        found = list_runs(connection, model, limit=limit)
    if as_json:
        click.echo(to_json([asdict(run) for run in found]))
        return
    for run in found:
        click.echo(f"{run.started_at:%Y-%m-%d %H:%M}  {run.state:<9}  {run.through:<10}  {run.run_id}  {run.trigger}: {run.reason}")
        for line in (run.error, run.address):
            if line:
                click.echo(f"{'':18}{line}")
    if not found:
        click.echo(f"{model} has no run yet: `perennial train {model}` makes the first")


def show_remote_runs(settings: Settings, model: str, *, limit: int, as_json: bool) -> None:
    """Print a table of the runs of a model's experiment on Kubeflow."""
    from pipelines.kubeflow.remote import remote_run

    with connected(settings) as kubeflow:
        experiment = kubeflow.experiment(model)
        what, method = f"to list runs of {model}", kubeflow.runs.run_service_list_runs
        listed = kubeflow.read(what, method, experiment_id=experiment, sort_by="created_at desc", page_size=limit) if experiment else None
        found = [remote_run(run, kubeflow.pages) for run in (listed.runs if listed else None) or ()]
    if as_json:
        click.echo(to_json([asdict(run) for run in found]))
        return
    for run in found:
        click.echo(f"{run.created:%Y-%m-%d %H:%M}  {run.word:<9}  {run.run_id}  {run.name}\n{'':18}{run.address}")
    if not found:
        click.echo(f"{model} has no run on Kubeflow yet: `perennial train {model} --on kubeflow` submits one")


def show_remote_logs(settings: Settings, run_id: str, step: str | None) -> None:
    """Print the logs of a run's pods."""
    with connected(settings) as kubeflow:
        run = control.find_run(kubeflow, settings, run_id)
        for task, log in control.read_logs(kubeflow, run, step):
            click.echo(f"== {task.step}\n{log}", nl=not log.endswith("\n"))


def cancel_run(settings: Settings, run_id: str) -> None:
    """Stop a run on Kubeflow, and say how it ended."""
    _require_remote(settings, run_id, "stop it by Ctrl-C where it runs")
    with connected(settings) as kubeflow:
        state = control.cancel(kubeflow, settings, run_id)
    if state is not RunState.CANCELLED:
        raise ConflictError(f"run {run_id} had ended as {state} already: nothing was cancelled")
    click.echo(f"{run_id} is {state}")


def retry_run(settings: Settings, run_id: str) -> None:
    """Run a failed run on Kubeflow again."""
    _require_remote(settings, run_id, "run `perennial train` again: it keeps what is done")
    with connected(settings) as kubeflow:
        run = control.retry(kubeflow, settings, control.find_run(kubeflow, settings, run_id))
    click.echo(f"submitted: {run.run_id}\n  {run.address}")


def _require_remote(settings: Settings, run_id: str, remedy: str) -> None:
    """Refuse a run that the registry knows and Kubeflow does not execute."""
    with make_engine(settings).connect() as connection:
        if is_recorded(connection, run_id) and find_execution(connection, run_id) is None:
            raise RegistryError(f"run {run_id} does not run on Kubeflow: {remedy}")


def backfill_on_kubeflow(settings: Settings, request: TrainingRequest, windows: list[date], parallel: int) -> int:
    """Train windows on Kubeflow, and print what becomes of each. Returns the exit code."""

    def on_news(through: date, what: str) -> None:
        click.echo(f"{through}  {what}")

    with connected(settings) as kubeflow:
        ended = backfill.backfill(kubeflow, settings, request, windows, parallel=parallel, on_news=on_news)
    return worst_exit_code({EXIT_CODES.get(state, ExitCode.FAILED) for state in ended.values()})


def apply_schedules(settings: Settings, declared: DeclaredRuns, *, dry_run: bool, as_json: bool) -> None:
    """Put Kubeflow's schedules right, and print each change."""

    def on_change(sentence: str) -> None:
        if not as_json:
            click.echo(f"{'would: ' if dry_run else ''}{sentence}")

    with connected(settings) as kubeflow:
        changes = applying.apply(kubeflow, settings, declared, dry_run=dry_run, on_change=on_change)
    document: dict[str, Any] = {"changes": changes, "dry_run": dry_run}
    if as_json:
        click.echo(to_json(document))
    elif not changes:
        watcher = " and the watcher" if declared.watch else ""
        click.echo(f"all {len(declared.schedules)} schedules{watcher} are as declared")
