"""docs/python.md, as a program uses it: the example runs, and what the functions return is what the commands say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import perennial
from components.errors import PerennialError, RegistryError, SourceError
from components.google import bigquery_client, table_name
from components.model.folder import read_model
from components.settings import REPOSITORY
from components.snapshot.document import snapshot_from
from tests.pipelines.command_line import CommandLine, edit, small_churn

TEXT = (REPOSITORY / "docs" / "python.md").read_text()
MODEL = "from_python"


@pytest.fixture(scope="module")
def program(command_line: CommandLine) -> str:
    """What the example of docs/python.md prints when it trains the small model."""
    small_churn(command_line.settings.models_folder, MODEL)
    (text,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    ended = subprocess.run(
        [sys.executable, "-c", text.replace('"churn"', f'"{MODEL}"').replace("'churn'", f"'{MODEL}'")],
        env=command_line.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def user(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """This process, with the settings of the command line."""
    for name, value in command_line.environment.items():
        if name.startswith("PERENNIAL_"):
            monkeypatch.setenv(name, value)
    return command_line


def test_the_package_is_imported_without_what_takes_time() -> None:
    text = "import sys, perennial; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("tensorflow", "pandas", "numpy", "pyarrow", "sqlalchemy", "pydantic", "components", "pipelines")
    assert [name for name in modules if name.split(".")[0] in heavy] == []


def test_every_public_name_is_in_the_documentation() -> None:
    assert [name for name in perennial.__all__ if f"`{name}" not in TEXT and name not in ("LoadedModel", "VersionsCompared")] == []


def test_the_example_trains_and_scores(program: str, user: CommandLine) -> None:
    steps = [line.split()[1] for line in program.splitlines() if line.startswith("✓ ")]
    assert steps[0] == "start" and {"pin", "train", "evaluate", "record"} <= {*steps}
    first, *_, last = [line for line in program.splitlines() if not line.startswith("✓ ")]
    assert first == "version 1 of 1"
    (summary,) = perennial.versions(MODEL)
    assert f"auc {summary.metrics['auc']:.6f} " in " ".join(program.split())
    assert float(last.split()[-1]) <= 1


def test_metrics_are_those_of_the_registry(program: str, user: CommandLine) -> None:
    frame = perennial.metrics(MODEL)
    assert list(frame.columns) == ["metric", "slice", "value", "low", "high", "rows", "split", "run", "snapshot"]
    assert set(frame["split"]) == {"train", "eval", "newest"}
    story = perennial.version(MODEL, 1)
    whole = frame[(frame["slice"] == "") & (frame["split"] == "eval")].set_index("metric")["value"]
    assert whole.to_dict() == {metric.name: metric.value for metric in story.own_metrics if not metric.slice}


def test_a_loaded_version_scores_as_the_command_does(program: str, user: CommandLine, tmp_path: Path) -> None:
    rows = perennial.read_rows(MODEL).to_pandas().head(50).set_index(pd.RangeIndex(100, 150))
    model = read_model(user.settings.models_folder, MODEL)
    lines = rows.drop(columns=model.rows.label).to_json(orient="records", lines=True, date_format="iso")
    (tmp_path / "rows.jsonl").write_text(lines.replace("T00:00:00.000", ""))
    with perennial.load(MODEL, 1) as churn:
        scores = churn(rows)
        some_missing = churn(rows.assign(**{churn.columns[0]: rows[churn.columns[0]].astype("float64")}))
    printed = user.run("predict", MODEL, str(tmp_path / "rows.jsonl"))
    assert [json.loads(line)["score"] for line in printed.stdout.splitlines()] == scores.astype("float64").tolist()
    assert (scores.name, list(scores.index)) == ("score", list(range(100, 150)))
    assert some_missing.equals(scores)


def test_a_row_that_the_schema_does_not_allow_is_named(program: str, user: CommandLine) -> None:
    rows = perennial.read_rows(MODEL).to_pandas().head(3)
    with perennial.load(MODEL) as churn:
        name = churn.columns[0]
        with pytest.raises(SourceError, match=rf"^row 1 lacks the field {name}: expected "):
            churn(rows.drop(columns=name))
        with pytest.raises(SourceError, match=rf"^row 2\.{name} is null: expected "):
            churn(rows.assign(**{name: [1, None, 3]}))


def test_a_snapshot_is_read_as_it_was_pinned(program: str, user: CommandLine) -> None:
    (summary,) = perennial.versions(MODEL)
    table = perennial.read_snapshot(summary.snapshot_id[:12])
    pinned = perennial.version(MODEL).snapshot
    assert table.num_rows == snapshot_from(pinned.document).source_rows
    source = bigquery_client(user.settings).get_table(pinned.source_table)
    assert (table.column_names, table_name(source)) == ([column.name for column in source.schema], pinned.source_table)
    assert perennial.read_snapshot(summary.snapshot_id, columns=["customer_id"]).column_names == ["customer_id"]


def test_two_versions_are_compared(program: str, user: CommandLine) -> None:
    edit(user.settings.models_folder / MODEL / "model.toml", "epochs = 20", "epochs = 21")
    trained = perennial.train(MODEL, reason="one epoch more")
    assert (trained.state, trained.version, trained.error, trained.findings) == ("SUCCEEDED", 2, None, ())
    compared = perennial.compare(MODEL, 1, "latest")
    assert compared.culprit.startswith("Likely culprit: the code, model.toml; ")
    assert (compared.verdict, compared.newest) == (None, None)
    frame = compared.metrics.set_index(["metric", "slice"])
    assert frame.loc[("auc", ""), "before"] == perennial.versions(MODEL)[0].metrics["auc"]
    again = perennial.train(MODEL)
    assert (again.state, again.version, again.run, again.succeeded) == ("ALREADY_TRAINED", 2, None, True)


def test_what_cannot_begin_is_told_in_the_sentence_of_the_command(user: CommandLine) -> None:
    with pytest.raises(PerennialError, match=r"^model 'chrun' is unknown: "):
        perennial.train("chrun")
    with pytest.raises(RegistryError, match=r"^model 'chrun' is not in the registry: "):
        perennial.versions("chrun")
