"""Bad input on the command line: one sentence that names the value and what to do, exit code 1, nothing recorded as a success."""

import json
from pathlib import Path

import pytest

from components.runs.record import RunState
from components.settings import Settings
from tests.pipelines.command_line import CommandLine, edit, small_churn


def test_without_a_command_the_help_is_printed(command_line: CommandLine) -> None:
    done = command_line.run("--help")
    assert done.returncode == 0
    for command in ("up", "down", "status", "seed", "train", "versions", "show", "compile", "migrate"):
        assert f"\n  {command} " in done.stdout


def test_an_unknown_model_is_named_with_those_that_exist(command_line: CommandLine) -> None:
    sentence = command_line.refused("train", "chrun")
    assert sentence.startswith("model 'chrun' is unknown: ")
    assert "churn" in sentence


def test_versions_of_a_model_that_was_never_trained_name_the_command(command_line: CommandLine) -> None:
    assert "run `perennial train never`" in command_line.refused("versions", "never")


def test_a_version_that_does_not_exist_is_named(command_line: CommandLine) -> None:
    assert command_line.refused("show", "never", "7").startswith("model 'never'")


def test_a_date_outside_the_data_is_refused_and_the_run_recorded_as_failed(command_line: CommandLine) -> None:
    sentence = command_line.refused("train", "churn", "--through", "1999-01-01")
    assert sentence == (
        "--through 1999-01-01 is outside retail.purchases, which has partitions 1997-01-01 to 1998-06-30: choose a date between them"
    )
    last = command_line.runs("churn")[0]
    assert (last.state, last.error) == (RunState.FAILED, sentence)


def test_a_window_without_spans_is_refused(command_line: CommandLine) -> None:
    sentence = command_line.refused("train", "churn", "--through", "1997-01-20")
    assert sentence.startswith("--through 1997-01-20 leaves an empty window: ")


def test_a_column_that_the_source_does_not_have_is_named(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "misspelt")
    edit(folder / "source.sql", "SUM(number_of_cds) AS cds", "SUM(number_of_cbs) AS cds")
    assert "number_of_cbs" in command_line.refused("train", "misspelt")


def test_a_column_of_another_type_than_the_schema_is_named(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "mistyped")
    edit(folder / "source.sql", "CAST(history.spend AS FLOAT64) AS spend,", "CAST(history.spend AS STRING) AS spend,")
    sentence = command_line.refused("train", "mistyped")
    assert sentence.startswith("column 'spend' of source.sql of model 'mistyped' is STRING, schema.pbtxt says FLOAT")


def test_a_table_that_does_not_exist_is_named(command_line: CommandLine) -> None:
    small_churn(command_line.settings.models_folder, "elsewhere", table="retail.nothing")
    assert "retail.nothing" in command_line.refused("train", "elsewhere")


@pytest.mark.parametrize(("value", "why"), [("IEEE_DIVIDE(0, 0)", "nan"), ("IEEE_DIVIDE(1, 0)", "inf")])
def test_a_number_that_is_not_finite_ends_the_run_with_its_column(command_line: CommandLine, value: str, why: str) -> None:
    folder = small_churn(command_line.settings.models_folder, f"not_finite_{why}")
    edit(folder / "source.sql", "CAST(history.spend AS FLOAT64) AS spend,", f"{value} AS spend,")
    document = command_line.json("train", folder.name, exit_code=1)
    assert (document["state"], document["version"]) == ("FAILED", None)
    assert document["error"].startswith(f"column 'spend' of source.sql of model '{folder.name}' is {why} (which is not finite)")


def test_a_label_of_one_class_ends_the_run(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "one_class")
    edit(folder / "source.sql", "IF(future.customer_id IS NULL, 1, 0) AS churned", "1 AS churned")
    document = command_line.json("train", "one_class", exit_code=1)
    assert document["error"].startswith("label 'churned' of model 'one_class' is 0 in none of the ")
    assert {task["name"] for task in document["tasks"]} == {"start", "schema", "pin", "inspect", "read", "finish"}


def test_a_cold_run_says_the_same(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "cold_class")
    edit(folder / "source.sql", "IF(future.customer_id IS NULL, 1, 0) AS churned", "0 AS churned")
    document = command_line.json("train", "cold_class", "--cold", exit_code=1)
    assert document["error"].startswith("label 'churned' of model 'cold_class' is 1 in none of the ")


def test_without_emulators_the_command_to_start_them_is_named(command_line: CommandLine, tmp_path: Path) -> None:
    away = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    assert away.refused("train", "churn") == "the emulators are not up: run `perennial up`"


def test_a_network_of_nan_ends_the_run_before_anything_is_pushed(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "diverged")
    edit(folder / "network.py", "Adam(learning_rate)", "Adam(float('nan'))")
    document = command_line.json("train", "diverged", exit_code=1)
    assert (document["state"], document["version"]) == ("FAILED", None)
    assert document["error"].startswith("the training of model 'diverged' failed, the loss of epoch ")
    assert "push" not in {task["name"] for task in document["tasks"] if task["state"] == "done"}


def test_emulators_that_died_are_said_not_to_answer(command_line: CommandLine, tmp_path: Path) -> None:
    endpoints = (command_line.settings.state_folder / "endpoints.env").read_text()
    silent = "\n".join(
        "PERENNIAL_BIGQUERY_ENDPOINT=http://127.0.0.1:9" if "BIGQUERY_ENDPOINT" in line else line for line in endpoints.splitlines()
    )
    (tmp_path / "endpoints.env").write_text(silent)
    away = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    assert away.refused("train", "churn") == "http://127.0.0.1:9 does not answer: run `perennial up`"


def test_wrong_credentials_are_named(command_line: CommandLine, tmp_path: Path, settings_file: Path) -> None:
    key = json.loads(settings_file.read_text()) | {"client_email": "nobody@perennial-test.iam.gserviceaccount.com"}
    (tmp_path / "key.json").write_text(json.dumps(key))
    endpoints = (command_line.settings.state_folder / "endpoints.env").read_text()
    (tmp_path / "endpoints.env").write_text(endpoints.replace(str(settings_file), str(tmp_path / "key.json")))
    away = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    sentence = away.refused("train", "churn")
    assert "perennial-test:europe-west1:registry" in sentence
    assert "PERENNIAL_CREDENTIALS_FILE" in sentence


@pytest.fixture
def settings_file(command_line: CommandLine) -> Path:
    assert command_line.settings.credentials_file is not None
    return command_line.settings.credentials_file


def test_a_run_on_kubeflow_without_an_endpoint_names_the_setting(command_line: CommandLine) -> None:
    assert "PERENNIAL_KUBEFLOW_ENDPOINT" in command_line.refused("train", "churn", "--on", "kubeflow")


def test_compile_writes_the_pipeline(command_line: CommandLine, tmp_path: Path) -> None:
    done = command_line.run("compile", "training", "--model", "churn", "-o", str(tmp_path / "churn.yaml"))
    assert done.returncode == 0, done.stderr
    assert "comp-evaluate" in (tmp_path / "churn.yaml").read_text()


def test_compile_refuses_an_image_that_may_be_another_tomorrow(command_line: CommandLine, tmp_path: Path) -> None:
    done = command_line.run("compile", "training", "--model", "churn", "-o", str(tmp_path / "churn.yaml"), "--image", "r/training:1")
    assert done.returncode == 64
    assert "'r/training:1' may be another image tomorrow: name it by digest" in done.stderr
    assert not (tmp_path / "churn.yaml").exists()


def test_seeding_a_day_outside_the_data_is_refused(command_line: CommandLine) -> None:
    assert command_line.refused("seed", "churn", "--through", "2020-01-01").startswith("--through 2020-01-01 is outside the data")


def test_settings_that_are_unknown_are_named(shop: Settings) -> None:
    assert "environment 'nowhere' is unknown" in CommandLine(shop, {"PERENNIAL_ENVIRONMENT": "nowhere"}).refused("versions", "churn")
