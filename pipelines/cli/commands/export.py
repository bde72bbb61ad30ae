"""The command that exports a version: as a model card, to an MLflow server, or to Vertex AI Model Registry."""

from pathlib import Path

import click

from components.export.card_files import write_card
from components.export.export import read, to_mlflow, to_vertex
from components.model.folder import Model, read_model
from components.settings import Settings
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, ready_settings
from pipelines.cli.version import version_argument, version_number

OPTIONS = {
    "card": {"output"},
    "mlflow": {"name", "tracking_uri"},
    "vertex": {"name", "location", "serving_image"},
}
"""The options of each destination."""


@click.command()
@click.argument("model")
@version_argument
@click.option("--to", type=click.Choice(list(OPTIONS)), default="card", show_default=True, help="The destination.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="card: the folder for model_card.json and README.md."
)
@click.option("--name", help="mlflow, vertex: the name of the model there. Default: MODEL.")
@click.option("--tracking-uri", help="mlflow: the server, http(s)://HOST. Default: that of the settings.")
@click.option("--location", help="vertex: the region. Default: that of the settings, else that of Cloud SQL.")
@click.option("--serving-image", help="vertex: the container image that serves the version. Default: that of the settings.")
@as_json
def export(
    model: str,
    version: int | str,
    to: str,
    output: Path | None,
    name: str | None,
    tracking_uri: str | None,
    location: str | None,
    serving_image: str | None,
    as_json: bool,
) -> None:
    """Export VERSION of MODEL as a model card, to an MLflow tracking server, or to Vertex AI Model Registry.

    Repeating an export creates nothing twice, and completes an interrupted one.
    """
    given = {"output": output, "name": name, "tracking_uri": tracking_uri, "location": location, "serving_image": serving_image}
    if useless := [option for option, value in given.items() if value is not None and option not in OPTIONS[to]]:
        raise click.UsageError(f"--{useless[0].replace('_', '-')} is of no use to --to {to}")
    settings = ready_settings()
    found_model = read_model(settings.models_folder, model)
    number = version_number(settings, model, version)
    if to == "mlflow":
        exported = _mlflow(settings, found_model, number, tracking_uri=tracking_uri, name=name)
    elif to == "vertex":
        exported = _vertex(settings, found_model, number, location=location, serving_image=serving_image, name=name)
    else:
        exported = _card(settings, found_model, number, output=output)
    _show(exported, as_json=as_json)


def _card(settings: Settings, model: Model, version: int, *, output: Path | None) -> dict[str, object]:
    folder = output or settings.state_folder / "cards" / model.name / str(version)
    json, text = write_card(read(settings, model, version), folder)
    return {"card": str(json), "text": str(text)}


def _mlflow(settings: Settings, model: Model, version: int, *, tracking_uri: str | None, name: str | None) -> dict[str, object]:
    entry = to_mlflow(settings, model, version, uri=tracking_uri, name=name)
    return {"model": entry.name, "version": entry.version, "run": entry.run_id, "aliases": ", ".join(entry.aliases), "new": entry.made}


def _vertex(
    settings: Settings, model: Model, version: int, *, location: str | None, serving_image: str | None, name: str | None
) -> dict[str, object]:
    entry = to_vertex(settings, model, version, location=location, image=serving_image, name=name)
    return {"version": entry.name, "evaluation": entry.evaluation, "new": entry.made}


def _show(exported: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(exported))
        return
    for label, value in exported.items():
        text = ("yes" if value else "no") if isinstance(value, bool) else value or "-"
        click.echo(f"  {label:<10} {text}")
