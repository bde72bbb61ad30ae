"""What several commands use: dates, options, and settings whose emulators are up."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import click

from components.errors import RegistryError
from components.files import private_folder
from components.settings import Settings, read_ready_settings
from pipelines.run.temporary import temporary_files


class Day(click.ParamType[date]):
    """A date, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date: write YYYY-MM-DD", param, ctx)


class DayRange(click.ParamType[tuple[date, date]]):
    """Two dates, DATE..DATE."""

    name = "date..date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, date]:
        """Parse them."""
        if isinstance(value, tuple):
            return value
        try:
            first, last = map(date.fromisoformat, value.split(".."))
        except ValueError:
            self.fail(f"{value!r} are not two dates: write YYYY-MM-DD..YYYY-MM-DD", param, ctx)
        if last < first:
            self.fail(f"{value!r} ends before it begins: write the earlier date first", param, ctx)
        return first, last


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
reason_option = click.option("--reason", required=True, help="The reason; it is recorded.")
on_option = click.option(
    "--on", type=click.Choice(["local", "kubeflow", "vertex"]), default="local", show_default=True, help="Where to run the pipeline."
)
target_option = click.option("--target", help="The target; by default the only one on which the model is live.")
through_option = click.option("--through", type=Day(), help="The last partition to use, YYYY-MM-DD.")


def ready_settings() -> Settings:
    """The settings of a command, whose temporary files lie in a folder of its own from here on.

    Raises:
        EmulatorError: they are those of this machine, and the emulators were never started.
    """
    settings = read_ready_settings()
    if settings.state_folder.exists():
        private_folder(settings.state_folder)
    click.get_current_context().with_resource(temporary_files())
    return settings


def require_live_target(settings: Settings, model: str, target: str | None) -> str:
    """The target that is meant.

    Raises:
        RegistryError: none is named, and the model is live on none or several.
    """
    from components.database.engine import make_engine  # most commands need none of these, and start faster without
    from components.deployment.request import require_target
    from components.registry.deployments import list_models

    if target is not None:
        return require_target(settings, target)
    with make_engine(settings).connect() as connection:
        live = sorted({target for one in list_models(connection) if one.name == model for target in one.live})
    if len(live) == 1:
        return live[0]
    where = f"live on {', '.join(live)}" if live else "live on no target"
    raise RegistryError(f"{model} is {where}: say with --target whose predictions to look at")


def counter(what: str) -> Callable[[int, int], None]:
    """Show progress on the standard error: each step on a terminal, every hundredth in a log."""

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty() or done % 100 == 0 or done == of:
            end = "\n" if done == of or not sys.stderr.isatty() else ""
            click.echo(f"\r{done} of {of} {what}{end}", err=True, nl=False)

    return show
