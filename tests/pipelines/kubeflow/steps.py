"""The steps of a run without their work: what they record is real, what they would compute is not there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from components.cloud import Cloud
from components.errors import PerennialError
from components.model.folder import read_model
from components.registry.step import finish_recorded_run, start_recorded_run
from components.runs.new_run import new_training_run
from components.runs.outcome import Step, refuse
from components.runs.provenance import Launch
from components.runs.record import RunState, finish_run
from components.schedules.claims import claim_window
from components.schedules.windows import ScheduledWindows
from components.settings import Settings
from infra.emulators.kubeflow.launcher import LOST, LaunchedTask


@dataclass
class Steps:
    """Runs a task in this process: a stand-in for an image."""

    settings: Settings
    newest_partition: date = date(1998, 6, 30)
    failures: dict[str, str] = field(default_factory=dict)
    """By step: the sentence with which it fails."""
    refusal: str | None = None
    """With which `evaluate` refuses the model."""
    lost: set[str] = field(default_factory=set)
    """Steps whose pods are killed before they do anything."""
    before: Callable[[LaunchedTask], None] = lambda task: None
    look: Callable[[LaunchedTask], int] = lambda task: 0
    """Runs the watcher's command in its pod."""
    tasks: list[LaunchedTask] = field(default_factory=list)

    def __call__(self, task: LaunchedTask) -> int:
        self.tasks.append(task)
        self.before(task)
        if task.name in self.lost:
            return LOST
        if task.name == "look":
            return self.look(task)
        with task.log.open("a") as log:
            log.write(f"{task.name} of {task.run_id}\n")
            try:
                self._run(task)
            except PerennialError as error:
                log.write(f"perennial: {error}\n")
                return 1
        return 0

    def names(self) -> list[str]:
        return [task.name for task in self.tasks]

    def _run(self, task: LaunchedTask) -> None:
        given = task.inputs["parameterValues"]
        if task.name == "finish":
            status = given["status"]
            finish_recorded_run(Cloud(self.settings), given["run_id"], status["state"], None, given["kubeflow_run"])
            return
        step = Step(given["run_id"], read_model(self.settings.models_folder, given["model"]), Cloud(self.settings))
        if task.name == "start":
            start_recorded_run(step, given["through"], given["launch"], given["kubeflow_run"])
        elif task.name == "claim":
            self._claim(step, task)
            return
        if sentence := self.failures.get(task.name):
            _fail(step, sentence)
        if task.name == "evaluate" and self.refusal:
            refuse(step, self.refusal)
        given_back: dict[str, dict[str, object]] = {"evaluate": {"Output": self.refusal is None}, "record": {"Output": 1}}
        task.give(given_back.get(task.name, {}))

    def _claim(self, step: Step, task: LaunchedTask) -> None:
        given = task.inputs["parameterValues"]
        run = new_training_run(step, Launch.from_json(given["launch"]), through="")
        through = claim_window(step.cloud.engine, ScheduledWindows.from_json(given["windows"]), run, self.newest_partition)
        task.give({"Output": through is not None, "through": through.isoformat() if through else ""})


def _fail(step: Step, sentence: str) -> None:
    with step.cloud.engine.begin() as connection:
        finish_run(connection, step.run_id, RunState.FAILED, sentence)
    raise PerennialError(sentence)
