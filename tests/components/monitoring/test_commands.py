"""`perennial monitor`, `alarms` and `show --live`, as a user meets them."""

from pathlib import Path

from components.settings import Settings
from tests.components.monitoring.served import Served, served, trained, visits  # noqa: F401
from tests.pipelines.command_line import CommandLine


def test_days_are_measured_alarms_are_told_and_answered(trained: Served, warm: Settings) -> None:  # noqa: F811
    name = trained.model.name
    trained.serve(visits(8, lambda row: row | {"device": "watch"} if row["visitor"] > 150 else row))
    trained.label(8, visits(8))
    line = CommandLine(trained.site.settings.model_copy(update={"state_folder": warm.state_folder}))

    document = line.json("monitor", name, "--through", "2026-03-09", "--target", "local")
    assert (document["state"], len(document["measured"]), len(document["alarms"])) == ("SUCCEEDED", 1, 1)
    assert document["alarms"][0]["headline"].endswith("never trained on device watch")
    page = Path(document["page"])
    assert "never trained on device watch" in page.read_text()
    assert page.stat().st_mode & 0o077 == 0

    again = line.run("monitor", name, "--through", "2026-03-09", "--target", "local")
    assert again.returncode == 0, again.stderr
    assert "no day is due: rows and labels are as they were" in again.stdout

    number = str(document["alarms"][0]["alarm_id"])
    assert line.run("alarms", name).returncode == 3
    acknowledged = line.run("alarms", name, "--acknowledge", number, "--reason", "watches are new")
    assert (acknowledged.returncode, "watches are new" in acknowledged.stdout) == (0, True)
    muted = line.json("alarms", name, "--mute", number, "--until", "2026-04-01", "--reason", "until they are in the data")
    assert muted[0]["muted_until"] == "2026-04-01"
    assert line.refused("alarms", name, "--acknowledge", "999999", "--reason", "?") == (
        f"{name} has no alarm 999999: `perennial alarms {name} --all` lists them"
    )
    assert line.refused("alarms", f"{name}x") == f"the registry has no model '{name}x': `perennial models` lists those that it has"
    assert line.run("alarms", name, "--mute", number, "--reason", "for ever").returncode == 64
    assert line.refused("monitor", name, "--through", "2026-03-09") == (
        f"{name} is live on no target: say with --target whose predictions to look at"
    )

    shown = line.run("show", name, "1", "--live")
    (day,) = [row for row in shown.stdout.splitlines() if row.startswith("2026-03-08")]
    assert day.split()[1:6] == ["1", "live", "settled", "200", "200"]
    assert "device watch" in shown.stdout


def test_a_day_without_a_metric_says_why(served: Served, warm: Settings) -> None:  # noqa: F811
    for number in (1, 2, 3):
        served.serve(visits(number))
    served.label(1, visits(1)[:1])
    served.monitor(3)
    line = CommandLine(served.site.settings.model_copy(update={"state_folder": warm.state_folder}))
    shown = line.run("show", served.model.name, "1", "--live").stdout.splitlines()
    assert shown[0] == "on local"
    assert {row[:10]: row.partition("  1.5  ")[2] for row in shown if row.startswith("2026")} == {
        "2026-03-01": "not defined: too few rows are labelled, or all labels are alike",
        "2026-03-02": "no row has a label",
        "2026-03-03": "no labels yet",
    }
