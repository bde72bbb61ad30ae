"""The commands about the pinned schema: what a window proposes, whether it keeps what is pinned, and how the two differ."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import ModelFolderError
from pipelines.cli.options import as_json, ready_settings, through_option

if TYPE_CHECKING:
    from components.checks.schema.diff import Difference
    from components.checks.schema.propose import Anomaly, WindowRows
    from components.model.folder import Model

FILE = "schema.pbtxt"


@click.group()
def schema() -> None:
    """Propose, check and compare the schema that is pinned. Only a person changes schema.pbtxt."""


@schema.command()
@click.argument("model")
@through_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; never the model's schema.pbtxt.")
@as_json
def infer(model: str, through: date | None, output: Path | None, as_json: bool) -> None:
    """Propose a schema for MODEL from the rows that a run through a date would train on."""
    settings = ready_settings()
    from components.checks.schema.propose import compute_statistics, propose, read_window
    from components.checks.schema.text import to_text
    from components.model.folder import read_model

    found = read_model(settings.models_folder, model)
    if output:
        _check_output(found, output)
    with read_window(settings, found, through) as window, _quiet():
        proposal = propose(compute_statistics(window.folder), label=found.rows.label, labels=len(found.label_names))
    text = to_text(proposal, heading=_heading(window))
    if output:
        _write(output, text)
    if as_json:
        _print_json(window, {"file": output, "schema": text})
    else:
        click.echo(f"{output}: what {_rows(window)} propose; review it" if output else text, nl=output is not None)


def _heading(window: "WindowRows") -> tuple[str, ...]:
    return (
        f"What {_rows(window)} propose.",
        "Review every line, keep what must hold for the data to come, and save it as schema.pbtxt: nothing else does.",
    )


def _check_output(model: "Model", output: Path) -> None:
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
    """Hold the rows that a run through a date would train on against MODEL's schema.pbtxt. Exit code 2 where they break it."""
    settings = ready_settings()
    from components.checks.schema.propose import compute_statistics, find_anomalies, read_pinned, read_window
    from components.examples.span_cache import SPLITS
    from components.model.folder import read_model

    found = read_model(settings.models_folder, model)
    pinned = read_pinned(found)
    with read_window(settings, found, through) as window, _quiet():
        statistics = {split: compute_statistics(window.folder, split) for split in SPLITS}
    anomalies = [anomaly for split in SPLITS for anomaly in find_anomalies(statistics[split], pinned, split=split)]
    if as_json:
        _print_json(window, {"anomalies": [asdict(anomaly) for anomaly in anomalies]})
    else:
        _show_anomalies(window, anomalies)
    sys.exit(2 if anomalies else 0)


def _show_anomalies(window: "WindowRows", anomalies: Sequence["Anomaly"]) -> None:
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
    """Show how MODEL's schema.pbtxt differs from what the rows that a run through a date would train on propose."""
    settings = ready_settings()
    from components.checks.schema.diff import compare
    from components.checks.schema.propose import ALL_SPLITS, compute_statistics, find_anomalies, propose, read_pinned, read_window
    from components.model.folder import read_model

    found = read_model(settings.models_folder, model)
    pinned = read_pinned(found)
    with read_window(settings, found, through) as window, _quiet():
        statistics = compute_statistics(window.folder)
    broken = {anomaly.feature for anomaly in find_anomalies(statistics, pinned, split=ALL_SPLITS)}
    differences = compare(pinned, propose(statistics, label=found.rows.label, labels=len(found.label_names)), broken=broken)
    if as_json:
        _print_json(window, {"differences": [asdict(difference) for difference in differences]})
    else:
        _show_differences(window, differences)


def _show_differences(window: "WindowRows", differences: Sequence["Difference"]) -> None:
    from components.checks.schema.diff import sentence

    model = window.snapshot.model
    if not differences:
        click.echo(f"{model}: schema.pbtxt does not differ from what {_rows(window)} propose")
        return
    click.echo(f"{model}: schema.pbtxt differs from what {_rows(window)} propose")
    width = max(len(difference.feature) for difference in differences)
    for difference in differences:
        mark = "!" if difference.breaks else " "
        click.echo(f"{mark} {difference.feature:<{width}}  {difference.aspect:<8}  {sentence(difference)}")
    broken = {difference.feature for difference in differences if difference.breaks}
    if broken:
        click.echo(f"! the rows break it: `perennial schema check {model} --through {window.through}` says how")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what TensorFlow says of itself on the standard error as it is imported; it is shown if the block fails."""
    with tempfile.TemporaryFile("w+") as words:
        own, is_done = os.dup(2), False
        os.dup2(words.fileno(), 2)
        try:
            yield
            is_done = True
        finally:
            sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)
            if not is_done:
                words.seek(0)
                click.echo(words.read(), err=True, nl=False)


def _rows(window: "WindowRows") -> str:
    """Which rows, for a sentence."""
    snapshot = window.snapshot
    return f"{window.rows:,} rows of spans {snapshot.spans[0]} to {snapshot.spans[-1]} (snapshot {snapshot.snapshot_id[:12]})"


def _print_json(window: "WindowRows", found: dict[str, object]) -> None:
    from pipelines.cli.text import to_json

    snapshot = window.snapshot
    about = {"model": snapshot.model, "through": window.through, "snapshot": snapshot.snapshot_id, "rows": window.rows}
    click.echo(to_json(about | found))
