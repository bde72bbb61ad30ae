"""`perennial schema` as a person uses it: propose, review, save by hand, check, and see what a later change means."""

import re
from pathlib import Path

import pytest

from tests.pipelines.command_line import CommandLine, edit, small_churn

ROWS = "rows of spans 1998-05-17 to 1998-05-31 (snapshot "


def said(command_line: CommandLine, *arguments: str, exit_code: int = 0) -> str:
    """What a command prints; nothing else may reach the person's terminal."""
    done = command_line.run("schema", *arguments)
    assert (done.returncode, done.stderr) == (exit_code, ""), done.stdout + done.stderr
    return done.stdout


def refused(command_line: CommandLine, *arguments: str) -> str:
    """The one sentence with which a command ends."""
    done = command_line.run("schema", *arguments)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("Error: ").strip()


@pytest.fixture
def folder(command_line: CommandLine, request: pytest.FixtureRequest) -> Path:
    """A small churn of the test's own."""
    return small_churn(command_line.settings.models_folder, re.sub(r"\W+", "_", request.node.name)[:62].strip("_"))


@pytest.mark.slow
def test_a_proposal_that_a_person_saves_is_kept_and_differs_in_nothing(command_line: CommandLine, folder: Path) -> None:
    (folder / "schema.pbtxt").write_text("")
    proposed = said(command_line, "infer", folder.name)
    assert proposed.startswith("# What ")
    assert ROWS in proposed.splitlines()[0]
    assert 'name: "churned"  # seen 0 to 1\n  type: INT\n  int_domain { min: 0 max: 1 }\n' in proposed
    assert (folder / "schema.pbtxt").read_text() == ""
    (folder / "schema.pbtxt").write_text(proposed)
    kept = said(command_line, "check", folder.name)
    assert kept.startswith(f"{folder.name}: ") and kept.endswith(" keep schema.pbtxt\n") and ROWS in kept
    assert said(command_line, "diff", folder.name).startswith(f"{folder.name}: schema.pbtxt does not differ from what ")


@pytest.mark.slow
def test_a_proposal_may_go_to_a_file(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "proposed.pbtxt"
    assert said(command_line, "infer", "churn", "--through", "1998-05-31", "-o", str(file)).startswith(f"{file}: what ")
    text = file.read_text()
    document = command_line.json("schema", "infer", "churn", "--through", "1998-05-31", "-o", str(file))
    assert (document["model"], document["through"], document["file"]) == ("churn", "1998-05-31", str(file))
    assert document["schema"] == file.read_text() == text
    assert f"{document['rows']:,} rows of spans " in text and document["snapshot"][:12] in text


@pytest.mark.slow
def test_rows_that_break_the_schema_are_named_split_by_split(command_line: CommandLine, folder: Path) -> None:
    edit(folder / "schema.pbtxt", '  value: "regular"\n', '  value: "loyal"\n')
    before = (folder / "schema.pbtxt").read_text()
    lines = said(command_line, "check", folder.name, exit_code=2).splitlines()
    for line, split in zip(lines, ("train", "eval", "newest"), strict=False):
        assert line.startswith(
            f"column segment of split {split} breaks schema.pbtxt: Examples contain values missing from the schema: regular (~"
        )
    assert lines[3:] == [
        f"{folder.name}: mend the source, or review schema.pbtxt with `perennial schema diff {folder.name} --through 1998-06-30`"
    ]
    document = command_line.json("schema", "check", folder.name, exit_code=2)
    assert [(anomaly["split"], anomaly["feature"], anomaly["short"]) for anomaly in document["anomalies"]] == [
        (split, "segment", "Unexpected string values") for split in ("train", "eval", "newest")
    ]
    assert said(command_line, "diff", folder.name).splitlines()[1:] == [
        "! segment  values    only in the window: 'regular'; only in schema.pbtxt: 'loyal'",
        f"! the rows break it: `perennial schema check {folder.name} --through 1998-06-30` says how",
    ]
    assert (folder / "schema.pbtxt").read_text() == before


@pytest.mark.slow
def test_columns_that_schema_pbtxt_does_not_know_or_knows_otherwise_are_shown(command_line: CommandLine, folder: Path) -> None:
    edit(folder / "source.sql", "history.cds,", "history.cds, CAST(history.cds AS STRING) AS discs,")
    edit(folder / "source.sql", "CAST(history.spend AS FLOAT64) AS spend,", "CAST(history.spend AS STRING) AS spend,")
    assert 'name: "discs"' in said(command_line, "infer", folder.name)
    document = command_line.json("schema", "diff", folder.name)
    assert [(found["feature"], found["aspect"], found["breaks"]) for found in document["differences"]] == [
        ("spend", "type", True),
        ("discs", "added", True),
    ]
    lines = said(command_line, "check", folder.name, exit_code=2).splitlines()
    assert "column discs of split train breaks schema.pbtxt: New column (column in data but not in schema)" in lines
    assert "column spend of split eval breaks schema.pbtxt: Expected data of type: FLOAT but got STRING" in lines


@pytest.mark.slow
def test_a_column_that_nothing_has_is_refused_as_train_does(command_line: CommandLine, folder: Path) -> None:
    with (folder / "schema.pbtxt").open("a") as schema:
        schema.write('feature { name: "coupons" type: INT }\n')
    sentence = f"source.sql of model {folder.name!r} has no column 'coupons': add it, or correct model.toml and schema.pbtxt"
    assert refused(command_line, "check", folder.name) == sentence
    document = command_line.json("train", folder.name, exit_code=1)
    assert document["error"] == sentence


@pytest.mark.slow
def test_a_schema_that_does_not_parse_is_named_but_does_not_stop_a_proposal(command_line: CommandLine, folder: Path) -> None:
    (folder / "schema.pbtxt").write_text('feature { nome: "spend" }')
    for command in ("check", "diff"):
        sentence = refused(command_line, command, folder.name)
        assert sentence.startswith(f"schema.pbtxt of model {folder.name!r} is no tensorflow.metadata.v0.Schema: 1:11")
    assert 'name: "spend"' in said(command_line, "infer", folder.name)


@pytest.mark.slow
def test_the_models_own_schema_is_never_written(command_line: CommandLine, folder: Path, tmp_path: Path) -> None:
    pinned = folder / "schema.pbtxt"
    before = pinned.read_text()
    (tmp_path / "link").symlink_to(pinned)
    (tmp_path / "hard").hardlink_to(pinned)
    for file in (pinned, folder / ".." / folder.name / "schema.pbtxt", tmp_path / "link", tmp_path / "hard"):
        assert refused(command_line, "infer", folder.name, "-o", str(file)) == (
            f"{file} is the pinned schema of model {folder.name!r}: choose another file, review it, and copy it yourself"
        )
    assert pinned.read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["infer", "check", "diff"])
def test_bad_input_is_named(command_line: CommandLine, command: str, tmp_path: Path) -> None:
    assert refused(command_line, command, "chrun").startswith("model 'chrun' is unknown: ")
    assert refused(command_line, command, "churn", "--through", "1999-01-01") == (
        "--through 1999-01-01 is outside retail.purchases, which has partitions 1997-01-01 to 1998-06-30: choose a date between them"
    )
    away = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    assert refused(away, command, "churn") == "the emulators are not up: run `perennial up`"


def test_a_file_that_cannot_be_written_is_named_before_anything_is_read(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "proposed.pbtxt"
    assert refused(command_line, "infer", "churn", "-o", str(file)) == (
        f"{file} cannot be written, there is no folder {file.parent}: make it, or choose another file"
    )


@pytest.mark.parametrize(
    ("label", "found"),
    [("IF(future.customer_id IS NULL, 'yes', 'no') AS churned", "STRING"), ("1 AS gone", "missing")],
)
def test_a_label_that_no_schema_could_hold_is_named(command_line: CommandLine, label: str, found: str) -> None:
    folder = small_churn(command_line.settings.models_folder, f"label_{found.lower()}")
    edit(folder / "source.sql", "IF(future.customer_id IS NULL, 1, 0) AS churned", label)
    assert refused(command_line, "infer", folder.name) == (
        f"column 'churned' of source.sql of model {folder.name!r} is {found}, "
        "model.toml needs it INTEGER or BOOLEAN or FLOAT or NUMERIC or BIGNUMERIC: correct source.sql or [rows] in model.toml"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "wrong", "at", "said_of_it"),
    [
        ("history.cds,", "history.cdss,", "cdss", "Name cdss not found inside history"),
        ("SUM(number_of_cds) AS cds", "SUM(number_of_cds AS cds", "FROM spans\n  JOIN", 'Syntax error: Expected ")" but got keyword FROM'),
        ("SUM(dollar_value) AS spend,", "SUN(dollar_value) AS spend,", "SUN", "Function not found: SUN"),
    ],
    ids=["column", "clause", "function"],
)
def test_a_broken_query_is_told_by_its_line_and_column(
    command_line: CommandLine, folder: Path, written: str, wrong: str, at: str, said_of_it: str
) -> None:
    edit(folder / "source.sql", written, wrong)
    text = (folder / "source.sql").read_text()
    before = text[: text.index(at) + (len(at) - len(at.lstrip()))]
    line, column = len(before.split("\n")), len(before.rpartition("\n")[2]) + 1
    sentence = refused(command_line, "check", folder.name)
    assert sentence.startswith(f"source.sql of model {folder.name!r} does not run on ") and f": {said_of_it}" in sentence, sentence
    assert f"(line {line}, column {column})" in sentence, sentence
    assert command_line.refused("train", folder.name) == sentence
