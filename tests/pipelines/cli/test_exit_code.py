"""A wrong command line ends with an exit code of its own: 2 is the gate's alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from components.settings import REPOSITORY
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.main import SECTIONS, main
from pipelines.cli.text.training import worst_exit_code

WORDS = {
    "seed": "churn",
    "schema infer": "churn",
    "schema check": "churn",
    "schema diff": "churn",
    "snapshots": "churn",
    "snapshot show": "0123456789",
    "snapshot expire": "churn",
    "compare-data": "churn 1997-09-30 1997-10-31",
    "new": "shop --table retail.purchases --key customer_id --label amount --yes",
    "upgrade": "churn",
    "train": "churn",
    "reproduce": "churn 1",
    "gate accept": "churn 0123456789 --until 2099-01-01 --reason test",
    "gate list": "churn",
    "compile": "training --model churn -o {folder}/churn.yaml",
    "backfill": "churn --from 1997-09-30 --to 1997-09-30",
    "apply": "--dry-run",
    "runs": "churn",
    "logs": "churn-1",
    "cancel": "churn-1",
    "retry": "churn-1",
    "watch": "--once churn",
    "decisions": "churn",
    "policy show": "churn",
    "policy replay": "churn --from 1997-09-30 --to 1997-10-31",
    "staleness": "churn",
    "request": "churn --reason test",
    "approve": "1 --reason test",
    "pause": "churn --reason test",
    "resume": "churn --reason test",
    "models": "",
    "versions": "churn",
    "show": "churn 1",
    "lineage": "churn 1",
    "compare": "churn 1 2",
    "pull": "churn 1 {folder}/pulled",
    "export": "churn 1",
    "deploy": "churn 1 --target local --reason test",
    "rollback": "churn --target local --reason test",
    "history": "churn",
    "retire": "churn 1 --reason test",
    "serve": "--target local --port 0",
    "predict": "churn {folder}/rows.jsonl",
    "explain": "churn 0123456789",
    "monitor": "churn --through 1997-09-30",
    "alarms": "churn",
    "migrate": "",
    "verify": "churn",
    "restore": "churn 1",
    "gc": "",
    "up": "--serve nowhere",
    "down": "",
    "status": "",
    "doctor": "",
}
"""Arguments that each command takes."""
WITHOUT_SERVICES = {"compile", "down", "logs", "policy show", "status"}
"""Commands that do some of their work where no service is up."""


def _names(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _names(command, (*before, name))
        else:
            yield " ".join((*before, name))


def test_the_table_has_every_command() -> None:
    assert sorted(WORDS) == sorted(_names(main))
    assert {name.split()[0] for name in WORDS} == {name for commands in SECTIONS.values() for name in commands}


@pytest.mark.parametrize("command", WORDS)
def test_a_command_that_cannot_do_its_work_ends_with_one_and_a_sentence(command: str, tmp_path: Path) -> None:
    words = [*command.split(), *WORDS[command].format(folder=tmp_path).split()]
    result = CliRunner().invoke(main, words, env={"PERENNIAL_STATE_FOLDER": str(tmp_path / "state")})
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == ExitCode.FAILED or (command in WITHOUT_SERVICES and result.exit_code == ExitCode.DONE), result.output
    if result.exit_code == ExitCode.FAILED and command != "doctor":  # which tells all that is wrong
        assert len(re.findall("^Error: .+", result.stderr, re.MULTILINE)) == 1, result.output


def test_nothing_ends_with_two_but_what_a_gate_refused() -> None:
    sources = [path for folder in ("components", "perennial", "pipelines") for path in (REPOSITORY / folder).rglob("*.py")]
    number = re.compile(r"(?:exit|exit_code|code|returncode)\s*[=(]\s*2\b|ExitCode\(2\)")
    assert [path.name for path in sources if number.search(path.read_text())] == []
    blocking = {path.relative_to(REPOSITORY / "pipelines").as_posix() for path in sources if "ExitCode.BLOCKED" in path.read_text()}
    assert blocking == {"cli/commands/schema.py", "cli/group.py", "cli/text/training.py"}


@pytest.mark.parametrize(
    ("codes", "worst"), [((), 0), ((0, 0), 0), ((0, 2, 0), 2), ((2, 1), 1), ((1, 2), 1), ((2, -9), 1), ((2, 3), 1), ((64,), 1)]
)
def test_a_run_that_failed_counts_more_than_one_that_a_gate_refused(codes: tuple[int, ...], worst: int) -> None:
    assert worst_exit_code(codes) == worst


@pytest.mark.parametrize("command", WORDS)
def test_every_command_refuses_an_unknown_option_with_64(command: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "--no-such-option"])
    assert result.exit_code == 64
    assert "No such option '--no-such-option'" in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Show whether the emulators run, and where"),
        (["--no-such-option"], "No such option '--no-such-option'"),
        (["trian"], "No such command 'trian'."),
        (["train"], "Missing argument 'MODEL'."),
        (["train", "churn", "--through", "tomorrow"], "'tomorrow' is not a date: write YYYY-MM-DD"),
        (["train", "churn", "--waive-gate"], "--waive-gate needs --reason: say why these data may be trained on"),
        (["show", "churn", "first"], "'first' is not a version: write its number, latest, live or live@TARGET"),
        (["show", "churn", "0"], "'0' is not a version"),
        (["show", "churn", "9999999999"], "'9999999999' is not a version"),
        (["schema"], "Commands:"),
        (["schema", "check"], "Missing argument 'MODEL'."),
        (["snapshot", "show"], "Missing argument 'ID'."),
        (["verify", "--deep", "--quick"], "--deep reads everything and --quick nothing: choose one"),
        (["versions", "churn", "--limit", "0"], "0 is not in the range x>=1."),
    ],
)
def test_a_wrong_command_line_ends_with_64(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == ExitCode.USAGE
    assert sentence in result.output


def test_an_error_is_json_too_where_json_is_wanted() -> None:
    result = CliRunner().invoke(main, ["show", "churn", "first", "--json"])
    sentence = "Invalid value for 'VERSION': 'first' is not a version: write its number, latest, live or live@TARGET"
    assert (result.exit_code, json.loads(result.stdout)) == (ExitCode.USAGE, {"error": sentence, "exit_code": 64})
    assert sentence in result.stderr
    result = CliRunner().invoke(main, ["train", "churn", "--reason", " ", "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (
        ExitCode.FAILED,
        {"error": result.stderr.removeprefix("Error: ").strip(), "exit_code": 1},
    )


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["train", "--help"], ["schema", "check", "--help"], ["--version"]])
def test_help_is_no_error(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == ExitCode.DONE


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 5_000, "\x1b[2J"])
def test_train_refuses_a_reason_as_every_command_does(reason: str) -> None:
    result = CliRunner().invoke(main, ["train", "churn", "--reason", reason])
    assert result.exit_code == ExitCode.FAILED
    assert result.output.startswith("Error: the reason ")
    assert result.output.endswith(": say why in one line of at most 1,000 characters\n")
