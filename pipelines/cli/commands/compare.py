"""The commands that compare two versions, or two windows of data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.cloud import Cloud
from components.diagnosis import versions as diagnosis
from components.diagnosis.around import days_around
from components.diagnosis.newest.verdict import Between
from components.diagnosis.sides import read_operand
from components.errors import RegistryError
from components.files import private_folder
from components.model.folder import Model, read_model
from components.registry.history import VersionStory
from components.stderr import stderr_to
from pipelines.cli.json_text import to_json
from pipelines.cli.options import DayRange, as_json, ready_settings, require_live_target, target_option, through_option
from pipelines.cli.text import comparison as comparison_text

if TYPE_CHECKING:  # it imports BigQuery's client, which a comparison of stored profiles does not need
    from components.diagnosis.newest.newest import Newest

LOG = "compare.log"
"""The file in the state folder that gets what TensorFlow and Beam print."""

html_option = click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write the comparison as a page.")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a comparison is made and shown."""

    newest: bool
    """Whether to evaluate the versions on the newest data too, which takes TensorFlow's import and reading rows."""
    through: date | None
    """The newest partition to use; None means the last one."""
    as_json: bool
    html: Path | None


@click.command()
@click.argument("model")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--newest/--no-newest", default=True, show_default=True, help="Also evaluate the versions on the newest rows.")
@click.option(
    "--served", type=DayRange(), help="Compare them on the rows that they served on DATE..DATE, AFTER as a shadow or canary of BEFORE."
)
@target_option
@through_option
@as_json
@html_option
def compare(
    model: str,
    before: str,
    after: str | None,
    newest: bool,
    served: tuple[date, date] | None,
    target: str | None,
    through: date | None,
    as_json: bool,
    html: Path | None,
) -> None:
    """Explain why versions BEFORE and AFTER of MODEL differ: data, metrics, code, packages. The first line is the verdict.

    BEFORE and AFTER are numbers of versions, or ids of runs: of a run without a version, such as one that a gate blocked, the data are
    compared. Both versions are also evaluated on the newest data of the source: the verdict says whether the source or the model is
    wrong, and whether a rollback helps; the second line names the likely culprit. Without AFTER, version BEFORE alone is evaluated on
    the newest data.

    With --served the verdict is on predictions that were logged, by the labels that are known by now: AFTER is better, worse, as good,
    or it is not yet known, and how many more keys it takes. You may look each day.
    """
    options = Options(newest=newest, through=through, as_json=as_json, html=html)
    if served is not None:
        if after is None or html:
            raise click.UsageError("--served compares two versions, and makes no page: name both, without --html")
        _compare_served(model, (before, after), Served(days=served, target=target), options)
        return
    if target is not None:
        raise click.UsageError("--target says where predictions were served: it goes with --served")
    if after is None and not newest:
        raise click.UsageError("--no-newest needs a second version: one alone is held against the newest data")
    cloud = Cloud(ready_settings())
    found_model = read_model(cloud.settings.models_folder, model)
    if after is None:
        _evaluate_one(cloud, found_model, before, options)
    else:
        _compare_two(cloud, found_model, before, after, options)


@dataclass(frozen=True, kw_only=True)
class Served:
    """Which predictions are meant."""

    days: tuple[date, date]
    target: str | None
    """None means the only one on which the model is live."""


def _compare_served(name: str, versions: tuple[str, str], served: Served, options: Options) -> None:
    from components.challenger.verdict import ServedRange, compare_served
    from pipelines.cli.text.challenger import show_served

    cloud = Cloud(ready_settings())
    model, target = read_model(cloud.settings.models_folder, name), require_live_target(cloud.settings, name, served.target)
    with cloud.engine.connect() as connection:
        sides = [diagnosis.read_version_or_run(connection, model, text) for text in versions]
    live, challenger = (_story(model, side) for side in sides)
    through = options.through or datetime.now(UTC).date()
    found = compare_served(
        cloud, model, live, challenger, ServedRange(target=target, first=served.days[0], last=served.days[1], through=through)
    )
    show_served(model.name, (live.number, challenger.number), found, as_json=options.as_json)


def _story(model: Model, side: diagnosis.VersionOrRun) -> VersionStory:
    if side.story is None:
        raise RegistryError(f"{side.name} made no version: name versions (`perennial versions {model.name}`)")
    return side.story


def _compare_two(cloud: Cloud, model: Model, before: str, after: str, options: Options) -> None:
    comparison = diagnosis.compare_versions(cloud, model, before, after)
    stories = [side.story for side in (comparison.before, comparison.after) if side.story]
    between = Between(difference=comparison.culprit, broken=comparison.broken)
    newest = _evaluate(cloud, model, stories, between, options) if options.newest and stories else None
    if options.html:
        from components.diagnosis.page import write_versions_page  # altair takes half a second

        write_versions_page(comparison, newest, options.html)
    if options.as_json:
        _show_json(comparison_text.versions_json(comparison), newest)
        return
    _show_verdict(newest, comparison.culprit)
    comparison_text.show_versions(comparison)
    _show_newest(newest, options)


def _evaluate_one(cloud: Cloud, model: Model, version: str, options: Options) -> None:
    with cloud.engine.connect() as connection:
        side = diagnosis.read_version_or_run(connection, model, version)
    if side.story is None:
        raise RegistryError(f"run {version!r} made no version: name one, or two to compare (`perennial versions {model.name}`)")
    newest = _evaluate(cloud, model, [side.story], Between(), options)
    if options.html:
        from components.diagnosis.page import write_newest_page

        write_newest_page(model.name, newest, options.html)
    if options.as_json:
        _show_json({"culprit": newest.verdict.sentence, "model": model.name, "before": side.name, "after": None}, newest)
        return
    _show_verdict(newest, f"No culprit in the data of {side.name}")
    _show_newest(newest, options)


def _evaluate(cloud: Cloud, model: Model, stories: Sequence[VersionStory], between: Between, options: Options) -> "Newest":
    """Evaluate versions on the newest data, with progress on the terminal; what TensorFlow and Beam print goes to a file."""
    from components.diagnosis.newest.newest import look_at_newest

    private_folder(cloud.settings.state_folder)
    with stderr_to(cloud.settings.state_folder / LOG) as terminal:

        def progress(sentence: str) -> None:
            click.echo(f"  … {sentence}", file=terminal)

        return look_at_newest(cloud, model, stories, between=between, through=options.through, progress=progress)


def _show_verdict(newest: "Newest | None", otherwise: str) -> None:
    """Print the verdict and what most likely makes the versions different, which are the first two lines."""
    if newest is None:
        click.echo(otherwise)
        return
    from components.diagnosis.newest.newest import newest_culprit
    from pipelines.cli.text import newest as newest_text

    click.echo(newest_text.verdict(newest))
    click.echo(newest_culprit(newest, otherwise))


def _show_newest(newest: "Newest | None", options: Options) -> None:
    if newest:
        from pipelines.cli.text import newest as newest_text

        newest_text.show_newest(newest)
    _show_page(options.html)


def _show_json(document: dict[str, Any], newest: "Newest | None") -> None:
    if newest:
        from components.diagnosis.newest.newest import newest_culprit
        from pipelines.cli.text import newest as newest_text

        document |= {"culprit": newest_culprit(newest, document["culprit"]), "verdict": newest.verdict.sentence}
    click.echo(to_json({**document, "newest": newest_text.newest_json(newest) if newest else None}))


@click.command("compare-data")
@click.argument("model")
@click.argument("before")
@click.argument("after")
@as_json
@html_option
def compare_data(model: str, before: str, after: str, as_json: bool, html: Path | None) -> None:
    """Compare two windows of MODEL's data. The first line names the likely culprit.

    BEFORE and AFTER are each a date (the window of a training through it), DATE..DATE (any partitions), the beginning of a snapshot's id,
    vNUMBER (a version's data), or serving:DATE..DATE (the rows that were logged in serving).
    """
    cloud = Cloud(ready_settings())
    found_model = read_model(cloud.settings.models_folder, model)
    sides = [read_operand(cloud, found_model, text) for text in (before, after)]
    comparison = diagnosis.compare_operands(found_model, *sides, others=lambda: days_around(cloud, found_model, sides))
    notes = [note for side in sides for note in side.notes]
    if html:
        from components.diagnosis.page import write_data_page

        write_data_page(model, comparison, notes, html)
    if as_json:
        click.echo(to_json(comparison_text.data_json(comparison, notes)))
    else:
        comparison_text.show_data(comparison, notes)
        _show_page(html)


def _show_page(html: Path | None) -> None:
    if html:
        click.echo(f"\n  page        {html}")
