"""What Kubeflow is to have for each schedule and the watcher, and by what two of them are told apart: a fingerprint of their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.canonical import fingerprint
from components.model.folder import Model, read_model
from components.runs.provenance import Launch
from components.runs.record import Trigger
from components.schedules.declared import WATCHER, DeclaredRuns, Schedule, WatchSchedule
from components.settings import Settings
from pipelines.kubeflow.compiling import compile_look, compile_scheduled_training
from pipelines.run.launch import new_launch
from pipelines.training import make_scheduled_training

MARK = "perennial apply "
"""Begins the description of what is ours; the fingerprint follows."""


@dataclass(frozen=True)
class DesiredSchedule:
    """A recurring run, with the experiment and the version of a pipeline that it needs."""

    name: str
    experiment: str
    purpose: str
    """What the experiment is for, should it be made."""
    cron: str
    no_catchup: bool
    enabled: bool
    pipeline: str
    version: str
    """Named by the content of `text`."""
    text: str
    """The compiled pipeline."""
    parameters: Mapping[str, str]
    pipeline_root: str
    account: str | None

    @property
    def fingerprint(self) -> str:
        """Of what it is and runs; not of who applied it from where: that must not make another one of it."""
        parameters = dict(self.parameters)
        if "launch" in parameters:
            launch = replace(Launch.from_json(parameters["launch"]), host="", git_commit=None, git_dirty=False)
            parameters["launch"] = launch.to_json()
        content = {
            "cron": self.cron,
            "no_catchup": self.no_catchup,
            "version": self.version,
            "parameters": parameters,
            "root": self.pipeline_root,
            "account": self.account,
        }
        return fingerprint(content)

    @property
    def description(self) -> str:
        """By which it is found again."""
        return f"{MARK}{self.fingerprint}"

    def differences(self, shown: Any, version: Any) -> list[str]:
        """What of a recurring run with this description is not as it was made: somebody changed it by hand.

        Args:
            shown: the recurring run.
            version: the pipeline version that it refers to; None if that is gone.
        """
        cron = shown.trigger.cron_schedule.cron if shown.trigger and shown.trigger.cron_schedule else None
        parameters = dict(shown.runtime_config.parameters or {}) if shown.runtime_config else {}
        values = [
            ("cron", cron, self.cron),
            ("no_catchup", bool(shown.no_catchup), self.no_catchup),
            ("max_concurrency", str(shown.max_concurrency), "1"),
            ("version of the pipeline", version.display_name if version else None, self.version),
            *((name, parameters.get(name), wanted) for name, wanted in self.parameters.items() if name != "launch"),
            ("pipeline root", shown.runtime_config.pipeline_root if shown.runtime_config else None, self.pipeline_root),
        ]
        return [f"{name} is {is_!r} instead of {wanted!r}" for name, is_, wanted in values if is_ != wanted]


def desired_schedules(settings: Settings, declared: DeclaredRuns, pages: str) -> list[DesiredSchedule]:
    """What is declared, compiled.

    Raises:
        ModelFolderError: a model is unknown, or its folder is not valid.
    """
    schedules = declared.schedules
    models = {schedule.model: read_model(settings.models_folder, schedule.model) for schedule in schedules.values()}
    texts = {name: compile_scheduled_training(settings, model) for name, model in models.items()}
    desired = [_desired(settings, name, one, models[one.model], texts[one.model], pages) for name, one in schedules.items()]
    return desired if declared.watch is None else [*desired, _desired_watcher(settings, declared.watch)]


def _desired(settings: Settings, name: str, schedule: Schedule, model: Model, text: str, pages: str) -> DesiredSchedule:
    reason, code = f"schedule {name}", model.code_sha256()
    launch = replace(
        new_launch(make_scheduled_training(), model, code_sha256=code, trigger=Trigger.SCHEDULE, reason=reason), kubeflow=pages
    )
    return DesiredSchedule(
        name=name,
        experiment=model.name,
        purpose=model.title,
        cron=schedule.cron,
        no_catchup=not schedule.catch_up,
        enabled=schedule.enabled,
        pipeline=f"perennial-{model.name.replace('_', '-')}",
        version=_version(text),
        text=text,
        parameters={"model": model.name, "windows": schedule.windows(name).to_json(), "launch": launch.to_json()},
        pipeline_root=str(settings.pipeline_root),
        account=settings.kubeflow_steps_account,
    )


def _desired_watcher(settings: Settings, watch: WatchSchedule) -> DesiredSchedule:
    """A look that was missed is not made up for: the next one sees all that it would have seen."""
    text = compile_look(settings)
    return DesiredSchedule(
        name=WATCHER,
        experiment=WATCHER,
        purpose="Looks at all models that have a policy",
        cron=watch.cron,
        no_catchup=True,
        enabled=watch.enabled,
        pipeline=WATCHER,
        version=_version(text),
        text=text,
        parameters={},
        pipeline_root=str(settings.pipeline_root),
        account=settings.kubeflow_steps_account,
    )


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
