"""The commands that hold two versions, or two windows of data, against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.settings import Settings
from pipelines.cli.options import as_json, ready_settings, through_option

if TYPE_CHECKING:
    from components.cloud import Cloud
    from components.diagnosis.newest.newest import Newest
    from components.diagnosis.versions import VersionComparison
    from components.model.folder import Model
    from components.registry.history import VersionStory

html_option = click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a page, too.")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a comparison is to be made and shown."""

    newest: bool = True
    """Whether to hold the versions against the newest data, too: it takes TensorFlow's import, and reading rows."""
    through: date | None = None
    """The newest partition to use; None is the last one."""
    as_json: bool = False
    html: Path | None = None


@click.command()
@click.argument("model")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--newest/--no-newest", default=True, show_default=True, help="Let the versions predict the newest rows, and measure them.")
@through_option
@as_json
@html_option
def compare(model: str, before: str, after: str | None, newest: bool, through: date | None, as_json: bool, html: Path | None) -> None:
    """Say why version AFTER of MODEL is another one than BEFORE: data, metrics, code, packages. The first line is the likely culprit.

    BEFORE and AFTER are numbers of versions, or ids of runs, such as one that a gate blocked: of those the data are compared. Both versions
    are also held against the newest data of the source: the second line says whether the source is wrong or the model, and whether rolling
    back helps. Without AFTER, only that is done, with one version.
    """
    asked = Asked(newest=newest, through=through, as_json=as_json, html=html)
    if after is None:
        if not newest:
            raise click.UsageError("--no-newest needs a second version: one alone is held against the newest data")
        show_version(ready_settings(), model, before, asked)
    else:
        show_versions(ready_settings(), model, before, after, asked)


def show_versions(settings: Settings, model: str, before: str, after: str, asked: Asked) -> None:
    """What `perennial compare` does with two versions."""
    from components.cloud import Cloud
    from components.diagnosis.versions import compare_versions
    from components.model.folder import read_model
    from pipelines.cli import compare_text

    cloud, found_model = Cloud(settings), read_model(settings.models_folder, model)
    found = compare_versions(cloud, found_model, before, after)
    made = [one.story for one in (found.before, found.after) if one.story]
    newest = _look(cloud, found_model, made, found.culprit, asked) if asked.newest and made else None
    if asked.html:
        _write_versions(found, newest, asked.html)
    if asked.as_json:
        _show_json(compare_text.versions_json(found), newest)
        return
    _show_verdict(newest, found.culprit)
    compare_text.show_versions(found)
    _show_newest(newest, asked)


def _write_versions(found: "VersionComparison", newest: "Newest | None", path: Path) -> None:
    from pipelines.cli.compare_page import write_versions  # altair takes half a second

    if newest is None:
        write_versions(found, found.culprit, None, path)
        return
    from pipelines.cli.newest_page import section
    from pipelines.cli.newest_text import culprit

    write_versions(found, culprit(newest, found.culprit), section(newest), path)


def show_version(settings: Settings, model: str, number: str, asked: Asked) -> None:
    """What `perennial compare` does with one version."""
    from components.cloud import Cloud
    from components.diagnosis.versions import read_made
    from components.errors import RegistryError
    from components.model.folder import read_model

    cloud, found_model = Cloud(settings), read_model(settings.models_folder, model)
    made = read_made(cloud, found_model, number)
    if made.story is None:
        raise RegistryError(f"run {number!r} made no version: name one, or two to compare (`perennial versions {model}`)")
    newest = _look(cloud, found_model, [made.story], "", asked)
    if asked.html:
        from pipelines.cli.newest_page import write_newest

        write_newest(model, newest, asked.html)
    if asked.as_json:
        _show_json({"culprit": newest.verdict.sentence, "model": model, "before": made.name, "after": None}, newest)
        return
    _show_verdict(newest, f"No culprit in the data of {made.name}")
    _show_newest(newest, asked)


def _look(cloud: "Cloud", model: "Model", stories: "Sequence[VersionStory]", difference: str, asked: Asked) -> "Newest":
    from components.diagnosis.newest.newest import look_at_newest
    from pipelines.cli.quiet import quiet

    with quiet(cloud.settings.state_folder) as tell:

        def progress(text: str) -> None:
            tell(f"  … {text}")

        return look_at_newest(cloud, model, stories, difference=difference, through=asked.through, progress=progress)


def _show_verdict(newest: "Newest | None", otherwise: str) -> None:
    """The first line, and the second."""
    if newest is None:
        click.echo(otherwise)
        return
    from pipelines.cli import newest_text

    click.echo(newest_text.culprit(newest, otherwise))
    click.echo(newest_text.verdict(newest))


def _show_newest(newest: "Newest | None", asked: Asked) -> None:
    if newest:
        from pipelines.cli import newest_text

        newest_text.show_newest(newest)
    _tell_page(asked.html)


def _show_json(document: dict[str, Any], newest: "Newest | None") -> None:
    from pipelines.cli.text import to_json

    if newest:
        from pipelines.cli import newest_text

        document |= {"culprit": newest_text.culprit(newest, document["culprit"]), "verdict": newest.verdict.sentence}
    click.echo(to_json({**document, "newest": newest_text.newest_json(newest) if newest else None}))


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
    from components.cloud import Cloud
    from components.diagnosis import versions as comparing
    from components.diagnosis.sides import read_operand
    from components.model.folder import read_model
    from pipelines.cli import compare_text

    found, cloud = read_model(settings.models_folder, model), Cloud(settings)
    one, other = (read_operand(cloud, found, text) for text in (before, after))
    compared, notes = comparing.compare_data(found, one, other), (*one.notes, *other.notes)
    if html:
        from pipelines.cli.compare_page import write_data

        write_data(model, compared, notes, html)
    if as_json:
        from pipelines.cli.text import to_json

        click.echo(to_json(compare_text.data_json(compared, notes)))
    else:
        compare_text.show_data(compared, notes)
        _tell_page(html)


def _tell_page(html: Path | None) -> None:
    if html:
        click.echo(f"\n  page        {html}")
