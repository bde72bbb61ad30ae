"""What the service logs of a version: which columns, and what it says where it cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.cloud import Cloud
from components.errors import SourceError
from components.prediction_log.table import read_log_table
from components.scoring.allowed import Features
from components.scoring.rows import FeatureRows, RowReader
from components.scoring.scorer import PackedRows
from components.serving import __main__ as image
from components.serving.directory import ServingRole
from components.serving.explanation import explain_request
from components.serving.metrics import Metrics
from components.serving.remembering import ROW_BYTES, LogOptions, Remembering
from components.serving.server import ServeOptions
from components.serving.service import Asked, Scored, Servable
from components.settings import Settings
from components.training.signatures import Column, Signatures

FEATURES = Features(Signatures((Column("area", "float32"), Column("colour", "string")), 1), key="house_id", span="day")
EVERY = ("area", "colour", "house_id", "day")
CARDS = [
    (None, EVERY, "house has none"),
    ('[[data]]\nname = "houses"\nsensitive = ["house id: of a person"]\n', EVERY, "'house id' is no column of it"),
    ('[[data]]\nname = "houses"\nsensitive = ["house_id: of a person", "colour"]\n', ("house_id", "colour"), None),
    ('[[data]]\nname = "houses"\n', (), None),
]


def servable() -> Servable:
    return Servable("house", 3, None, RowReader(FEATURES, "house 3"), None)  # type: ignore[arg-type] # nobody asks it


def remembering(cloud: Settings, folder: Path, options: LogOptions) -> Remembering:
    settings = cloud.model_copy(update={"state_folder": folder / "state", "models_folder": folder / "models"})
    return Remembering(settings, "t", Metrics(), options)


@pytest.mark.parametrize(("card", "hidden", "why"), CARDS)
def test_where_it_is_not_known_what_is_sensitive_nothing_is_logged(
    cloud: Settings, tmp_path: Path, card: str | None, hidden: tuple[str, ...], why: str | None
) -> None:
    (tmp_path / "models" / "house").mkdir(parents=True)
    if card is not None:
        (tmp_path / "models" / "house" / "card.toml").write_text(card)
    found = remembering(cloud, tmp_path, LogOptions(sensitive="omit"))
    found.open(servable())
    assert read_log_table(found.folder / "house" / "3.json").omitted == hidden
    notes = found.notes()
    assert [why in note for note in notes] == [True] if why else notes == []
    found.close()


def test_a_row_that_bigquery_may_not_take_is_counted_and_not_logged(cloud: Settings, tmp_path: Path) -> None:
    found, version = remembering(cloud, tmp_path, LogOptions()), servable()
    found.open(version)
    texts = np.array([[b"x" * ROW_BYTES], [b"red"]], object)
    requests = [
        Asked(name, 0, None, ServingRole.LIVE, FeatureRows(PackedRows({"string": texts[place : place + 1]}, 1), [None], [None]))
        for place, name in enumerate("ab")
    ]
    found.note(Scored(version, requests, np.zeros((2, 1), np.float32), 0.0))
    found._measure()
    found.close()
    page = found.metrics.page().decode()
    for status in ("INVALID_ARGUMENT", "OK"):
        assert f':tensorflow:serving:request_log_count{{model_name="house",status="{status}"}} 1.0' in page
    assert 'perennial_log_waiting_seconds{model_name="house"} 0.0' in page


def test_the_image_logs_as_the_command_does(monkeypatch: pytest.MonkeyPatch, cloud: Settings) -> None:
    asked: list[ServeOptions] = []
    monkeypatch.setattr(image, "configure_logging", lambda: None)
    monkeypatch.setattr(image, "read_settings", lambda: cloud)
    monkeypatch.setattr(image, "serve", lambda _, options, __: asked.append(options))
    options = ["--log-share", "0.1", "--log-days", "30", "--sensitive", "omit"]
    for given, logged in ((options, LogOptions(0.1, 30, "omit")), (["--no-log"], None), ([], LogOptions())):
        monkeypatch.setattr("sys.argv", ["serving", "--target", "prod", *given])
        image.main()
        assert asked.pop().log == logged
    monkeypatch.setattr("sys.argv", ["serving", "--target", "prod", "--log-share", "0"])
    with pytest.raises(SystemExit):
        image.main()


def test_a_row_whose_features_are_hidden_is_not_explained(cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [{"version": 3, "hidden_features": ["colour"]}]
    monkeypatch.setattr("components.serving.explanation._logged_rows", lambda *_: rows)
    with pytest.raises(SourceError, match="the log has colour hashed, or not at all"):
        explain_request(Cloud(cloud), "house", ("predictions.house", "event_date"), "r1")
