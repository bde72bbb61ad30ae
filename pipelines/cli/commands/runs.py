"""The commands about runs, wherever they run: list, logs, cancel, retry, backfill; and the schedules that start them."""

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from components.errors import RegistryError
from components.model.folder import Model, read_model
from components.reason import require_reason
from components.settings import REPOSITORY, Settings
from pipelines.cli.options import Day, as_json, on_option, ready_settings

SCHEDULES = REPOSITORY / "infra" / "schedules.toml"


@click.command()
@click.argument("model")
@on_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@as_json
def runs(model: str, on: str, limit: int, as_json: bool) -> None:
    """List the last runs of MODEL: those the registry knows, or with --on kubeflow those of its experiment there."""
    settings = ready_settings()
    read_model(settings.models_folder, model)
    from pipelines.cli.text import runs as text

    if on == "kubeflow":
        text.show_remote_runs(settings, model, limit=limit, as_json=as_json)
    else:
        text.show_recorded_runs(settings, model, limit=limit, as_json=as_json)


@click.command()
@click.argument("run")
@click.argument("step", required=False)
def logs(run: str, step: str | None) -> None:
    """Show what the steps of RUN have printed, or one STEP. A run of this machine has its logs here, any other on Kubeflow."""
    settings = ready_settings()
    folder = settings.state_folder / "runs" / run / "logs"
    if folder.is_dir() and folder.parent.parent == settings.state_folder / "runs":
        _show_files(run, folder, step)
        return
    from pipelines.cli.text.runs import show_remote_logs

    show_remote_logs(settings, run, step)


def _show_files(run: str, folder: Path, step: str | None) -> None:
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    names = [file.stem for file in files]
    if step and step not in names:
        raise RegistryError(f"run {run} has no step {step!r}: it has {', '.join(names) or 'none'}")
    for file in files:
        if step in (None, file.stem):
            click.echo(f"== {file.stem}\n{file.read_text(errors='replace')}", nl=False)


@click.command()
@click.argument("run")
def cancel(run: str) -> None:
    """Stop RUN on Kubeflow, and end it as CANCELLED. A run on this machine ends with its process: press Ctrl-C there."""
    settings = ready_settings()
    from pipelines.cli.text.runs import cancel_run

    cancel_run(settings, run)


@click.command()
@click.argument("run")
def retry(run: str) -> None:
    """Run RUN on Kubeflow again: where it failed, or anew if its end is recorded. On this machine, `perennial train` does that."""
    settings = ready_settings()
    from pipelines.cli.text.runs import retry_run

    retry_run(settings, run)


@click.command()
@click.argument("model")
@click.option("--from", "first", type=Day(), help="The last partition of the first window, YYYY-MM-DD.")
@click.option("--to", "last", type=Day(), help="No window ends later, YYYY-MM-DD.")
@click.option("--due", is_flag=True, help="Instead of two dates: what MODEL's enabled schedules are to have trained by now.")
@click.option("--file", type=click.Path(path_type=Path), default=SCHEDULES, help="Where the schedules are declared.")
@click.option("--every", type=click.IntRange(1, 366), help="Days from window to window. Default: every_days of the model's window.")
@click.option("--parallel", type=click.IntRange(1, 50), default=1, show_default=True, help="Runs at a time; on this machine always one.")
@click.option("--reason", help="The reason; it is recorded with each run.")
@on_option
def backfill(model: str, reason: str | None, on: str, parallel: int, **asked: Any) -> None:
    """Train MODEL on each window between two dates that was not trained, in order of date. Run it again to go on where it stopped.

    The exit code is 0 when every run made a version, 2 when a gate refused one, 1 when one failed.
    """
    span = _asked_windows(**asked)
    reason = require_reason(f"backfill {span}" if reason is None else reason)
    if on == "vertex":
        raise click.UsageError("backfill runs on local or on kubeflow")
    if on == "local" and parallel > 1:
        raise click.UsageError("on this machine one run of a model is in progress at a time: leave --parallel out")
    settings = ready_settings()
    found = read_model(settings.models_folder, model)
    windows = span.of(settings, found)
    if not windows:
        click.echo(f"{model}: no enabled schedule has a window that is due")
        return
    if on == "kubeflow":
        from components.runs.record import Trigger
        from pipelines.cli.text.runs import backfill_on_kubeflow
        from pipelines.run.train import TrainingRequest

        sys.exit(backfill_on_kubeflow(settings, TrainingRequest(found, None, Trigger.PERSON, reason), windows, parallel))
    sys.exit(_backfill_here(settings, model, windows, reason))


@dataclass(frozen=True)
class _Span:
    """Which windows are asked for: those of two dates, or without them those that schedules are to have trained."""

    dates: tuple[date, date] | None
    every: int | None
    file: Path
    """Where the schedules are declared."""

    def __str__(self) -> str:
        return f"from {self.dates[0]} to {self.dates[1]}" if self.dates else "of what is due"

    def of(self, settings: Settings, model: Model) -> list[date]:
        """The windows, in order of date."""
        from components.schedules.backfill import backfill_windows, due_windows

        if self.dates:
            return backfill_windows(*self.dates, self.every or model.window.every_days)
        from components.cloud import Cloud
        from components.schedules.declared import read_schedules
        from components.snapshot.pin import latest_partition

        declared = read_schedules(self.file).schedules.items()
        own = [schedule.windows(name) for name, schedule in declared if schedule.enabled and schedule.model == model.name]
        return due_windows(own, latest_partition(Cloud(settings), model)) if own else []


def _asked_windows(*, first: date | None, last: date | None, due: bool, every: int | None, file: Path) -> _Span:
    if due and (first or last or every):
        raise click.UsageError("--due asks the schedules: leave --from, --to and --every out")
    if due:
        return _Span(None, None, file)
    if first is None or last is None:
        raise click.UsageError("say which windows: --from and --to, or --due")
    return _Span((first, last), every, file)


def _backfill_here(settings: Settings, model: str, windows: list[date], reason: str) -> int:
    """Run `perennial train` for each window, as a person would: a run needs a process without threads for its fork server."""
    import subprocess

    from components.database.engine import make_engine
    from components.schedules.backfill import is_trained
    from pipelines.cli.text.training import worst_exit_code

    codes = set[int]()
    for through in windows:
        with make_engine(settings).connect() as connection:
            if is_trained(connection, model, through):
                click.echo(f"{through}  trained already")
                continue
        command = [sys.executable, "-m", "pipelines", "train", model, "--through", through.isoformat(), "--reason", reason]
        code = subprocess.run(command, check=False).returncode
        click.echo(f"{through}  exit code {code}")
        codes.add(code)
    return worst_exit_code(codes)


@click.command("apply")
@click.option("--file", type=click.Path(path_type=Path), default=SCHEDULES, help="Where the schedules are declared.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be changed.")
@as_json
def apply_(file: Path, dry_run: bool, as_json: bool) -> None:
    """Make Kubeflow's recurring runs, pipelines and experiments as infra/schedules.toml declares them. Applying again changes nothing."""
    settings = ready_settings()
    from components.schedules.declared import read_schedules
    from pipelines.cli.text.runs import apply_schedules

    apply_schedules(settings, read_schedules(file), dry_run=dry_run, as_json=as_json)
