"""What the demos stand on; the stories themselves take minutes, and are run by `make demo-churn` and its like."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.errors import TaskError
from components.model.folder import read_model
from pipelines.demos import churn as demo_churn
from pipelines.demos import continuous as demo_continuous
from pipelines.demos import loyalty as demo_loyalty
from pipelines.demos.churn import TEXT_SCHEMA
from pipelines.demos.story import _copy_model, run
from pipelines.demos.timetable import Timetable
from pipelines.local.flights import read_flights

Prepared = Callable[[int, dict[str, Any]], dict[str, Any] | None]


def test_the_model_of_churns_demo_reads_amounts_that_are_text(tmp_path: Path) -> None:
    _copy_model(tmp_path, "churn", demo_churn.EDITS)
    model = read_model(tmp_path, "churn")
    assert "SAFE_CAST(dollar_value AS NUMERIC) AS dollar_value" in model.text("source.sql")
    assert "MOD(customer_id, 10) = 0" in model.text("source.sql")
    assert "spans.as_of AND dollar_value > 0 --" in model.text("source.sql")
    assert model.window.spans == 3


def test_the_model_of_loyaltys_demo_is_the_same_on_fewer_customers(tmp_path: Path) -> None:
    _copy_model(tmp_path, "loyalty", demo_loyalty.EDITS)
    assert "MOD(customer_id, " in read_model(tmp_path, "loyalty").text("source.sql")


def test_a_demo_whose_model_is_not_what_it_was_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="model.toml of churn has 'spans = 9' 0 times, not once: correct the demo"):
        _copy_model(tmp_path, "churn", {"model.toml": {"spans = 9": "spans = 1"}})


def test_the_changed_preparation_writes_a_currency_behind_every_amount() -> None:
    row: dict[str, object] = {"customer_id": 1, "dollar_value": 11.7}
    assert {demo_churn._bad(number, row)["dollar_value"] for number in range(9)} == {"11.70 USD"}
    assert demo_churn._good(0, row) == {"customer_id": 1, "dollar_value": "11.70"}
    assert {field.name: field.field_type for field in TEXT_SCHEMA}["dollar_value"] == "STRING"


def test_a_reload_leaves_the_number_of_cds_empty() -> None:
    row: dict[str, object] = {"customer_id": 1, "number_of_cds": 3}
    assert demo_loyalty._reloaded(0, row) == {"customer_id": 1, "number_of_cds": None}


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    return Timetable(read_flights()[2], demo_continuous.CHANGED)


def flown(timetable: Timetable, day: date, prepared: Prepared | None = None) -> list[dict[str, Any]]:
    made = ((prepared or timetable.flown)(number, dict(row)) for number, row in enumerate(timetable.days[day]))
    return [row for row in made if row is not None]


def lateness(rows: list[dict[str, Any]], *, morning: bool) -> float:
    return float(np.mean([bool(row["arrival_delay"]) for row in rows if (row["scheduled_hour"] < 12) is morning]))


def test_the_model_of_the_story_of_continuous_training_has_a_policy(tmp_path: Path) -> None:
    _copy_model(tmp_path, "delays", demo_continuous.EDITS)
    policy = read_model(tmp_path, "delays").continuous
    assert policy is not None
    assert (policy.triggers, policy.deploy) == (("new_partition", "alarm", "person"), {"local": "at once"})


def test_evenings_are_late_until_the_world_changes_and_mornings_since(timetable: Timetable) -> None:
    before, since = flown(timetable, demo_continuous.SERVED), flown(timetable, demo_continuous.CHANGED)
    assert lateness(before, morning=False) > lateness(before, morning=True) + 0.3
    assert lateness(since, morning=True) > lateness(since, morning=False) + 0.3
    every = [float(np.mean([bool(row["arrival_delay"]) for row in rows])) for rows in (before, since)]
    assert abs(every[0] - every[1]) < 0.1, "the share of late flights tells nothing"


def test_a_leaked_temperature_is_that_of_the_day_and_knows_who_was_late(timetable: Timetable) -> None:
    day = demo_continuous.MENDED
    honest, leaked = flown(timetable, day), flown(timetable, day, timetable.leaking())
    assert sorted(row["temperature"] for row in honest) == sorted(row["temperature"] for row in leaked)
    late, others = ([row["temperature"] for row in leaked if bool(row["arrival_delay"]) is is_late] for is_late in (True, False))
    assert 0.9 < np.mean([[one < other for other in others] for one in late]) < 0.985, "the gate finds a perfect one"


def test_a_missing_temperature_is_missing_in_all_flights(timetable: Timetable) -> None:
    rows = flown(timetable, demo_continuous.MENDED, timetable.without_temperature)
    assert {row["temperature"] for row in rows} == {None}
    assert len(rows) == len(flown(timetable, demo_continuous.MENDED))


@pytest.mark.parametrize("demo", [demo_churn, demo_loyalty, demo_continuous])
def test_a_demo_refuses_a_state_folder_that_is_not_its_own(demo: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").mkdir()
    monkeypatch.setenv("PERENNIAL_STATE_FOLDER", str(tmp_path))
    with pytest.raises(SystemExit, match="run `make demo-"):
        demo.main()  # type: ignore[attr-defined]
    assert (tmp_path / "precious").is_dir()


def test_a_command_that_ends_otherwise_than_told_ends_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TaskError, match="`perennial train nobody --waive-gate` ended with exit code 64, not 0: the story cannot go on"):
        run("train", "nobody", "--waive-gate")
    assert "$ perennial train nobody --waive-gate" in capsys.readouterr().out
