"""A wrong command line ends with an exit code of its own: 2 is the gate's alone."""

import json

import pytest
from click.testing import CliRunner

from pipelines.cli.exit_code import ExitCode
from pipelines.cli.main import SECTIONS, main

COMMANDS = [name for commands in SECTIONS.values() for name in commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_unknown_option_with_64(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--no-such-option"])
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
