"""Train a model: run the training pipeline on this machine."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from components.checks.findings import Finding
from components.checks.record import read_recorded_findings
from components.cloud import Cloud
from components.model.folder import Model
from components.registry.versions import find_trained, find_version_of_run, was_trained
from components.runs.outcome import Step
from components.runs.provenance import Launch
from components.runs.record import RecordedRun, Trigger
from components.runs.steps import TaskResult
from components.settings import PREFIX
from pipelines.run.launch import Runner, new_launch, only_attempt


@dataclass(frozen=True)
class TrainingRequest:
    """Which training is wanted, and why."""

    model: Model
    through: date | None
    """The last partition to use; None means the newest one."""
    trigger: Trigger
    reason: str
    force: bool = False
    """Train even if the same training gave a version already."""
    waive_gate: bool = False
    """Let the gate before training report what it finds without blocking the run."""
    stock: bool = False
    """Run TFX's own executors where ours give the same."""
    run_id: str | None = None
    """The id of the run, if it was claimed before; None makes a new one."""

    def last_partition(self, cloud: Cloud) -> date:
        """The last partition to use; if none is asked for, the newest that the source has."""
        if self.through is not None:
            return self.through
        from components.snapshot.pin import latest_partition  # BigQuery's client takes a second to import

        return latest_partition(cloud, self.model)


@dataclass(frozen=True)
class AlreadyTrained:
    """The version that the same snapshot, code and environment gave before."""

    version: int
    snapshot_id: str
    through: date


@dataclass(frozen=True)
class TrainingResult:
    """A training that was run on this machine."""

    run: RecordedRun
    version: int | None
    """None if the run failed, or was blocked; a version that the champion is better than is kept as a candidate."""
    tasks: tuple[TaskResult, ...]
    folder: Path
    findings: tuple[Finding, ...] = ()
    """What the gate before training found, the likely culprit first."""


def train_locally(runner: Runner, request: TrainingRequest) -> AlreadyTrained | TrainingResult:
    """Run the training pipeline on this machine, unless the same training was done before.

    Raises:
        PerennialError: the run could not start; if the registry could be reached, it has the reason.
    """
    cloud, model = runner.cloud, request.model
    with only_attempt(runner, model.name, run_id=request.run_id) as attempt:
        launch = new_training_launch(request)
        with attempt.recorded_refusal(lambda: _record_start(Step(attempt.run_id, model, cloud), request, launch)):
            through = request.last_partition(cloud)
            trained = None if request.force else find_already_trained(cloud, model, through)
        if trained is not None:
            return trained
        from pipelines.training import training

        stock = {f"{PREFIX}STOCK_EXECUTORS": "true"} if request.stock else {}
        run, tasks = attempt.run(training, _arguments(model, through, launch), environment=stock)
        with cloud.engine.connect() as connection:
            version, findings = find_version_of_run(connection, attempt.run_id), read_recorded_findings(connection, attempt.run_id)
        return TrainingResult(run, version, tasks, attempt.folder, findings)


def find_already_trained(cloud: Cloud, model: Model, through: date) -> AlreadyTrained | None:
    """The version that this training gave before. What the window holds is only read if there is a version of the same code.

    Raises:
        SourceError: the source does not have the window.
        AccessError: a service refuses or does not answer.
    """
    with cloud.engine.connect() as connection:
        if not was_trained(connection, model.name, model.code_sha256()):
            return None
    from components.registry.step import training_sha256
    from components.snapshot.describe import describe_snapshot

    snapshot, _ = describe_snapshot(cloud, model, through)
    with cloud.engine.connect() as connection:
        version = find_trained(connection, model.name, training_sha256(model, snapshot.snapshot_id))
    return None if version is None else AlreadyTrained(version, snapshot.snapshot_id, through)


def _record_start(step: Step, request: TrainingRequest, launch: Launch) -> None:
    from components.registry.step import start_recorded_run  # TFMA's numbers and BigQuery's client: a submission needs neither

    through = request.through.isoformat() if request.through else "the last partition"
    start_recorded_run(step, through, launch.to_json())


def new_training_launch(request: TrainingRequest) -> Launch:
    """What this launcher knows of a training."""
    from pipelines.training import training

    return new_launch(
        training,
        request.model,
        code_sha256=request.model.code_sha256(),
        trigger=request.trigger,
        reason=request.reason,
        waive_gate=request.waive_gate,
    )


def _arguments(model: Model, through: date, launch: Launch) -> dict[str, str]:
    return {"model": model.name, "through": through.isoformat(), "launch": launch.to_json()}
