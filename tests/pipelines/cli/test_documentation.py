"""The documentation and the command line name the same commands."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import click
import pytest

from components.settings import REPOSITORY
from pipelines.cli.main import SECTIONS, main

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text() for page in PAGES}
SYMPTOMS = TEXTS["symptoms.md"]
EXAMPLES = {"VERSION": "3", "V": "3", "A": "1", "B": "2", "DATE": "1998-05-31", "DECISION": "12"}
BLOCK = re.compile(r"^(?: {4}|> )?(?:\$ )?(?:infra/userland/enter )?perennial ([a-z].*)$", re.MULTILINE)
"""A command on a line of its own, with or without a prompt."""
COMMANDS = [(name, command) for commands in SECTIONS.values() for name, command in commands.items()]


def command_paths(group: click.Group, *above: str) -> Iterator[str]:
    """Every command that does something, with the groups that it is in."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from command_paths(command, *above, name)
        else:
            yield " ".join((*above, name))


def find_command(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """The command that the first words name, and the other words."""
    command: click.Command | None = main
    while isinstance(command, click.Group) and words:
        command, words = command.get_command(click.Context(command), words[0]), words[1:]
    return command, words


def test_there_is_a_command_for_every_symptom() -> None:
    rows = [line for line in SYMPTOMS.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    assert [row for row in rows if "`perennial " not in row] == []


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`perennial ([^`]+)`", SYMPTOMS))))
def test_a_command_for_a_symptom_takes_what_is_written(line: str) -> None:
    command, words = find_command([EXAMPLES.get(word, word) for word in shlex.split(line)])
    assert command is not None, f"docs/symptoms.md names `perennial {line}`, which is no command"
    command.make_context(command.name, words, resilient_parsing=False)


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_commands_and_options_that_exist(page: str) -> None:
    for line in re.findall(r"(?:`|^    (?:infra/userland/enter )?|\$ )perennial ([a-z][^`\n#]*)", TEXTS[page], re.MULTILINE):
        command, words = find_command(line.split())
        assert command is not None, f"{page} names `perennial {line}`, which is no command"
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if re.fullmatch(r"--[a-z-]+", word)} <= options, f"{page} names `perennial {line}`"


def block_lines() -> list[tuple[str, str]]:
    """Page and command of every line in a block that is a whole command: without `…` or `[`, which stand for what is left out."""
    lines = (
        (page, shlex.split(line.split(" && perennial ")[0], comments=True)) for page, text in TEXTS.items() for line in BLOCK.findall(text)
    )
    return [(page, shlex.join(words)) for page, words in lines if not any(word in ("…", "·") or word.startswith("[") for word in words)]


@pytest.mark.parametrize(("page", "line"), block_lines())
def test_a_command_of_a_block_can_be_typed_as_it_is_written(page: str, line: str) -> None:
    command, words = find_command([EXAMPLES.get(word, word) for word in shlex.split(line)])
    assert command is not None, f"{page} names `perennial {line}`, which is no command"
    command.make_context(command.name, words, resilient_parsing=False)


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_targets_of_make_that_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*(?: [a-z][a-z-]*)*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    existing = {name for names in targets for name in names.split()}
    assert set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", TEXTS[page], re.MULTILINE)) <= existing


FENCED = [(page, kind, text) for page, whole in TEXTS.items() for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", whole, re.M | re.S)]


@pytest.mark.parametrize(("page", "kind", "text"), FENCED, ids=[f"{page}-{kind}" for page, kind, _ in FENCED])
def test_a_block_of_a_language_is_of_that_language(page: str, kind: str, text: str) -> None:
    if kind == "toml":
        assert tomllib.loads(text)
    elif kind == "python":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
    else:
        assert kind == "sql"


@pytest.mark.parametrize("path", list(command_paths(main)))
def test_a_command_is_documented(path: str) -> None:
    name = re.escape(path)
    assert any(re.search(rf"perennial {name}\b(?!-)", text) for text in TEXTS.values()), f"no page of docs/ names `perennial {path}`"


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_a_command_of_the_table_exists_under_its_name_and_has_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.name, bool(command.help)) == (name, True)


def test_the_help_lists_every_command_in_one_line_of_a_terminal() -> None:
    lines = main.get_help(click.Context(main, info_name="perennial", terminal_width=80, **main.context_settings)).splitlines()
    assert [line for line in lines if line.endswith(":")] == ["Options:", *(f"{title}:" for title in SECTIONS)]
    for name, command in COMMANDS:
        assert f"  {name:<12}  {command.summary}" in lines


def test_the_help_imports_no_command() -> None:
    program = "import sys; from pipelines.cli.main import main; main(['--help'], standalone_mode=False); print(*sorted(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout
    imported = {name for name in printed.splitlines()[-1].split() if name.startswith(("pipelines.", "components."))}
    assert imported == {
        "pipelines.cli",
        "pipelines.cli.exit_code",
        "pipelines.cli.group",
        "pipelines.cli.main",
        "components.errors",
        "components.files",
    }
