"""The story of the hours, told with real runs and a real service: a model that is accurate only at hours that it was trained on.

`make demo-delays` runs it. Like the other stories it starts from scratch each time.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import click

from components.checks.record import findings_that_blocked
from components.cloud import Cloud
from components.errors import TaskError
from components.evaluation.metric import Metric
from components.monitoring.record import LiveDay, read_live_days
from components.runs.record import RunState
from components.settings import Settings
from components.wording import score
from pipelines.cli.exit_code import ExitCode
from pipelines.demos.service import serving
from pipelines.demos.story import Shop, play, run, say
from pipelines.local.flights import FLIGHTS_SCHEMA, read_flights
from pipelines.run.local import ForkServer

MODEL, TARGET, SHADOW = "delays", "local", "staging"
EDITS: Mapping[str, Mapping[str, str]] = {"model.toml": {"spans = 42": "spans = 35", "epochs = 4": "epochs = 12"}}
"""Five weeks, and more epochs, since there are fewer flights."""
FIRST, LAST_MORNING = date(2013, 1, 20), date(2013, 3, 1)
WHOLE_DAYS = date(2013, 3, 2), date(2013, 3, 5)
RECOVERED = date(2013, 3, 9), date(2013, 3, 11)
"""The snow of 6 to 8 March is over."""
ONE_DAY = timedelta(days=1)
MORNING = range(5, 12)


def main() -> None:
    """Tell the story from scratch."""
    play("demo-delays", MODEL, EDITS, _tell)


def _tell(settings: Settings, server: ForkServer) -> None:
    """Tell the story with services that are ready."""
    shop = Shop(settings, server, MODEL, FLIGHTS_SCHEMA, days=read_flights()[2])
    _train_on_mornings(shop)
    _serve_whole_days(shop, settings)
    say("4. The afternoons of the weeks before are loaded, too, and the model is trained on whole days. Better than the one that is live?")
    shop.load(FIRST, RECOVERED[1] + ONE_DAY, _whole)
    _train_on_whole_days(shop, settings)
    run("deploy", MODEL, "2", "--target", TARGET, "--reason", "trained on whole days")
    _recover(settings)


def _train_on_mornings(shop: Shop) -> None:
    say("1. Flights from New York land in BigQuery day by day: those of 5 to 11 o'clock. A model of late arrivals is trained on them.")
    shop.load(FIRST, LAST_MORNING, _morning)
    shop.train(LAST_MORNING - ONE_DAY)
    run("deploy", MODEL, "1", "--target", TARGET, "--reason", "the first version")


def _serve_whole_days(shop: Shop, settings: Settings) -> None:
    say("2. From 2 March on it is asked for every flight of the day, over HTTP.")
    shop.load(WHOLE_DAYS[0], WHOLE_DAYS[1] + ONE_DAY, _whole)
    with serving(settings, MODEL, TARGET) as asked:
        asked.serve(WHOLE_DAYS)
    say("3. A day later it is known which of them were late. What was served is measured, and it is said where it fell, and why:")
    run("monitor", MODEL, "--through", str(WHOLE_DAYS[1] + ONE_DAY), "--target", TARGET)
    _show_hours(settings, 1)
    run("alarms", MODEL, expected=ExitCode.DIFFERS)


def _train_on_whole_days(shop: Shop, settings: Settings) -> None:
    """Train; where the gate asks about what no morning had, say that it is meant, by name and until tomorrow."""
    through, tomorrow = WHOLE_DAYS[1] + ONE_DAY, datetime.now(UTC).date() + ONE_DAY
    accepted = set[str]()
    while (state := shop.try_training(through)) is RunState.BLOCKED:
        with Cloud(settings).engine.connect() as connection:
            asked = [found.finding for found in findings_that_blocked(connection, MODEL) if found.finding not in accepted]
        if not asked:
            break
        say("   The gate asks about what no morning ever had. It is meant so, and accepted by name:")
        for finding in asked:
            run("gate", "accept", MODEL, finding, "--until", str(tomorrow), "--reason", "whole days have it, mornings had not")
        accepted.update(asked)
    if state is not RunState.SUCCEEDED:
        raise TaskError(f"the training on whole days ended {state}: the story cannot go on")


def _recover(settings: Settings) -> None:
    say("5. Version 2 answers for the next days, and version 1 is asked the same as its shadow. The afternoon has recovered:")
    run("deploy", MODEL, "1", "--target", SHADOW, "--reason", "to hold it against version 2")
    with serving(settings, MODEL, TARGET, "--shadow", SHADOW) as asked:
        asked.serve(RECOVERED)
    run("monitor", MODEL, "--through", str(RECOVERED[1] + ONE_DAY), "--target", TARGET)
    for version in (1, 2):
        _show_hours(settings, version, since=RECOVERED[0])
    say("   And the alarm is closed, since version 1 answers nobody any more:")
    run("alarms", MODEL, "--all")


def _morning(number: int, row: dict[str, object]) -> dict[str, object] | None:
    """A flight of the morning; none of the afternoon."""
    return _whole(number, row) if row["scheduled_hour"] in MORNING else None


def _whole(_number: int, row: dict[str, object]) -> dict[str, object] | None:
    """Any flight, but for the few of which nobody measured the weather: the gate would rightly ask about them."""
    return None if row["temperature"] is None or row["wind_speed"] is None else row


def _show_hours(settings: Settings, version: int, *, since: date = FIRST) -> None:
    """Show the metrics of a version in the morning and in the afternoon, the mean over hours and days that were served."""
    with Cloud(settings).engine.connect() as connection:
        days = [day for day in read_live_days(connection, MODEL, TARGET, since=since) if day.served.version == version]
    click.echo(f"\n   version {version} on {days[0].served.day} to {days[-1].served.day}")
    for name, hours in (("5-11 h", MORNING), ("12-23 h", range(12, 24))):
        values = [f"{metric} {score(_mean(days, metric, hours))}" for metric in ("auc", "calibration")]
        click.echo(f"     {name:<8} {', '.join(values)}")


def _mean(days: Sequence[LiveDay], name: str, hours: range) -> float:
    found = [metric for day in days for metric in day.metrics if metric.name == name and _hour(metric) in hours]
    known = [(metric.value, metric.example_count or 0) for metric in found if metric.value == metric.value]
    return sum(value * rows for value, rows in known) / max(sum(rows for _, rows in known), 1)


def _hour(metric: Metric) -> int:
    return int(metric.slice["hour"]) if metric.slice.keys() == {"hour"} else -1


if __name__ == "__main__":
    main()
