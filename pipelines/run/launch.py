"""Compile a pipeline, run it on this machine, or submit it to Kubeflow."""

import fcntl
import hashlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from components.checks.findings import Finding
from components.checks.record import read_recorded_findings
from components.cloud import Cloud
from components.database.engine import make_engine
from components.errors import PerennialError, SettingsError, TaskError
from components.google import bigquery_client
from components.model.folder import Model
from components.registry.step import start_recorded_run, training_sha256
from components.registry.versions import find_trained, find_version_of_run, was_trained
from components.runs.outcome import Step
from components.runs.provenance import Launch, git_state
from components.runs.record import RecordedRun, RunState, TaskResult, Trigger, close_interrupted, finish_run, read_run
from components.runs.steps import STEPS, Duty
from components.settings import IMAGE, Settings
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition
from pipelines.run.local import ForkServer, LocalRun

KEPT_RUNS = 10
"""Folders of local runs that are kept; their rows and reports are kept for ever."""


@dataclass(frozen=True)
class Request:
    """What somebody asks for."""

    model: Model
    through: date | None
    trigger: Trigger
    reason: str
    force: bool = False
    waive_gate: bool = False
    """Let the gate before training find, and not block."""
    stock: bool = False
    """Run TFX's own executors where ours give the same."""


@dataclass(frozen=True)
class AlreadyTrained:
    """The same snapshot, code and environment gave this version before."""

    version: int
    snapshot_id: str
    through: date


@dataclass(frozen=True)
class LocalResult:
    """A run that was made here."""

    run: RecordedRun
    version: int | None
    tasks: tuple[TaskResult, ...]
    folder: Path
    findings: tuple[Finding, ...] = ()
    """What the gate before training found, the likely culprit first."""


def compile_training(path: Path, image: str | None, *, model: str | None = None) -> str:
    """Write the training pipeline as YAML, `model` as its default. Returns the SHA-256 it has without image and default."""
    from kfp import compiler

    from pipelines.training import training

    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "training.yaml"
        compiler.Compiler().compile(training, str(compiled))
        text = compiled.read_text()
        if model is not None:
            compiler.Compiler().compile(training, str(path), pipeline_parameters={"model": model})
        else:
            path.write_text(text)
    if image:
        path.write_text(path.read_text().replace(IMAGE, image))
    return hashlib.sha256(text.encode()).hexdigest()


def train_locally(
    settings: Settings,
    request: Request,
    server: ForkServer | None,
    *,
    on_start: Callable[[str], None],
    on_end: Callable[[TaskResult], None],
) -> AlreadyTrained | LocalResult:
    """Run the training pipeline on this machine, unless the same training was done before.

    Raises:
        PerennialError: the run could not start; where the registry could be reached it has the reason.
    """
    engine = make_engine(settings)
    model = request.model
    with only_run(settings, model.name):
        with engine.begin() as connection:
            close_interrupted(connection, model.name, socket.gethostname())
            may_be_trained = not request.force and was_trained(connection, model.name, model.code_sha256())
        run_id, launch = new_run_id(model.name), _launch(request)
        with _recorded_refusal(settings, request, run_id, launch):
            client = bigquery_client(settings)
            through = request.through or latest_partition(client, settings, model)
            trained = None
            if may_be_trained:  # by code alone; otherwise what the window holds is the step `pin`'s to find out
                snapshot, _ = describe_snapshot(client, settings, model, through)
                trained = _find_trained(engine, model, snapshot, through)
        if trained is not None:
            return trained
        from pipelines.training import training

        stock = {"PERENNIAL_STOCK_EXECUTORS": "true"} if request.stock else {}
        local = LocalRun(settings.state_folder / "runs" / run_id, server, on_start, on_end, stock)
        run_pipeline(local, training, _arguments(run_id, model, through, launch))
        with engine.begin() as connection:
            run = read_run(connection, run_id)
            version, findings = find_version_of_run(connection, run_id), read_recorded_findings(connection, run_id)
        drop_old_runs(settings)
        return LocalResult(run, version, tuple(local.results), local.folder, findings)


def _find_trained(engine: Engine, model: Model, snapshot: Snapshot, through: date) -> AlreadyTrained | None:
    with engine.begin() as connection:
        version = find_trained(connection, model.name, training_sha256(model, snapshot.snapshot_id))
    return None if version is None else AlreadyTrained(version, snapshot.snapshot_id, through)


def new_run_id(model: str) -> str:
    """An id that no other run has: the model's name, the time, and chance."""
    return f"{model}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _launch(request: Request) -> Launch:
    with tempfile.TemporaryDirectory() as temporary:
        pipeline_sha256 = compile_training(Path(temporary) / "training.yaml", None)
    commit, dirty = git_state()
    return Launch(
        pipeline_sha256=pipeline_sha256,
        code_sha256=request.model.code_sha256(),
        trigger=request.trigger,
        reason=request.reason,
        host=socket.gethostname(),
        git_commit=commit,
        git_dirty=dirty,
        waive_gate=request.waive_gate,
    )


def _arguments(run_id: str, model: Model, through: date, launch: Launch) -> dict[str, str]:
    return {"run_id": run_id, "model": model.name, "through": through.isoformat(), "launch": launch.to_json()}


@contextmanager
def _recorded_refusal(settings: Settings, request: Request, run_id: str, launch: Launch) -> Iterator[None]:
    """A run that is refused before its first step is in the registry too, as FAILED."""
    try:
        yield
    except PerennialError as error:
        through = request.through.isoformat() if request.through else "the last partition"
        step = Step(run_id, request.model, Cloud(settings))
        start_recorded_run(step, through, launch.to_json())
        with step.cloud.engine.begin() as connection:
            finish_run(connection, run_id, RunState.FAILED, str(error))
        raise


def run_pipeline(local: LocalRun, pipeline: Callable[..., object], arguments: Mapping[str, str | int]) -> None:
    """Run a pipeline to its end, however it ends: the registry has how.

    Raises:
        TaskError: its first step failed, so that nothing is recorded; the text is the step's own sentence.
    """
    if local.run(pipeline, arguments):
        return
    failed = next(result for result in local.results if result.state == "failed")
    lines = failed.log.read_text(errors="replace").splitlines() if failed.log.is_file() else []
    if STEPS[failed.name].duty is Duty.BEGIN:  # nothing is recorded: the step's own words are all there is
        sentence = next((line.removeprefix("perennial: ") for line in reversed(lines) if line.startswith("perennial: ")), "it was killed")
        raise TaskError(f"{sentence} (log: {failed.log})")


@contextmanager
def only_run(settings: Settings, model: str) -> Iterator[None]:
    """One local run of a model at a time; a killed one frees the lock.

    Raises:
        TaskError: there is another.
    """
    path = settings.state_folder / "locks" / f"train-{model}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TaskError(f"another run of {model} is in progress on this machine: wait for it, or stop it") from error
        yield


def drop_old_runs(settings: Settings) -> None:
    """Delete the folders of all but the last runs."""
    folders = sorted((settings.state_folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT_RUNS:]:
        shutil.rmtree(folder, ignore_errors=True)


def submit(settings: Settings, request: Request) -> str:
    """Submit the same pipeline to the Kubeflow endpoint of the settings. Returns the address of the run.

    Raises:
        SettingsError: endpoint, image or pipeline root are not set.
    """
    from kfp.client import Client

    for name in ("kubeflow_endpoint", "image", "pipeline_root"):
        if getattr(settings, name) is None:
            raise SettingsError(f"--on kubeflow needs PERENNIAL_{name.upper()}: set it in infra/environments/{settings.environment}.env")
    through = request.through or latest_partition(bigquery_client(settings), settings, request.model)
    run_id = new_run_id(request.model.name)
    arguments = _arguments(run_id, request.model, through, _launch(request))
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "training.yaml"
        compile_training(path, settings.image)
        client = Client(host=settings.kubeflow_endpoint)
        run = client.create_run_from_pipeline_package(
            str(path),
            arguments=arguments,
            run_name=run_id,
            experiment_name=request.model.name,
            pipeline_root=settings.pipeline_root,
            enable_caching=False,
        )
    return f"{settings.kubeflow_endpoint}/#/runs/details/{run.run_id}"
