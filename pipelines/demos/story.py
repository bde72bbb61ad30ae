"""What the demos share: services and a model from scratch, a shop whose purchases load in any state, and commands shown and run."""

import shlex
import shutil
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import click
from google.cloud import bigquery

from components.errors import PerennialError, TaskError
from components.google import bigquery_client
from components.model.folder import Model, read_model
from components.runs.record import RunState, Trigger
from components.settings import REPOSITORY, Settings, read_settings
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.main import main as perennial
from pipelines.cli.text import reproduction as reproduction_text
from pipelines.cli.text import training as training_text
from pipelines.local import emulators
from pipelines.local.seed import Rows, load_partitions, make_table, read_cdnow
from pipelines.local.services import prepare
from pipelines.run.launch import Runner
from pipelines.run.local import ForkServer, fork_server
from pipelines.run.reproduce import reproduce
from pipelines.run.train import TrainingRequest, TrainingResult, train_locally

Edits = Mapping[str, Mapping[str, str]]
"""For each file of a model's folder, the texts to replace and what replaces them."""


def play(name: str, model: str, edits: Edits, tell: Callable[[Settings, ForkServer], None]) -> None:
    """Tell the story `name` from scratch, with emulators, data and a model's folder of its own."""
    settings = read_settings()
    if settings.state_folder.name != name:
        raise SystemExit(f"run `make {name}`: it gives the demo a state folder of its own")
    started = time.monotonic()
    try:
        with fork_server(settings.state_folder) as server:
            tell(_fresh(settings, model, edits), server)
    except PerennialError as error:
        raise SystemExit(f"Error: {error}") from error
    finally:
        emulators.stop(settings.state_folder, progress=lambda _: None)
    click.echo(f"\nThe whole story took {time.monotonic() - started:.0f} s. Reports are in {settings.state_folder / 'reports'}")


def _fresh(settings: Settings, model: str, edits: Edits) -> Settings:
    emulators.stop(settings.state_folder, progress=lambda _: None)
    shutil.rmtree(settings.state_folder, ignore_errors=True)
    _copy_model(settings.models_folder, model, edits)
    emulators.start(settings, progress=lambda _: None)
    fresh = read_settings()
    prepare(fresh)
    return fresh


def _copy_model(models_folder: Path, name: str, edits: Edits) -> None:
    """Copy a model's folder and edit the copy, so that it trains on fewer customers in seconds.

    Raises:
        TaskError: the folder changed since the edits were written.
    """
    folder = models_folder / name
    shutil.copytree(REPOSITORY / "pipelines" / "models" / name, folder)
    for file, replacements in edits.items():
        text = (folder / file).read_text()
        for old, new in replacements.items():
            if text.count(old) != 1:
                raise TaskError(f"{file} of {name} has {old!r} {text.count(old)} times, not once: correct the demo")
            text = text.replace(old, new)
        (folder / file).write_text(text)


def say(text: str) -> None:
    """Print a paragraph of the story."""
    click.echo()
    click.secho(textwrap.fill(text, 110, subsequent_indent="   "), bold=True)


def _show_command(*words: str) -> None:
    """Print a command as somebody would type it."""
    click.echo(f"\n$ perennial {shlex.join(words)}")


class Shop:
    """The demo's services, and the fork server that all its runs share."""

    def __init__(
        self,
        settings: Settings,
        server: ForkServer,
        model: str,
        schema: Sequence[bigquery.SchemaField],
        days: Mapping[date, Rows] | None = None,
    ) -> None:
        """With the rows of each day, those of CDNOW unless told."""
        self._settings, self._server, self._schema = settings, server, schema
        self._model: Model = read_model(settings.models_folder, model)
        self._client = bigquery_client(settings)
        self._table = make_table(self._client, settings, self._model, schema)
        self._days: Mapping[date, Rows] = read_cdnow()[1] if days is None else days

    def load(self, first: date, last: date, prepared: Callable[[int, dict[str, object]], dict[str, object] | None]) -> None:
        """Load the partitions of these days. `prepared` makes each row from its number in the day and the original row; None drops it."""
        wanted: dict[date, Rows] = {}
        for day, rows in self._days.items():
            if first <= day <= last:
                wanted[day] = [made for number, row in enumerate(rows) if (made := prepared(number, row)) is not None]
        load_partitions(self._client, self._table, self._schema, wanted, progress=lambda _done, _of: None)
        click.echo(f"   loaded {len(wanted)} partitions, {sum(map(len, wanted.values())):,} rows")

    def train(self, through: date, *, expected: RunState = RunState.SUCCEEDED, waive: str | None = None) -> None:
        """Train as `perennial train` does.

        Raises:
            TaskError: the run ended otherwise than the story expects.
        """
        if self.try_training(through, waive=waive) != expected:
            raise TaskError(f"the run through {through} did not end {expected}: the story cannot go on")

    def try_training(self, through: date, *, waive: str | None = None) -> RunState | None:
        """Train as `perennial train` does. Returns how the run ended; None if the same training was done before."""
        _show_command("train", self._model.name, "--through", str(through), *(("--waive-gate", "--reason", waive) if waive else ()))
        request = TrainingRequest(self._model, through, Trigger.PERSON, waive or "the demo", waive_gate=waive is not None)
        progress = training_text.Progress(quiet=False)
        result = train_locally(Runner(self._settings, self._server, progress.start, progress.end), request)
        click.echo(f"  (exit code {training_text.show(self._settings, result, as_json=False)})")
        return result.run.state if isinstance(result, TrainingResult) else None

    def reproduce(self, number: int) -> None:
        """Train again as `perennial reproduce` does."""
        _show_command("reproduce", self._model.name, str(number))
        silent = training_text.Progress(quiet=True)
        made = reproduce(Runner(self._settings, self._server, silent.start, silent.end), self._model.name, number)
        if reproduction_text.show(made, as_json=False):
            raise TaskError(f"version {number} was not reproduced: see above")


def run(*words: str, expected: ExitCode = ExitCode.DONE) -> None:
    """Run a command in this process, and show it as somebody at a terminal sees it.

    Raises:
        TaskError: it ended with another exit code than the story expects.
    """
    _show_command(*words)
    code = 0
    try:
        perennial.main(list(words), prog_name="perennial")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    if code:
        click.echo(f"  (exit code {code})")
    if code != expected:
        raise TaskError(f"`perennial {shlex.join(words)}` ended with exit code {code}, not {expected}: the story cannot go on")
