"""The story of continuous training, told with real runs: a model that is trained for a reason, and only when training helps.

`make demo-continuous` runs it. Like the other stories it starts from scratch each time.
"""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta

import click

from components.cloud import Cloud
from components.decisions.record import read_decisions
from components.errors import TaskError
from components.monitoring.record import read_live_days
from components.registry.deployments import live_on_target
from components.runs.record import is_recorded
from components.settings import Settings
from components.wording import score
from pipelines.cli.exit_code import ExitCode
from pipelines.demos.service import await_that, serving
from pipelines.demos.story import Shop, play, run, say
from pipelines.demos.timetable import Timetable
from pipelines.local.flights import FLIGHTS_SCHEMA, read_flights
from pipelines.run.local import ForkServer

MODEL, TARGET = "delays", "local"
POLICY = """
[continuous]
triggers = ["new_partition", "alarm", "person"]
settle_days = 0
cooldown_hours = 0
runs_a_day = 100
least_new_rows = 8000
training_cost = 0

[continuous.deploy]
local = "at once"
"""
EDITS: Mapping[str, Mapping[str, str]] = {
    "model.toml": {
        "spans = 42": "spans = 7",
        "epochs = 4": "epochs = 30",
        "batch_size = 512": "batch_size = 128",
        'slices = [["hour"], ["carrier"], ["origin"]]': 'slices = [["origin"]]',
        "latency_milliseconds = 50\n": f"latency_milliseconds = 50\n{POLICY}",
    }
}
"""A week, and more epochs, since there are fewer flights."""
ONE_DAY = timedelta(days=1)
BEGIN, FIRST, SECOND = date(2013, 1, 1), date(2013, 1, 25), date(2013, 2, 20)
SERVED, CHANGED = date(2013, 2, 21), date(2013, 2, 24)
"""The first day that is served, and the one on which mornings begin to be late."""
LEARNED, BROKEN = date(2013, 3, 3), date(2013, 3, 10)
MENDED, LEAKED, GONE_BACK, END = date(2013, 3, 14), date(2013, 3, 18), date(2013, 3, 24), date(2013, 3, 28)


def main() -> None:
    """Tell the story from scratch."""
    play("demo-continuous", MODEL, EDITS, _tell)


def _tell(settings: Settings, server: ForkServer) -> None:
    """Tell the story with services that are ready."""
    world = Timetable(read_flights()[2], CHANGED)
    shop = Shop(settings, server, MODEL, FLIGHTS_SCHEMA, days=world.days)
    _new_data(shop, settings, world)
    _changed_world(shop, settings, world)
    _broken_source(shop, settings, world)
    _bad_version(shop, settings, world)
    say("5. What was decided, why, and what came of it:")
    run("decisions", MODEL, "--html", str(settings.state_folder / "reports" / "decisions.html"))


def _new_data(shop: Shop, settings: Settings, world: Timetable) -> None:
    say("1. Flights land in BigQuery day by day. Which of them will be late? A policy says when the model is trained again:")
    run("policy", "show", MODEL)
    shop.load(BEGIN, FIRST, world.flown)
    _watch(settings, live=1)
    say("   Four weeks later there are enough new flights. Somebody pulls the plug in the middle of the training:")
    shop.load(FIRST + ONE_DAY, SECOND, world.flown)
    _watch_and_die(settings)
    say("   The next look goes on from there, once:")
    _watch(settings, live=2)
    say("   And the look after it has nothing to do:")
    _watch(settings, live=2)


def _changed_world(shop: Shop, settings: Settings, world: Timetable) -> None:
    say("2. Flights of each day are asked for over HTTP. From 24 February on it is the mornings that are late, no longer the evenings.")
    shop.load(SERVED, LEARNED, world.flown)
    _serve(settings, SERVED, LEARNED - ONE_DAY)
    run("monitor", MODEL, "--through", str(LEARNED), "--target", TARGET)
    run("alarms", MODEL, expected=ExitCode.DIFFERS)
    say("   Nothing broke: the world is another one. Training helps, on a window that has the change. No person is asked:")
    _watch(settings, live=3)
    shop.load(LEARNED + ONE_DAY, BROKEN, world.flown)
    _serve(settings, LEARNED, BROKEN - ONE_DAY)
    run("monitor", MODEL, "--through", str(BROKEN), "--target", TARGET)
    _show_days(settings)
    run("alarms", MODEL)


def _broken_source(shop: Shop, settings: Settings, world: Timetable) -> None:
    say("3. From 11 March on the temperature is missing. Somebody who does not know asks for a training:")
    shop.load(BROKEN + ONE_DAY, MENDED, world.without_temperature)
    _serve(settings, BROKEN + ONE_DAY, MENDED - ONE_DAY)
    run("monitor", MODEL, "--through", str(MENDED), "--target", TARGET)
    run("request", MODEL, "--reason", "predictions look odd: train it again", "--source", "//desk", "--id", "1")
    _watch(settings, live=3)
    say("   It is not trained: a version would learn the fault. The column is mended, and the alarm closes:")
    shop.load(BROKEN + ONE_DAY, LEAKED, world.flown)
    _serve(settings, MENDED, LEAKED - ONE_DAY)
    run("monitor", MODEL, "--through", str(LEAKED), "--target", TARGET)
    run("alarms", MODEL)


def _bad_version(shop: Shop, settings: Settings, world: Timetable) -> None:
    say("4. Whoever mended the past days joined temperatures after the flights' arrival: late flights got the lowest. No column shows it.")
    shop.load(BROKEN + ONE_DAY, LEAKED, world.leaking())
    say("   The training that was asked for is made up for. Both gates let the version through: on such rows it is excellent.")
    _watch(settings, live=4)
    shop.load(LEAKED + ONE_DAY, GONE_BACK, world.flown)
    _serve(settings, LEAKED + ONE_DAY, GONE_BACK - ONE_DAY)
    run("monitor", MODEL, "--through", str(GONE_BACK), "--target", TARGET)
    run("alarms", MODEL, expected=ExitCode.DIFFERS)
    say("   Live it is not: nobody knows such temperatures at departure. It is on probation, and goes back by itself:")
    _watch(settings, live=3)
    shop.load(GONE_BACK + ONE_DAY, END, world.flown)
    _serve(settings, GONE_BACK, END - ONE_DAY)
    run("monitor", MODEL, "--through", str(END), "--target", TARGET)
    _show_days(settings)
    _watch(settings, live=3)


def _serve(settings: Settings, first: date, last: date) -> None:
    with serving(settings, MODEL, TARGET) as asked:
        asked.serve((first, last))


def _watch(settings: Settings, *, live: int) -> None:
    """Look once.

    Raises:
        TaskError: another version is live then than the story expects.
    """
    run("watch", MODEL, "--once")
    with Cloud(settings).engine.connect() as connection:
        found = live_on_target(connection, TARGET).get(MODEL)
    if found != live:
        raise TaskError(f"version {found} is live on {TARGET}, not {live}: the story cannot go on")


def _watch_and_die(settings: Settings) -> None:
    """Look, and be killed as soon as the run that was decided has begun.

    Raises:
        TaskError: the watcher does not train.
    """
    click.echo(f"\n$ perennial watch {MODEL} --once")
    before = _decided(settings)
    with subprocess.Popen([sys.executable, "-m", "pipelines", "watch", MODEL, "--once"], stdout=subprocess.PIPE, text=True) as watcher:
        try:
            line = next(iter(watcher.stdout or ()), "")
            click.echo(line.rstrip())
            await_that(lambda: _has_begun(settings, before), "the training that was decided begins")
        finally:
            watcher.kill()
    click.echo("Killed")


def _decided(settings: Settings) -> int:
    with Cloud(settings).engine.connect() as connection:
        return max((one.decision_id for one in read_decisions(connection, MODEL)), default=0)


def _has_begun(settings: Settings, before: int) -> bool:
    with Cloud(settings).engine.connect() as connection:
        newest = read_decisions(connection, MODEL, limit=1)[0]
        return newest.decision_id > before and any(is_recorded(connection, claim.run_id) for claim in newest.claims)


def _show_days(settings: Settings) -> None:
    """Show the AUC of each day and the version that answered."""
    with Cloud(settings).engine.connect() as connection:
        days = [day for day in read_live_days(connection, MODEL, TARGET) if day.metrics]
    if not days:
        raise TaskError("no day was measured: the story cannot go on")
    click.echo()
    for day in days:
        (auc,) = [metric.value for metric in day.metrics if metric.name == "auc" and not metric.slice]
        click.echo(f"   {day.served.day}  version {day.served.version}  auc {score(auc)}  {'#' * round(40 * auc)}")


if __name__ == "__main__":
    main()
