"""Make Kubeflow have what is declared, and nothing else of ours. Applying it again writes nothing, and no run in flight is ended.

A recurring run cannot be changed through the API, and deleting one ends its runs. So another one is made beside it, and the old one is
disabled: what it has started goes on.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp_server_api import V2beta1CronSchedule, V2beta1PipelineVersionReference, V2beta1RecurringRun, V2beta1RuntimeConfig, V2beta1Trigger

from components.cloud import Cloud
from components.errors import ConflictError
from components.schedules.apply_lock import only_apply
from components.schedules.declared import DeclaredRuns
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow
from pipelines.kubeflow.compiling import require_image
from pipelines.kubeflow.desired import MARK, DesiredSchedule, desired_schedules
from pipelines.kubeflow.submission import ensure_experiment


@dataclass
class Applier:
    """Puts right what is not as declared, and keeps what it did."""

    kubeflow: Kubeflow
    dry_run: bool
    on_change: Callable[[str], None]
    changes: list[str] = field(default_factory=list)

    def change(self, sentence: str, act: Callable[[], object]) -> None:
        """Tell of a change, and make it unless this is a rehearsal."""
        self.changes.append(sentence)
        self.on_change(sentence)
        if not self.dry_run:
            act()


def apply(kubeflow: Kubeflow, settings: Settings, declared: DeclaredRuns, *, dry_run: bool, on_change: Callable[[str], None]) -> list[str]:
    """Create, replace, enable and disable recurring runs until they are as declared. Returns what was changed, a sentence each.

    Args:
        kubeflow: the connection.
        settings: with image and pipeline root.
        declared: the schedules, and the watcher.
        dry_run: only tell.
        on_change: told of each change before it is made.

    Raises:
        SettingsError: image or pipeline root are not set.
        ModelFolderError: a schedule is for a model that is unknown.
        ConflictError: another process applies at the same time.
        PerennialError: Kubeflow refuses something; applying again goes on from there.
    """
    require_image(settings)
    wanted = desired_schedules(settings, declared, kubeflow.pages)
    applier = Applier(kubeflow, dry_run, on_change)
    with only_apply(Cloud(settings).engine):
        existing = list(
            kubeflow.every("to list recurring runs", kubeflow.recurring_runs.recurring_run_service_list_recurring_runs, "recurring_runs")
        )
        for schedule in wanted:
            _apply_one(applier, schedule, [run for run in existing if run.display_name == schedule.name])
        names = {schedule.name for schedule in wanted}
        for run in existing:
            if run.display_name not in names and _is_ours(run) and _is_enabled(run):
                _disable(applier, run, f"schedule {run.display_name} is not declared any more: disable it")
    return applier.changes


def _apply_one(applier: Applier, schedule: DesiredSchedule, named: Sequence[Any]) -> None:
    """Put one schedule right, given the recurring runs of its name."""
    same = sorted((run for run in named if run.description == schedule.description), key=lambda run: (run.created_at, run.recurring_run_id))
    whole = []
    for run in same:
        differences = schedule.differences(run, _version_of(applier.kubeflow, run))
        if not differences:
            whole.append(run)
        elif _is_enabled(run):
            _disable(applier, run, f"schedule {schedule.name} was changed by hand: {'; '.join(differences)}: disable it")
    if not whole:
        why = "replaces the former one" if any(_is_ours(run) for run in named) else "is new"
        _create(applier, schedule, why)
    elif _is_enabled(whole[0]) != schedule.enabled:
        _set_mode(applier, schedule, whole[0])
    for run in named:
        if run in same and run not in whole[1:]:
            continue
        if _is_enabled(run):
            what = "a former state" if _is_ours(run) and run not in same else "a copy that somebody made by hand"
            _disable(applier, run, f"schedule {schedule.name}: disable {what}, {run.recurring_run_id}")


def _is_ours(run: Any) -> bool:
    return (run.description or "").startswith(MARK)


def _is_enabled(run: Any) -> bool:
    return str(run.status) == "ENABLED" or str(run.mode) == "ENABLE"


def _set_mode(applier: Applier, schedule: DesiredSchedule, run: Any) -> None:
    calls = applier.kubeflow.recurring_runs
    if not schedule.enabled:
        _disable(applier, run, f"schedule {schedule.name} is declared as disabled: disable it")
        return
    applier.change(
        f"schedule {schedule.name} was disabled by hand or by an earlier apply: enable it",
        lambda: applier.kubeflow.write(
            f"to enable schedule {schedule.name}", calls.recurring_run_service_enable_recurring_run, run.recurring_run_id
        ),
    )


def _disable(applier: Applier, run: Any, sentence: str) -> None:
    what, method = (
        f"to disable schedule {run.display_name}",
        applier.kubeflow.recurring_runs.recurring_run_service_disable_recurring_run,
    )
    applier.change(sentence, lambda: applier.kubeflow.write(what, method, run.recurring_run_id))


def _version_of(kubeflow: Kubeflow, run: Any) -> Any:
    """The pipeline version that a recurring run refers to; None if it is gone."""
    reference = run.pipeline_version_reference
    if reference is None:
        return None
    found = _versions(kubeflow, reference.pipeline_id)
    return next((version for version in found if version.pipeline_version_id == reference.pipeline_version_id), None)


def _versions(kubeflow: Kubeflow, pipeline_id: str) -> Iterable[Any]:
    method = kubeflow.pipelines.pipeline_service_list_pipeline_versions
    return list(kubeflow.every("to list versions of a pipeline", method, "pipeline_versions", pipeline_id=pipeline_id))


def _create(applier: Applier, schedule: DesiredSchedule, why: str) -> None:
    """Make a recurring run, and what it needs."""
    kubeflow = applier.kubeflow
    listed = kubeflow.every("to list pipelines", kubeflow.pipelines.pipeline_service_list_pipelines, "pipelines")
    pipeline = next((item for item in listed if schedule.pipeline in (item.display_name, getattr(item, "name", None))), None)
    versions = _versions(kubeflow, pipeline.pipeline_id) if pipeline else ()
    version = next((item for item in versions if item.display_name == schedule.version), None)
    if version is None:
        applier.change(f"version {schedule.version} of pipeline {schedule.pipeline} is new: upload it", lambda: None)
    applier.change(
        f"schedule {schedule.name} {why}: create it",
        lambda: _create_run(kubeflow, schedule, version or _upload(kubeflow, schedule, pipeline.pipeline_id if pipeline else None)),
    )


def _upload(kubeflow: Kubeflow, schedule: DesiredSchedule, pipeline_id: str | None) -> Any:
    """Upload the version; with it the pipeline, if there is none. Somebody who was faster has uploaded the same."""
    from kfp_server_api import V2beta1Pipeline

    if pipeline_id is None:
        body = V2beta1Pipeline(display_name=schedule.pipeline, name=schedule.pipeline, description="of `perennial apply`")
        made = kubeflow.write(f"to create pipeline {schedule.pipeline}", kubeflow.pipelines.pipeline_service_create_pipeline, body)
        pipeline_id = made.pipeline_id
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_text(schedule.text)
        what, method = f"to upload version {schedule.version} of {schedule.pipeline}", kubeflow.uploads.upload_pipeline_version
        try:
            return kubeflow.write(what, method, str(path), name=schedule.version, pipelineid=pipeline_id)
        except ConflictError:
            return next(item for item in _versions(kubeflow, str(pipeline_id)) if item.display_name == schedule.version)


def _create_run(kubeflow: Kubeflow, schedule: DesiredSchedule, version: Any) -> None:
    body = V2beta1RecurringRun(
        display_name=schedule.name,
        description=schedule.description,
        experiment_id=ensure_experiment(kubeflow, schedule.experiment, schedule.purpose),
        pipeline_version_reference=V2beta1PipelineVersionReference(version.pipeline_id, version.pipeline_version_id),
        runtime_config=V2beta1RuntimeConfig(parameters=dict(schedule.parameters), pipeline_root=schedule.pipeline_root),
        trigger=V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron=schedule.cron)),
        mode="ENABLE" if schedule.enabled else "DISABLE",
        max_concurrency="1",
        no_catchup=schedule.no_catchup,
        service_account=schedule.account,
    )
    kubeflow.write(f"to create schedule {schedule.name}", kubeflow.recurring_runs.recurring_run_service_create_recurring_run, body)
