"""docs/symptoms.md: every command that it names exists, with these options."""

import re
import shlex

import click
import pytest

from components.settings import REPOSITORY
from pipelines.cli.main import main

TEXT = (REPOSITORY / "docs" / "symptoms.md").read_text()
COMMANDS = re.findall(r"`perennial ([^`]+)`", TEXT)
EXAMPLES = {"VERSION": "3", "A": "1", "B": "2", "DATE": "1998-05-31"}


def test_there_is_a_command_for_every_symptom() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    assert [row for row in rows if "`perennial " not in row] == []


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_the_command_takes_what_is_written(line: str) -> None:
    words = [EXAMPLES.get(word, word) for word in shlex.split(line)]
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words.pop(0))
        assert found is not None, f"docs/symptoms.md names `perennial {line}`, which is no command"
        command = found
    command.make_context(command.name, words, resilient_parsing=False)
