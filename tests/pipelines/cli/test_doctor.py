"""`perennial doctor`: all is well, or what is wrong with the command that mends it."""

import json
from pathlib import Path

import pytest

from tests.pipelines.command_line import CommandLine, small_churn


def test_a_machine_that_is_well_is_told_so(command_line: CommandLine) -> None:
    examinations = command_line.json("doctor")
    assert [found["subject"] for found in examinations if not found["is_well"]] == []
    subjects = ["host", "processors", "memory", "packages", "settings", "state folder", "emulators", "credentials"]
    assert [found["subject"] for found in examinations][:11] == [*subjects, "BigQuery", "Cloud Storage", "registry"]
    assert "model churn" in {found["subject"] for found in examinations}


@pytest.mark.parametrize(
    ("setting", "value", "subject", "text"),
    [
        ("bucket", "nobody-has-this", "Cloud Storage", "nobody-has-this"),
        ("cloudsql_instance", "perennial-test:europe-west1:other", "registry", "perennial-test:europe-west1:other"),
        ("project", "", "settings", "PERENNIAL_PROJECT"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(command_line: CommandLine, setting: str, value: str, subject: str, text: str) -> None:
    settings = command_line.settings.model_copy(update={setting: value})
    done = CommandLine(settings).run("doctor", "--json")
    wrong = {found["subject"]: found["text"] for found in json.loads(done.stdout) if not found["is_well"]}
    assert (done.returncode, list(wrong)) == (1, [subject])
    assert text in wrong[subject]


def test_without_emulators_nothing_waits_for_them_and_a_broken_model_is_told(command_line: CommandLine, tmp_path: Path) -> None:
    folder = small_churn(tmp_path / "models", "broken")
    (folder / "source.sql").unlink()
    changes = {"state_folder": tmp_path / "state", "models_folder": tmp_path / "models"}
    done = CommandLine(command_line.settings.model_copy(update=changes)).run("doctor")
    lines = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert done.returncode == 1
    assert [line.split()[1] for line in lines] == ["emulators", "model"]
    assert "run `perennial up`" in lines[0]
    assert "lacks source.sql" in lines[1]
