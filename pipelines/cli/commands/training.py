"""The commands that run or compile a pipeline.

They start the fork server before they import what a run needs: it can only be forked from a process without threads, and it imports TFX
while this process imports the rest.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import click

from components.model.folder import read_model
from components.reason import require_reason
from components.settings import Settings, read_settings, require_pinned
from pipelines.cli.options import as_json, on_option, ready_settings, through_option
from pipelines.cli.version import version_argument, version_number
from pipelines.run.local import ForkServer, fork_server

if TYPE_CHECKING:
    from pipelines.cli.text.training import Progress
    from pipelines.run.train import TrainingRequest

cold_option = click.option("--cold", is_flag=True, help="Import TFX anew for every step, as a cluster does.")


@click.command()
@click.argument("model")
@through_option
@on_option
@click.option("--wait", is_flag=True, help="Follow a run on Kubeflow to its end, with the exit code of a local one.")
@cold_option
@click.option("--stock", is_flag=True, help="Run TFX's own StatisticsGen, Transform and Evaluator, which are slower.")
@click.option("--force", is_flag=True, help="Train again even if there is a version of this snapshot and code already.")
@click.option("--waive-gate", is_flag=True, help="Train whatever the gate finds in the data; needs --reason.")
@click.option("--reason", help="The reason; it is recorded with the run.")
@click.option(
    "--claimed", nargs=2, hidden=True, callback=lambda *given: given[2] or ("person", None), help="Trigger and id of a claimed run."
)
@click.option("--steps", is_flag=True, hidden=True, help="Tell each step as it ends, under --json too.")
@as_json
def train(
    model: str,
    through: date | None,
    on: str,
    wait: bool,
    cold: bool,
    stock: bool,
    force: bool,
    waive_gate: bool,
    reason: str | None,
    claimed: tuple[str, str | None],
    steps: bool,
    as_json: bool,
) -> None:
    """Train MODEL on a snapshot of its source, evaluate it, and push and record it as a version if it passes the gates.

    The exit code is 0 for a new version, 2 when a gate refused the data or the model, 1 when the run failed.
    """
    _refuse_contradictions(on, waives=waive_gate and reason is None, stock=stock, wait=wait)
    reason = require_reason("asked for on the command line" if reason is None else reason)
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    with step_server(settings, cold=cold or on != "local") as server:
        from components.runs.record import Trigger
        from pipelines.cli.text import training as text
        from pipelines.run.launch import Runner
        from pipelines.run.train import TrainingRequest, train_locally

        request = TrainingRequest(found_model, through, Trigger(claimed[0]), reason, force, waive_gate, stock, claimed[1])
        if on != "local":
            sys.exit(_train_elsewhere(settings, request, on, wait=wait, as_json=as_json))
        progress = text.Progress(quiet=as_json and not steps)
        result = train_locally(Runner(settings, server, _on_start(progress), progress.end), request)
        code = text.show(settings, result, as_json=as_json)
    gc.freeze()  # or half a second goes into looking for garbage at the exit
    sys.exit(code)


def _on_start(progress: "Progress") -> Callable[[str], None]:
    """Tells that a step begins. While `evaluate` is at work this process only waits, and gets ready to draw the report."""
    from pipelines.cli.text.training import warm_up

    def start(name: str) -> None:
        progress.start(name)
        if name == "evaluate":
            Thread(target=warm_up, daemon=True).start()

    return start


def _refuse_contradictions(on: str, *, waives: bool, stock: bool, wait: bool) -> None:
    """Refuse options that do not go together; `waives`: the gate, without a reason."""
    if waives:
        raise click.UsageError("--waive-gate needs --reason: say why these data may be trained on")
    if stock and on != "local":
        raise click.UsageError("--stock is for --on local: elsewhere, set PERENNIAL_STOCK_EXECUTORS=true for the steps")
    if wait and on == "vertex":
        raise click.UsageError("--wait is for --on kubeflow: Vertex AI's console follows a run")


def _train_elsewhere(settings: Settings, request: "TrainingRequest", on: str, *, wait: bool, as_json: bool) -> int:
    """Submit the run to Kubeflow or Vertex AI. Returns the exit code."""
    from pipelines.cli.text.runs import train_on_kubeflow, train_on_vertex

    if on == "vertex":
        return train_on_vertex(settings, request, as_json=as_json)
    return train_on_kubeflow(settings, request, wait=wait, as_json=as_json)


@click.command()
@click.argument("model")
@version_argument
@cold_option
@as_json
def reproduce(model: str, version: int | str, cold: bool, as_json: bool) -> None:
    """Train VERSION of MODEL again from its pinned rows with its own code, and compare examples, weights and metrics with the version.

    It makes no new version. The exit code is 0 when all is equal, 3 when something differs, 1 when the run failed.
    """
    settings = ready_settings()
    with step_server(settings, cold=cold) as server:
        from pipelines.cli.text import reproduction as text
        from pipelines.cli.text.training import Progress
        from pipelines.run.launch import Runner
        from pipelines.run.reproduce import reproduce as train_again

        number = version_number(settings, model, version)
        progress = Progress(quiet=as_json)
        result = train_again(Runner(settings, server, progress.start, progress.end), model, number)
    sys.exit(text.show(result, as_json=as_json))


@click.command("compile")
@click.argument("pipeline", type=click.Choice(["training", "monitoring"]))
@click.option("--model", required=True, help="The model.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The YAML file to write.")
@click.option("--image", help="The container image of every step, by digest. Default: the settings' image, else a placeholder.")
def compile_(pipeline: str, model: str, output: Path, image: str | None) -> None:
    """Write PIPELINE as YAML for Kubeflow or Vertex AI, with MODEL as its default."""
    settings = read_settings()

    from pipelines.monitoring import monitoring
    from pipelines.run.launch import compile_pipeline
    from pipelines.training import training

    read_model(settings.models_folder, model)
    if image is not None:
        try:
            require_pinned(image)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--image") from error
    compile_pipeline(
        {"training": training, "monitoring": monitoring}[pipeline], output, image=image or settings.image, defaults={"model": model}
    )
    click.echo(f"{pipeline} pipeline of {model}: {output}")


def step_server(settings: Settings, *, cold: bool) -> AbstractContextManager[ForkServer | None]:
    """The server that runs tasks without importing TFX each time; None where they are run cold."""
    return nullcontext() if cold or sys.platform != "linux" else fork_server(settings.state_folder)
