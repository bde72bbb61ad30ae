"""What the demo of churn stands on; the story itself takes minutes, and is run by `make demo-churn`."""

from pathlib import Path

import pytest

from components.model import read_model
from pipelines.demo_churn import CURRENCIES, TEXT_SCHEMA, copy_model, main, prepared


def test_the_demos_model_reads_amounts_that_are_text(tmp_path: Path) -> None:
    copy_model(tmp_path)
    model = read_model(tmp_path, "churn")
    assert "SAFE_CAST(dollar_value AS NUMERIC) AS dollar_value" in model.text("source.sql")
    assert "MOD(customer_id, 10) = 0" in model.text("source.sql")
    assert model.window.spans == 3


def test_the_changed_preparation_writes_a_currency_behind_some_amounts() -> None:
    row = {"customer_id": 1, "dollar_value": 11.7}
    written = [prepared(row, number, bad=True)["dollar_value"] for number in range(CURRENCIES + 1)]
    assert written == ["11.70 USD", *["11.70"] * (CURRENCIES - 1), "11.70 USD"]
    assert prepared(row, 0, bad=False) == {"customer_id": 1, "dollar_value": "11.70"}
    assert {field.name: field.field_type for field in TEXT_SCHEMA}["dollar_value"] == "STRING"


def test_the_demo_refuses_a_state_folder_that_is_not_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").mkdir()
    monkeypatch.setenv("PERENNIAL_STATE_FOLDER", str(tmp_path))
    with pytest.raises(SystemExit, match="run `make demo-churn`"):
        main()
    assert (tmp_path / "precious").is_dir()
