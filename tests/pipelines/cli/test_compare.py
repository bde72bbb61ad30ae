"""`perennial compare` and `compare-data` on real versions: what differs, and what a gate blocked."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from components.cloud import Cloud
from components.diagnosis.versions import compare_versions
from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import REPOSITORY, Settings
from tests.pipelines.command_line import CommandLine, edit, small_churn

pytestmark = pytest.mark.slow

MODEL = "compared"
TEXT_FROM = "1998-06-24"


@pytest.fixture(scope="module")
def versions(command_line: CommandLine) -> Path:
    """Two versions, the later with a month more of data and a smaller network. Returns the model's folder."""
    folder = small_churn(command_line.settings.models_folder, MODEL)
    command_line.json("train", MODEL, "--through", "1998-05-31")
    edit(folder / "network.py", "keras.layers.Dense(32,", "keras.layers.Dense(24,")
    command_line.json("train", MODEL, "--through", "1998-06-30")
    return folder


@pytest.fixture(scope="module")
def blocked(command_line: CommandLine, versions: Path) -> str:
    """The run that met text in a column of numbers."""
    load_with_text(command_line.settings)
    edit(versions / "model.toml", 'table = "retail.purchases"', 'table = "retail.purchases_as_text"')
    document = command_line.json("train", MODEL, "--through", "1998-06-30", exit_code=2)
    edit(versions / "model.toml", 'table = "retail.purchases_as_text"', 'table = "retail.purchases"')
    return str(document["run"])


def load_with_text(settings: Settings) -> None:
    """The purchases, their value as text, in the last week with a decimal comma: what a careless export does."""
    client = bigquery_client(settings)
    rows = client.query(
        f"""SELECT CAST(purchase_date AS STRING) AS purchase_date, customer_id, number_of_cds,
              REPLACE(CAST(dollar_value AS STRING), '.', IF(purchase_date >= '{TEXT_FROM}', ',', '.')) AS dollar_value
            FROM `{settings.project}.retail.purchases`"""
    )
    source = client.get_table(f"{settings.project}.retail.purchases")
    schema = [bigquery.SchemaField(f.name, "STRING" if f.name == "dollar_value" else f.field_type) for f in source.schema]
    table = bigquery.Table(f"{settings.project}.retail.purchases_as_text", schema)
    table.time_partitioning = source.time_partitioning
    client.create_table(table)
    client.load_table_from_json([dict(row) for row in rows], table, job_config=bigquery.LoadJobConfig(schema=schema)).result()


def test_the_first_line_names_the_culprit_and_the_rest_what_differs(command_line: CommandLine, versions: Path) -> None:
    done = command_line.run("compare", MODEL, "1", "2", "--no-newest")
    assert done.returncode == 0, done.stderr
    first, _, title, *lines = done.stdout.splitlines()
    assert first.startswith("Likely culprit: the code, network.py; of the data, ")
    assert title == "compared: version 1 → version 2"
    assert lines[0].split()[:3] == ["partitions", "35", "added"]
    text = "\n".join(lines)
    assert re.search(r"auc +all rows +0\.\d{4} +0\.\d{4}  (significant|within chance)", text)
    assert "    network.py           +1 -1 lines" in text
    assert "parameter    through: 1998-05-31 → 1998-06-30" in text


def test_all_of_it_is_json_and_a_page_that_opens_offline(command_line: CommandLine, versions: Path, tmp_path: Path) -> None:
    found = command_line.json("compare", MODEL, "1", "2", "--no-newest", "--html", str(tmp_path / "compare.html"))
    assert [file["path"] for file in found["files"]] == ["network.py"]
    assert "+    hidden = keras.layers.Dense(24," in found["files"][0]["diff"]
    assert {metric["significance"] for metric in found["metrics"]} <= {"significant", "within chance", "not known"}
    columns = {column["name"]: column for column in found["data"]["source"]}
    assert columns.keys() == {"customer_id", "dollar_value", "number_of_cds"}
    assert columns["dollar_value"]["after"]["quantiles"]["0.5"] > 10
    assert found["data"]["lineage_is_known"] is True
    assert found["newest"] is None
    page = (tmp_path / "compare.html").read_text()
    assert found["culprit"] in page
    assert "<script" not in page


def test_versions_are_held_against_the_newest_data(command_line: CommandLine, versions: Path, tmp_path: Path) -> None:
    done = command_line.run("compare", MODEL, "1", "2", "--html", str(tmp_path / "compare.html"))
    assert done.returncode == 0, done.stderr
    second, first, *_ = done.stdout.splitlines()
    assert first.startswith("What differs most: the code, network.py; of the data, ")
    assert second.startswith("Verdict: nothing is wrong with either version 1 or version 2 on the newest data (version 1: auc 0.")
    assert "the labelled spans 1998-05-31, which the newer version was not trained on" in done.stdout
    assert re.search(r"agreement +[\d.]+% of [\d,]+ of today's rows get the same class from both; the score differs by 0\.", done.stdout)
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["…"] * 5
    assert second in (tmp_path / "compare.html").read_text()


def test_one_version_is_held_against_the_newest_data(command_line: CommandLine, versions: Path, tmp_path: Path) -> None:
    found = command_line.json("compare", MODEL, "1", "--html", str(tmp_path / "one.html"))
    assert found["newest"]["verdict"]["kind"] == "nothing"
    (version,) = found["newest"]["versions"]
    assert {"auc", "calibration"} <= {metric["name"] for metric in version["differences"]}
    assert found["newest"]["judged_spans"][-1] == "1998-05-31"
    assert "Metrics then and now" in (tmp_path / "one.html").read_text()
    refused = command_line.run("compare", MODEL, "1", "--no-newest")
    assert (refused.returncode, "--no-newest needs a second version" in refused.stderr) == (64, True)


def test_nothing_is_scanned_again_where_profiles_are_kept(command_line: CommandLine, versions: Path, tmp_path: Path) -> None:
    nowhere = {"bigquery_endpoint": "http://127.0.0.1:9", "bigquery_storage_endpoint": "127.0.0.1:9", "state_folder": tmp_path}
    settings = command_line.settings.model_copy(update=nowhere)
    found = compare_versions(Cloud(settings), read_model(settings.models_folder, MODEL), "1", "2")
    assert len(found.data.source) == 3
    assert len(found.data.features) == 13
    assert found.data.lineage.fed_by("dollar_value") == {"spend", "spend_90_days", "largest_purchase", "mean_purchase"}


def test_neither_tensorflow_nor_pandas_is_imported(command_line: CommandLine, versions: Path) -> None:
    called = f"main(['compare', '{MODEL}', '1', '2', '--no-newest'], standalone_mode=False)"
    program = f"import sys; from pipelines.cli.main import main; {called}; print(*sorted(sys.modules))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=command_line.environment, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "components.comparison.compare" in imported
    assert not {"tensorflow", "pandas", "altair"} & imported


def test_a_blocked_run_is_compared_with_the_last_good_version(command_line: CommandLine, versions: Path, blocked: str) -> None:
    done = command_line.run("compare", MODEL, "2", blocked, "--no-newest")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("Likely culprit: column dollar_value: was NUMERIC and is STRING; ")
    assert "of its values are text that is no number (0% were), such as '1" in first
    assert f", since {TEXT_FROM}; it feeds spend, spend_90_days, largest_purchase, mean_purchase" in first
    assert "not compared: a run that made no version keeps none" in done.stdout


def test_data_are_compared_by_version_snapshot_date_and_days(command_line: CommandLine, versions: Path, tmp_path: Path) -> None:
    listed: list[dict[str, Any]] = command_line.json("versions", MODEL)
    by_name = command_line.json("compare-data", MODEL, "v1", listed[1]["snapshot_id"][:10], "--html", str(tmp_path / "data.html"))
    by_date = command_line.json("compare-data", MODEL, "1998-05-31", "1998-06-30")
    assert [one["name"] for one in by_name["differences"]] == [one["name"] for one in by_date["differences"]]
    assert by_name["partitions"] == by_date["partitions"]
    assert "Rows by partition" in (tmp_path / "data.html").read_text()
    days = command_line.run("compare-data", MODEL, "1998-01-01..1998-01-31", "1998-06-01..1998-06-30")
    assert days.returncode == 0
    assert "partitions  30 added (1998-06-01 to 1998-06-30), 31 vanished (1998-01-01 to 1998-01-31), 0 the same" in days.stdout


def test_what_cannot_be_compared_is_one_sentence(command_line: CommandLine, versions: Path) -> None:
    for arguments, message in (
        (("compare", MODEL, "1", "7"), "Error: model 'compared' has no version 7: it has 1 to 2; run `perennial versions compared`"),
        (("compare", MODEL, "1", "nobody"), "Error: run 'nobody' is not in the registry"),
        (("compare-data", MODEL, "v1", "tomorrow"), "Error: 'tomorrow' is no data of model 'compared': give a date, "),
    ):
        done = command_line.run(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(message)
