"""A group of commands that are imported only when they are called, and that its help lists by section."""

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from components.errors import BlockedError, PerennialError, UntoldError
from components.files import disk_full
from pipelines.cli.exit_code import ExitCode

JSON = "perennial.json"
"""The key of click's notes under which stands whether a command line asks for JSON."""


class LazyCommand(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    location: str
    """MODULE:OBJECT"""
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.location.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


class LazyGroup(click.Group):
    """Shows our own errors as one sentence, gives each kind of end its exit code, and lets bugs keep their traceback."""

    def __init__(self, *arguments: Any, sections: Mapping[str, Mapping[str, LazyCommand]], **options: Any) -> None:
        """`sections` has the commands by name, by the title of their section."""
        super().__init__(*arguments, **options)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of the help."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, imported; None if there is none."""
        commands = (section[cmd_name] for section in self.sections.values() if cmd_name in section)
        return next((command.load() for command in commands), None)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", command.summary) for name, command in commands.items()])

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the command line up to the command's name."""
        with _usage_errors():
            return super().make_context(*arguments, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether the command line asks for JSON, which an error before the command's own parsing must know too."""
        ctx.meta[JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the command's own arguments, and run it."""
        try:
            with _usage_errors():
                return super().invoke(ctx)
        except click.UsageError as error:
            _show_json(ctx, error.format_message(), ExitCode.USAGE)
            raise
        except Exception as error:
            known = error if isinstance(error, PerennialError) else disk_full(error)
            if known is None:
                raise
            code = ExitCode.BLOCKED if isinstance(known, BlockedError) else ExitCode.FAILED
            more = {"is_final": known.is_final} if isinstance(known, UntoldError) else {}
            _show_json(ctx, str(known), code, **more)
            click.echo(f"Error: {known}", err=True)
            ctx.exit(code)


def _show_json(ctx: click.Context, sentence: str, code: ExitCode, **more: bool) -> None:
    """Print an error where a script that asked for JSON reads it. People have it on the standard error, with or without."""
    if ctx.meta[JSON]:
        click.echo(json.dumps({"error": sentence, "exit_code": code, **more}, indent=2))


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Give a wrong command line its own exit code: click's 2 is the gate's."""
    try:
        yield
    except click.UsageError as error:
        error.exit_code = ExitCode.USAGE  # type: ignore[misc]  # of this one: its class has one number for all programs
        raise
