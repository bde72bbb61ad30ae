"""The commands that watch live models."""

import sys
from datetime import date

import click

from components.database.engine import make_engine
from components.deployment.request import actor, require_target
from components.errors import RegistryError
from components.model.folder import read_model
from components.monitoring.alarms import AlarmAnswer, all_alarms, answer, open_alarms
from components.reason import require_reason
from components.registry.deployments import list_models
from components.storage.objects import require_model_name
from pipelines.cli.commands.training import cold_option, step_server
from pipelines.cli.options import Day, as_json, ready_settings, require_live_target, target_option


@click.command()
@click.argument("model")
@click.option("--through", type=Day(), required=True, help="The last day of predictions and labels to look at, YYYY-MM-DD.")
@target_option
@cold_option
@as_json
def monitor(model: str, through: date, target: str | None, cold: bool, as_json: bool) -> None:
    """Measure what versions of MODEL served: each day that is due, by the logged scores and the labels that are known by now.

    A day is due if it was never measured, or if its rows or labels have changed since. Doing it again changes nothing.
    """
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    with step_server(settings, cold=cold) as server:
        from components.runs.record import Trigger
        from pipelines.cli.text.monitoring import show_monitoring
        from pipelines.cli.text.training import Progress
        from pipelines.run.launch import Runner
        from pipelines.run.monitor import MonitoringRequest, monitor_locally

        progress = Progress(quiet=as_json)
        request = MonitoringRequest(
            found_model, require_live_target(settings, model, target), through, Trigger.PERSON, f"monitoring through {through}"
        )
        result = monitor_locally(Runner(settings, server, progress.start, progress.end), request)
        code = show_monitoring(result, as_json=as_json)
    sys.exit(code)


@click.command()
@click.argument("model")
@target_option
@click.option("--all", "closed", is_flag=True, help="List those that are closed, too.")
@click.option("--acknowledge", type=click.IntRange(1), metavar="NUMBER", help="Say that somebody knows of an alarm; needs --reason.")
@click.option("--mute", type=click.IntRange(1), metavar="NUMBER", help="Hear nothing of an alarm until a day; needs --until and --reason.")
@click.option("--until", type=Day(), help="The last day on which it is muted, YYYY-MM-DD.")
@click.option("--reason", help="The reason; it is recorded.")
@as_json
def alarms(
    model: str,
    target: str | None,
    closed: bool,
    acknowledge: int | None,
    mute: int | None,
    until: date | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """List the alarms of MODEL, those that cost most first; acknowledge or mute one.

    The exit code is 3 if an alarm is open that nobody has acknowledged or muted.
    """
    if acknowledge and mute:
        raise click.UsageError("give --acknowledge or --mute, not both")
    if (mute is None) != (until is None):
        raise click.UsageError("--mute NUMBER and --until DATE go together")
    if (acknowledge or mute) and reason is None:
        raise click.UsageError("give --reason: it is recorded")
    settings = ready_settings()
    if target is not None:
        require_target(settings, target)
    from pipelines.cli.text.monitoring import show_alarms

    with make_engine(settings).begin() as connection:
        name = require_model_name(model)
        if name not in {one.name for one in list_models(connection)}:
            raise RegistryError(f"the registry has no model {name!r}: `perennial models` lists those that it has")
        known = all_alarms(connection, name, target)
        for number, action in ((acknowledge, AlarmAnswer.ACKNOWLEDGE), (mute, AlarmAnswer.MUTE)):
            if number is not None:
                if number not in {alarm.alarm_id for alarm in known}:
                    raise RegistryError(f"{model} has no alarm {number}: `perennial alarms {model} --all` lists them")
                answer(connection, number, action, actor=actor(settings), reason=require_reason(reason or ""), until=until)
        shown = all_alarms(connection, name, target) if closed else open_alarms(connection, name, target)
    sys.exit(show_alarms(model, shown, as_json=as_json))
