"""Monitor a model: run the monitoring pipeline on this machine."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa

from components.cloud import Cloud
from components.files import private_folder
from components.model.folder import Model
from components.monitoring.alarms import Alarm, all_alarms, open_alarms
from components.monitoring.record import LiveDay, read_live_days
from components.registry.deployments import history
from components.runs.record import RecordedRun, Trigger
from components.runs.steps import TaskResult
from pipelines.run.launch import Runner, new_launch, only_attempt

SHOWN_DAYS = 400
SHOWN_EVENTS = 200


@dataclass(frozen=True)
class MonitoringRequest:
    """Which model is to be looked at, and why."""

    model: Model
    target: str
    through: date
    """The last day of predictions, and of labels."""
    trigger: Trigger
    reason: str


@dataclass(frozen=True)
class MonitoringResult:
    """What a run of the monitoring pipeline left."""

    run: RecordedRun
    measured: tuple[LiveDay, ...]
    """The days that this run measured."""
    alarms: tuple[Alarm, ...]
    """Those that are open after it."""
    tasks: tuple[TaskResult, ...]
    folder: Path
    page: Path | None
    """The page of the model's trends; None if no day was measured lately."""


def _measured(connection: sa.Connection, request: MonitoringRequest, run_id: str) -> tuple[LiveDay, ...]:
    """The days that a run measured. Metrics are read from the first of them on alone: there may be years of them."""
    model, target = request.model.name, request.target
    own = [day.served.day for day in read_live_days(connection, model, target, with_metrics=False) if day.run_id == run_id]
    days = read_live_days(connection, model, target, since=min(own)) if own else ()
    return tuple(day for day in days if day.run_id == run_id)


def _write_report(cloud: Cloud, request: MonitoringRequest) -> Path | None:
    """Write the page of a model's last days on a target. None if none of them was measured.

    Raises:
        StorageFullError: the disk has no room for it.
        AccessError: Cloud SQL cannot be reached.
    """
    from components.report.drawing import unchecked
    from components.report.templating import write_page
    from components.trends.page import LiveFacts, render_live  # altair takes half a second

    model, target, since = request.model, request.target, request.through - timedelta(days=SHOWN_DAYS)
    with cloud.engine.connect() as connection:
        days = [day for day in read_live_days(connection, model.name, target, since=since) if day.served.role == "live"]
        alarms = all_alarms(connection, model.name, target)
        events = history(connection, model.name, target, limit=SHOWN_EVENTS)
    if not days:
        return None
    private_folder(cloud.settings.state_folder / "reports")
    path = cloud.settings.state_folder / "reports" / f"live-{model.name}-{target}.html"
    with unchecked():
        facts = LiveFacts(
            model=model.name,
            target=target,
            days=days,
            alarms=alarms,
            events=events,
            label_delay_days=model.rows.label_delay_days,
        )
        page = render_live(facts)
    write_page(page, path)
    return path


def monitor_locally(runner: Runner, request: MonitoringRequest) -> MonitoringResult:
    """Run the monitoring pipeline on this machine.

    Raises:
        PerennialError: the run could not start.
    """
    from pipelines.monitoring import monitoring

    model = request.model
    with only_attempt(runner, model.name) as attempt:
        launch = new_launch(monitoring, model, code_sha256=model.code_sha256(), trigger=request.trigger, reason=request.reason)
        arguments: dict[str, str | int] = {"model": model.name, "target": request.target, "through": request.through.isoformat()}
        run, tasks = attempt.run(monitoring, {**arguments, "launch": launch.to_json()})
        with runner.cloud.engine.connect() as connection:
            measured = _measured(connection, request, attempt.run_id)
            alarms = open_alarms(connection, model.name, request.target)
        page = _write_report(runner.cloud, request)
        return MonitoringResult(run, measured, alarms, tasks, attempt.folder, page)
