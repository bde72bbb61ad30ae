"""The commands that hold two versions, or two windows of data, against each other."""

from pathlib import Path

import click

from components.settings import Settings
from pipelines.options import as_json, ready_settings

html_option = click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a page, too.")


@click.command()
@click.argument("model")
@click.argument("before")
@click.argument("after")
@as_json
@html_option
def compare(model: str, before: str, after: str, as_json: bool, html: Path | None) -> None:
    """Say why version AFTER of MODEL is another one than BEFORE: data, metrics, code, packages. The first line is the likely culprit.

    BEFORE and AFTER are numbers of versions, or ids of runs, such as one that a gate blocked: of those the data are compared.
    """
    show_versions(ready_settings(), model, before, after, as_json=as_json, html=html)


def show_versions(settings: Settings, model: str, before: str, after: str, *, as_json: bool = False, html: Path | None = None) -> None:
    """What `perennial compare` does."""
    from components.model import read_model
    from components.registry.compare import compare_versions
    from components.registry.operands import Cloud
    from pipelines import compare_summary

    found = compare_versions(Cloud(settings), read_model(settings.models_folder, model), before, after)
    if html:
        from pipelines.compare_report import write_versions  # altair takes half a second

        write_versions(found, html)
    if as_json:
        from pipelines.summary import to_json

        click.echo(to_json(compare_summary.versions_json(found)))
    else:
        compare_summary.show_versions(found)
        _tell_page(html)


@click.command("compare-data")
@click.argument("model")
@click.argument("before")
@click.argument("after")
@as_json
@html_option
def compare_data(model: str, before: str, after: str, as_json: bool, html: Path | None) -> None:
    """Say how two windows of MODEL's data differ. The first line is the likely culprit.

    BEFORE and AFTER are each a date (the window of a training through it), DATE..DATE (any partitions), the beginning of a snapshot's id,
    vNUMBER (a version's data), or serving:DATE..DATE (what was logged in serving).
    """
    settings = ready_settings()
    from components.model import read_model
    from components.registry import compare as comparing
    from components.registry.operands import Cloud, read_operand
    from pipelines import compare_summary

    found, cloud = read_model(settings.models_folder, model), Cloud(settings)
    one, other = (read_operand(cloud, found, text) for text in (before, after))
    compared, notes = comparing.compare_data(found, one, other), (*one.notes, *other.notes)
    if html:
        from pipelines.compare_report import write_data

        write_data(model, compared, notes, html)
    if as_json:
        from pipelines.summary import to_json

        click.echo(to_json(compare_summary.data_json(compared, notes)))
    else:
        compare_summary.show_data(compared, notes)
        _tell_page(html)


def _tell_page(html: Path | None) -> None:
    if html:
        click.echo(f"\n  page        {html}")
