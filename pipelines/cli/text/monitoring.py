"""What the command line shows of live models: days, metrics and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from components.database.engine import make_engine
from components.evaluation.metric import Metric
from components.model.folder import read_model
from components.monitoring.alarms import Alarm, AlarmState
from components.monitoring.record import DayState, LiveDay, ServedDay, read_days_of_version
from components.runs.record import RunState
from components.settings import Settings
from components.trends.estimates import Estimate, estimate_days, estimates_of, last_estimates
from components.wording import count, legible, score, slice_text
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.run.monitor import MonitoringResult

HEADLINE = ("auc", "accuracy", "r_squared")
"""The metrics of all rows of which the first one known stands in the table of days."""
SHOWN_SLICES = 10
Estimates = Mapping[ServedDay, Sequence[Estimate]]


def show_monitoring(result: MonitoringResult, *, as_json: bool) -> int:
    """Print which days were measured, and the open alarms. Returns the exit code."""
    run, is_done = result.run, result.run.state == RunState.SUCCEEDED
    if as_json:
        document = {
            "run": run.run.run_id,
            "state": run.state,
            "error": run.error,
            "measured": [_day_json(day) for day in result.measured],
            "alarms": [_alarm_json(alarm) for alarm in result.alarms],
            "folder": result.folder,
            "page": result.page,
        }
        click.echo(to_json(document))
    elif not is_done:
        click.echo(f"\nError: {run.error or f'the run ended {run.state}'}\n  logs and artifacts   {result.folder}", err=True)
    else:
        click.echo()
        _show_days(result.measured, {}, nothing="no day is due: rows and labels are as they were")
        _show_alarms(result.alarms)
        click.echo(f"  page                 {result.page}")
    return ExitCode.DONE if is_done else ExitCode.FAILED


def show_live(settings: Settings, model: str, number: int, *, as_json: bool) -> None:
    """Print how a version did while it served, day by day, and the slices of the last day that has metrics; each target apart."""
    with make_engine(settings).connect() as connection:
        days = read_days_of_version(connection, model, number)
    delay = read_model(settings.models_folder, model).rows.label_delay_days
    targets = {target: [day for day in days if day.target == target] for target in sorted({day.target for day in days})}
    estimates = {target: estimate_days(own, delay) for target, own in targets.items()}
    if as_json:
        click.echo(
            to_json([_day_json(day) | {"estimates": [asdict(one) for one in estimates[day.target].get(day.served, ())]} for day in days])
        )
        return
    if not days:
        click.echo(f"{model} {number} has no day that was measured: `perennial monitor {model} --through DATE`")
    for target, own in targets.items():
        click.echo(f"on {target}")
        _show_served(own, estimates[target])


def _show_served(days: Sequence[LiveDay], estimates: Estimates) -> None:
    """The days on one target, the slices of the last one that was measured, and those of the last one that is estimated."""
    _show_days(days, estimates)
    _show_measured_slices(days)
    if last := last_estimates(estimates):
        _show_estimated_slices(*last)


def _show_estimated_slices(served: ServedDay, estimates: Sequence[Estimate]) -> None:
    """Those that seem to have fallen most."""
    sliced = [one for one in estimates if one.slice]
    name = next((name for name in HEADLINE if any(one.name == name for one in sliced)), None)
    if name is None:
        return
    click.echo(f"  slices on {served.day}, estimated from scores:")
    for one in sorted((one for one in sliced if one.name == name), key=lambda one: one.value - one.was)[:SHOWN_SLICES]:
        click.echo(f"    {name} {legible(slice_text(one.slice)):<28} {_about(one)}, was {score(one.was)}  {count(one.rows):>9} rows")


def _show_measured_slices(days: Sequence[LiveDay]) -> None:
    last = next((day for day in reversed(days) if day.metrics), None)
    if last is None:
        return
    click.echo(f"  slices on {last.served.day}, {last.state}:")
    for metric in _first_metric(last, sliced=True)[:SHOWN_SLICES]:
        click.echo(
            f"    {metric.name} {legible(slice_text(metric.slice)):<28} {_value(metric)}  {count(metric.example_count or 0):>9} rows"
        )


def _show_days(days: Sequence[LiveDay], estimates: Estimates, *, nothing: str = "") -> None:
    if not days:
        click.echo(nothing)
        return
    click.echo("day         version  role    state             rows  labelled  p99 ms  metric")
    for day in days:
        metric = _metric_text(day, estimates_of(estimates.get(day.served, ()), {}))
        contradicting = f", {count(day.contradicting)} rows with contradicting labels" if day.contradicting else ""
        metric += _unanswered(day)
        click.echo(
            f"{day.served.day}  {day.served.version:>7}  {day.served.role:<6}  {day.state:<11} {count(day.rows):>10}  "
            f"{count(day.labelled):>8}  {day.operation.latency_microseconds[-1] / 1000:>6.1f}  {metric}{contradicting}"
        )


def _unanswered(day: LiveDay) -> str:
    """The requests that were not answered, if there were some."""
    served = day.operation
    refused = (
        f", {count(served.refused_requests)} requests refused with {count(served.refused_rows)} rows" if served.refused_requests else ""
    )
    return refused + (f", {count(served.failed_requests)} requests failed" if served.failed_requests else "")


def _metric_text(day: LiveDay, estimates: Mapping[str, Estimate]) -> str:
    """The metric of all rows; without one what the day is likely to come to, never without its band, or why nothing is known."""
    overall = _first_metric(day, sliced=False)
    if overall:
        return f"{overall[0].name} {_value(overall[0])}"
    name = next((name for name in HEADLINE if name in estimates), None)
    if name is None:
        return _unknown_because(day)
    return f"{name} {_about(estimates[name])}, estimated from scores"


def _about(one: Estimate) -> str:
    trust = "" if one.is_trusted else ", not to be trusted"
    return f"about {score(one.value)} [{score(one.low)}, {score(one.high)}]{trust}"


def _unknown_because(day: LiveDay) -> str:
    if day.labelled:
        return "not defined: too few rows are labelled, or all labels are alike"
    return "no labels yet" if day.state is DayState.PROVISIONAL else "no row has a label"


def _first_metric(day: LiveDay, *, sliced: bool) -> list[Metric]:
    """The first of HEADLINE, of all rows or of each slice, the worst slice first."""
    for name in HEADLINE:
        found = [metric for metric in day.metrics if metric.name == name and bool(metric.slice) == sliced and metric.value == metric.value]
        if found:
            return sorted(found, key=lambda metric: metric.value)
    return []


def _value(metric: Metric) -> str:
    bounds = f" [{score(metric.ci_low)}, {score(metric.ci_high)}]" if metric.ci_low is not None else ""
    return f"{score(metric.value)}{bounds}"


def show_alarms(model: str, alarms: Sequence[Alarm], *, as_json: bool) -> int:
    """Print alarms, the worst first. Returns the exit code: 3 if one is open that nobody has answered."""
    if as_json:
        click.echo(to_json([_alarm_json(alarm) for alarm in alarms]))
    elif not alarms:
        click.echo(f"{model} has no open alarm")
    else:
        _show_alarms(alarms)
    is_unanswered = any(_is_unanswered(alarm) for alarm in alarms)
    return ExitCode.DIFFERS if is_unanswered else ExitCode.DONE


def _is_unanswered(alarm: Alarm) -> bool:
    return alarm.standing.state != AlarmState.CLOSED and not alarm.acknowledged_by and not alarm.is_muted


def _show_alarms(alarms: Sequence[Alarm]) -> None:
    for alarm in alarms:
        subject = alarm.subject
        click.echo(f"alarm {alarm.alarm_id}, {alarm.standing.state}, version {subject.version} on {subject.target} ({subject.role})")
        click.secho(f"  {alarm.headline}", fg="yellow" if _is_unanswered(alarm) else None)
        if alarm.standing.state is not AlarmState.CLOSED:
            click.echo(f"  what helps: {alarm.remedy}")
        if alarm.acknowledged_by:
            click.echo(f"  acknowledged by {alarm.acknowledged_by}: {alarm.acknowledged_because}")
        if alarm.muted_until:
            click.echo(f"  muted until {alarm.muted_until}: {alarm.muted_because}")


def _day_json(day: LiveDay) -> dict[str, Any]:
    return asdict(day)


def _alarm_json(alarm: Alarm) -> dict[str, Any]:
    return asdict(alarm) | {"impact": alarm.impact, "headline": alarm.headline, "remedy": alarm.remedy}
