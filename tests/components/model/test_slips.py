"""Slips in the files of a model's folder that no service is needed for: what is said of each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.snapshot.columns import read_features
from tests.components.visits import SCHEMA, write_model

CHURN = "; correct it (see pipelines/models/churn)"
SERVING = "[serving]"
IN_MODEL_TOML = {
    (
        'owner = "site"',
        'owner = "site',
    ): "model.toml is not TOML: Illegal character '\\n' (at line 3, column 14), `owner = \"site`: close the quotes",
    ("newest_spans = 0", "newest_spans = True"): "(at line 24, column 16), `newest_spans = True`: write true or false, in small letters",
    ("learning_rate = 0.01", "learning_rate = 0,01"): "`learning_rate = 0,01`: write a decimal point",
    ("learning_rate = 0.01", "learning_rate = 1_000,5"): "`learning_rate = 1_000,5`: write a decimal point",
    ("newest_spans = 0", "newest_spans = falsely"): "`newest_spans = falsely`: write texts between quotes",
    ('owner = "site"', 'owner: "site"'): '`owner: "site"`: write NAME = VALUE',
    ('[["device"]]', "[[device]]"): "`slices = [[device]]`: write texts between quotes",
    ('owner = "site"', "owner = “site”"): "`owner = “site”`: write straight quotes",
    ('[["device"]]', '["device"]'): f"model.toml: evaluation.slices.0 = 'device': write a list, ['device'] (line 33){CHURN}",
    (
        '[["device"]]',
        '[["returned"]]',
    ): "evaluation.slices has the label 'returned': where all labels are alike, no metric tells anything; leave it out",
    ("at_least = 0.6", "at_least = 60"): f"at_least = 60 of 'auc', which is never above 1: 60 % are 0.6 (line 35){CHURN}",
    ("at_least = 0.6", "at_least = 2.5"): f"at_least = 2.5 of 'auc', which is never above 1: 2.5 % are 0.025 (line 35){CHURN}",
    ("at_least = 0.6", "at_least = 600"): f"at_least = 600 of 'auc', which is never above 1 (line 35){CHURN}",
    (
        'metric = "auc"\nat_least = 0.6',
        'metric = "rmse"\nat_least = 30',
    ): "threshold on 'rmse', which is not measured: a binary_classification has",
    ("at_least = 0.6", 'at_least = "0.6"'): f"evaluation.thresholds.0.at_least = '0.6': Input should be a valid number (line 37){CHURN}",
    (
        "at_least = 0.6",
        "",
    ): f"model.toml: evaluation.thresholds.0: threshold on 'auc' has no bound: give at_least or at_most (line 35){CHURN}",
    ("train = 3", "train = 0.8"): f"model.toml: split.train = 0.8: Input should be a valid integer (line 22){CHURN}",
    ('key = "visitor"', "key = 05:00:00"): f"model.toml: rows.key = 05:00:00: write a text, between quotes (line 12){CHURN}",
    ("newest_spans = 0", "newest_spans = [true, 2026-12-31]"): "split.newest_spans = [true, 2026-12-31]: Input should be a valid integer",
    (
        SERVING,
        f"[checks]\nclosed = [5]\n\n{SERVING}",
    ): 'checks.closed.0: 5 is no such value: write weekdays, "Sunday", and days, 2026-12-25 (line 40)',
    (
        SERVING,
        f"[checks]\ncover = {{ device = [1.5] }}\n\n{SERVING}",
    ): "checks.cover.device.0: 1.5 is no such value: write whole numbers and texts (line 40)",
    (SERVING, f"[targets]\nrequire_clean = 5\n\n{SERVING}"): "targets.require_clean: 5 is no such value: write true, false or a list of",
    (SERVING, f'[continuous]\nquiet_hours = ["08:00", "x"]\n\n{SERVING}'): "continuous.quiet_hours.1 = 'x': write a time of day, such as",
}
IN_SCHEMA: dict[str, tuple[str, str]] = {
    "feature twice": (f'{SCHEMA}feature {{ name: "pages" type: INT }}\n', "has feature 'pages' twice: keep one of them"),
    "domain of another name": (
        SCHEMA.replace('domain: "device"', 'domain: "devices"'),
        "has the domain 'devices', for which there is no string_domain (those that there are: device): add it, or correct the name",
    ),
}


def refused(folder: Path, change: Callable[[Path], object]) -> str:
    change(write_model(folder))
    with pytest.raises(ModelFolderError) as raised:
        read_features(read_model(folder, "visits"))
    return str(raised.value)


@pytest.mark.parametrize("slip", IN_MODEL_TOML)
def test_a_slip_in_model_toml_is_told_with_its_line_and_what_to_write(tmp_path: Path, slip: tuple[str, str]) -> None:
    def write(folder: Path) -> None:
        file = folder / "model.toml"
        text = file.read_text()
        assert text.count(slip[0]) == 1
        file.write_text(text.replace(*slip))

    said = refused(tmp_path, write)
    assert IN_MODEL_TOML[slip] in said
    assert "after validation" not in said


@pytest.mark.parametrize("name", ["model.toml", "source.sql", "schema.pbtxt"])
def test_a_byte_order_mark_is_told(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path, lambda folder: (folder / name).write_text("\ufeff" + (folder / name).read_text()))
    assert said.endswith(f"{name} begins with a byte order mark, which no other program expects: save it as UTF-8 without one")


@pytest.mark.parametrize("slip", IN_SCHEMA)
def test_a_slip_in_the_schema_is_told(tmp_path: Path, slip: str) -> None:
    text, sentence = IN_SCHEMA[slip]
    assert sentence in refused(tmp_path, lambda folder: (folder / "schema.pbtxt").write_text(text))
