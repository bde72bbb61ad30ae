"""The commands about the pinned schema: what the rows of a window propose, whether they break it, and how the two differ."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from components.errors import ModelFolderError
from components.model.folder import Model, read_model
from components.model.sections import Split
from components.schema.anomalies import Anomaly
from components.schema.diff import SchemaDifference, compare_schemas, difference_sentence
from components.schema.propose import (
    ALL_SPLITS,
    WindowRows,
    check_pinned,
    find_anomalies,
    propose,
    read_pinned,
    read_window,
    window_statistics,
)
from components.schema.text import to_text
from components.stderr import stderr_to
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, ready_settings, through_option

FILE = "schema.pbtxt"


@click.group()
def schema() -> None:
    """Propose, check and compare the pinned schema. No command changes schema.pbtxt; only a person does."""


@schema.command()
@click.argument("model")
@through_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; never the model's schema.pbtxt.")
@as_json
def infer(model: str, through: date | None, output: Path | None, as_json: bool) -> None:
    """Propose a schema for MODEL from the rows that a run through the date would train on."""
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    if output:
        _check_output(found_model, output)
    with read_window(settings, found_model, through) as window, _quiet():
        proposal = propose(window_statistics(window.folder), label=found_model.rows.label, labels=found_model.task.whole_labels)
    text = to_text(proposal, heading=_heading(window))
    if output:
        _write(output, text)
    if as_json:
        _print_json(window, {"file": output, "schema": text})
    else:
        click.echo(f"{output}: what {_rows(window)} propose; review it" if output else text, nl=output is not None)


def _heading(window: WindowRows) -> tuple[str, ...]:
    return (
        f"What {_rows(window)} propose.",
        "Review every line, keep what must hold for the data to come, and save it as schema.pbtxt: nothing else does.",
    )


def _check_output(model: Model, output: Path) -> None:
    if output.exists() and output.samefile(model.folder / FILE):
        raise ModelFolderError(
            f"{output} is the pinned schema of model {model.name!r}: choose another file, review it, and copy it yourself"
        )
    if not output.parent.is_dir():
        raise ModelFolderError(f"{output} cannot be written, there is no folder {output.parent}: make it, or choose another file")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be written ({error.strerror}): choose another file") from error


@schema.command()
@click.argument("model")
@through_option
@as_json
def check(model: str, through: date | None, as_json: bool) -> None:
    """Check the rows that a run through the date would train on against MODEL's schema.pbtxt. The exit code is 2 if they break it."""
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    pinned = read_pinned(found_model)
    with read_window(settings, found_model, through) as window, _quiet():
        splits = [split for split in Split if any((window.folder / f"Split-{split}").iterdir())]
        statistics = {split: window_statistics(window.folder, split) for split in splits}
    anomalies = [anomaly for split in splits for anomaly in find_anomalies(statistics[split], pinned, split=split)]
    if not anomalies:
        check_pinned(settings, found_model, window)
    if as_json:
        _print_json(window, {"anomalies": [asdict(anomaly) for anomaly in anomalies]})
    else:
        _show_anomalies(window, anomalies)
    sys.exit(ExitCode.BLOCKED if anomalies else ExitCode.DONE)


def _show_anomalies(window: WindowRows, anomalies: Sequence[Anomaly]) -> None:
    model = window.snapshot.model
    for anomaly in anomalies:
        click.echo(anomaly.sentence)
    if anomalies:
        click.echo(f"{model}: mend the source, or review schema.pbtxt with `perennial schema diff {model} --through {window.through}`")
    else:
        click.echo(f"{model}: {_rows(window)} keep schema.pbtxt")


@schema.command()
@click.argument("model")
@through_option
@as_json
def diff(model: str, through: date | None, as_json: bool) -> None:
    """Compare MODEL's schema.pbtxt with the one that the rows propose which a run through the date would train on."""
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    pinned = read_pinned(found_model)
    with read_window(settings, found_model, through) as window, _quiet():
        statistics = window_statistics(window.folder)
    broken = {anomaly.feature for anomaly in find_anomalies(statistics, pinned, split=ALL_SPLITS)}
    proposal = propose(statistics, label=found_model.rows.label, labels=found_model.task.whole_labels)
    differences = compare_schemas(pinned, proposal, broken=broken)
    if as_json:
        _print_json(window, {"differences": [asdict(difference) for difference in differences]})
    else:
        _show_differences(window, differences)


def _show_differences(window: WindowRows, differences: Sequence[SchemaDifference]) -> None:

    model = window.snapshot.model
    if not differences:
        click.echo(f"{model}: schema.pbtxt does not differ from what {_rows(window)} propose")
        return
    click.echo(f"{model}: schema.pbtxt differs from what {_rows(window)} propose")
    width = max(len(difference.feature) for difference in differences)
    for difference in differences:
        mark = "!" if difference.breaks else " "
        click.echo(f"{mark} {difference.feature:<{width}}  {difference.aspect:<8}  {difference_sentence(difference)}")
    broken = {difference.feature for difference in differences if difference.breaks}
    if broken:
        click.echo(f"! the rows break it: `perennial schema check {model} --through {window.through}` says how")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what TensorFlow writes to the standard error while it is imported; show it if the block fails."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "stderr"
        try:
            with stderr_to(log):
                yield
        except BaseException:
            click.echo(log.read_text(errors="replace"), err=True, nl=False)
            raise


def _rows(window: WindowRows) -> str:
    """Name the rows of the window in a sentence."""
    snapshot = window.snapshot
    return f"{window.rows:,} rows of spans {snapshot.spans[0]} to {snapshot.spans[-1]} (snapshot {snapshot.snapshot_id[:12]})"


def _print_json(window: WindowRows, values: dict[str, object]) -> None:

    snapshot = window.snapshot
    about = {"model": snapshot.model, "through": window.through, "snapshot": snapshot.snapshot_id, "rows": window.rows}
    click.echo(to_json(about | values))
