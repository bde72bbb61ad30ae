"""`perennial new`, as somebody with a table of their own uses it: one command, then a training that passes."""

import io
import json

import numpy as np
import pytest
from google.cloud import bigquery

from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import Settings
from pipelines.scaffold.table import SourceTable
from tests.pipelines.command_line import CommandLine
from tests.pipelines.scaffold.rows import loans, with_label

TABLE = "bank.loans"
OFFERS = "bank.offers"


@pytest.fixture(scope="module")
def bank(command_line: CommandLine) -> CommandLine:
    """The command line of a project that has the table of loans."""
    load(command_line.settings, TABLE, with_label(loans(days=30, rows=120), "insured", "FLOAT", insured(days=30, rows=120)))
    load(command_line.settings, OFFERS, offers(), by_time=bigquery.TimePartitioning(field="applied_at", type_="HOUR"))
    return command_line


def insured(days: int, rows: int) -> list[object]:
    """A column that nobody has filled for four days."""
    chance = np.random.default_rng(5)
    return [round(float(value), 2) for value in chance.exponential(900, (days - 4) * rows)] + [None] * (4 * rows)


def offers() -> SourceTable:
    """The same loans, and what the bank offers: more to those who earn more, and for a home."""
    table, chance = loans(days=30, rows=120, delay=0), np.random.default_rng(4)
    income = np.array([float(value or 20_000) for value in table.rows.column("income").to_pylist()])
    is_home = np.array(table.rows.column("purpose").to_pylist()) == "home"
    offered = 0.4 * income + 5_000 * is_home + 2_000 * chance.normal(size=len(income))
    return with_label(table, "offered", "FLOAT", offered.round(2).tolist())


def load(settings: Settings, name: str, table: SourceTable, *, by_time: bigquery.TimePartitioning | None = None) -> None:
    client = bigquery_client(settings)
    columns = {column: kind for column, kind in table.columns.items() if kind != "ARRAY"}
    schema = [bigquery.SchemaField(column, kind) for column, kind in columns.items()]
    client.create_dataset(name.partition(".")[0], exists_ok=True)
    target = bigquery.Table(f"{settings.project}.{name}", schema)
    target.time_partitioning = by_time or bigquery.TimePartitioning(field="applied")
    client.create_table(target)
    lines = "\n".join(json.dumps(row, default=str) for row in table.rows.to_pylist())
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=schema)
    client.load_table_from_file(io.BytesIO(lines.encode()), target.reference, job_config=config).result()


def test_a_model_is_made_from_a_table_and_trains(bank: CommandLine) -> None:
    made = bank.json("new", "loans", "--table", TABLE, "--key", "loan_id", "--label", "defaulted", "--yes")
    assert (made["every_days"], made["label_delay_days"], made["classes"]) == (1, 5, [])
    assert set(made["left_out"]) == {"country", "note", "recovered", "insured"}
    assert made["left_out"]["insured"].startswith("it of partition 2023-01-28 is NULL in all 120 rows")
    assert 0.5 < made["threshold"] < made["baseline"]["value"]
    model = read_model(bank.settings.models_folder, "loans")
    assert model.evaluation.thresholds[0].at_least == made["threshold"]
    assert set(model.checks.ignore) == {"note", "insured", "defaulted"}
    trained = bank.json("train", "loans")
    assert (trained["state"], trained["version"]) == ("SUCCEEDED", 1)


def test_a_number_of_an_hourly_table_is_predicted_better_than_by_a_line(bank: CommandLine) -> None:
    made = bank.json("new", "amounts", "--table", OFFERS, "--key", "loan_id", "--label", "offered", "--yes")
    assert (made["task"], made["classes"], made["baseline"]["metric"]) == ("regression", [], "r_squared")
    assert {"applied_at_hour", "weekday"} <= set(made["features"])
    model = read_model(bank.settings.models_folder, "amounts")
    assert [(one.metric, one.at_least) for one in model.evaluation.thresholds] == [("r_squared", made["threshold"])]
    trained = bank.json("train", "amounts")
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    (version,) = bank.json("versions", "amounts")
    assert version["blessed"] is True
    assert version["metrics"]["r_squared"] >= made["threshold"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--table", "bank.loan"),
            "table perennial-test.bank.loan: Not found: Table perennial-test:bank.loan; give --table ",
        ),
        (("--table", "perennial-test.bank.loans"), "--table 'perennial-test.bank.loans' is no table of a dataset: write DATASET.TABLE, "),
        (
            ("--table", "`bank.loans`"),
            "--table '`bank.loans`' is no table of a dataset: write DATASET.TABLE, without quotes and without the ",
        ),
        (("--key", ","), "--key names no column: give the column that tells rows of a day apart, or several, --key A,B"),
        (("--key", "id"), "--key 'id' is no column of table perennial-test.bank.loans: it has loan_id, applied, "),
        (("--partition-field", "applied_at"), "table perennial-test.bank.loans is partitioned on 'applied', not on 'applied_at'"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(bank: CommandLine, words: tuple[str, ...], sentence: str) -> None:
    usual = {"--table": TABLE, "--key": "loan_id", "--label": "defaulted"} | {words[0]: words[1]}
    before = set(bank.settings.models_folder.iterdir())
    assert bank.refused("new", "other", *(word for option in usual.items() for word in option), "--yes").startswith(sentence)
    assert set(bank.settings.models_folder.iterdir()) == before
