"""The command that tells how fast a model's versions age."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import SettingsError
from components.files import private_folder
from components.model.folder import Model, read_model
from components.settings import Settings
from components.staleness.record import NEWEST_VERSIONS, record_ageing_fact
from components.stderr import stderr_to
from pipelines.cli.options import as_json, ready_settings

if TYPE_CHECKING:  # they take TensorFlow's import
    from components.staleness.ageing import Ageing
    from components.staleness.record import LaterSpans

LOG = "staleness.log"
"""The file in the state folder that gets what TensorFlow and Beam print."""


@click.command()
@click.argument("model")
@click.option("--metric", help="By which metric. Default: the most telling one of the model's task, such as auc.")
@click.option("--versions", type=click.IntRange(2, 200), default=NEWEST_VERSIONS, show_default=True, help="How many, the newest ones.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page with charts.")
@as_json
def staleness(model: str, metric: str | None, versions: int, html: Path | None, as_json: bool) -> None:
    """Tell how fast versions of MODEL age: what each loses, on spans that it has not learned from, against the freshest one.

    Rows are read from the snapshots that versions were trained on. What was measured once is kept in the registry.
    """
    settings = ready_settings()
    ageing, spans = measure_ageing(settings, read_model(settings.models_folder, model), metric=metric, versions=versions)
    from pipelines.cli.text.staleness import headline, show_staleness

    if html:
        from components.staleness.page import write_staleness_page  # altair takes half a second

        write_staleness_page(ageing, spans, headline(ageing), html)
    show_staleness(ageing, spans, as_json=as_json)
    if html and not as_json:
        click.echo(f"\n  page        {html}")


def measure_ageing(
    settings: Settings, model: Model, *, metric: str | None = None, versions: int = NEWEST_VERSIONS
) -> "tuple[Ageing, LaterSpans]":
    """Measure what nobody has measured yet, with progress on the terminal, and keep for policies what comes of it.

    What TensorFlow and Beam print goes to a file.

    Raises:
        UntoldError: how fast versions age cannot be told.
        SettingsError: the model's task has no such metric.
    """
    name = _metric(model, metric)
    from components.cloud import Cloud
    from components.staleness.ageing import ageing_of
    from components.staleness.measuring import measure_later_spans

    private_folder(settings.state_folder)
    with stderr_to(settings.state_folder / LOG) as terminal:

        def progress(sentence: str) -> None:
            click.echo(f"  … {sentence}", file=terminal)

        cloud = Cloud(settings)
        spans = measure_later_spans(cloud, model, versions=versions, progress=progress)
    ageing = ageing_of(model.name, name, spans)
    if (name, versions) == (_metric(model, None), NEWEST_VERSIONS):  # what policies go by
        with cloud.engine.begin() as connection:
            record_ageing_fact(connection, model.name, name, ageing.fact)
    return ageing, spans


def _metric(model: Model, metric: str | None) -> str:
    """The metric that is asked for, or the most telling one.

    Raises:
        SettingsError: the model's task is not told by such a metric.
    """
    known = [name for name in model.task.metrics if name in (*model.task.decisive_metrics, "precision", "recall", "mean_squared_error")]
    if metric is not None and metric not in known:
        raise SettingsError(f"versions of {model.name} cannot be held against each other by {metric!r}: choose one of {', '.join(known)}")
    return metric or model.task.decisive_metrics[0]
