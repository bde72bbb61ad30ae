"""The command that tells others of a version: as a model card, in an MLflow server, in Vertex AI Model Registry."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.settings import Settings
from pipelines.cli.options import as_json, ready_settings

if TYPE_CHECKING:
    from components.model.folder import Model

OPTIONS = {
    "card": {"output"},
    "mlflow": {"name", "tracking_uri"},
    "vertex": {"name", "location", "serving_image"},
}
"""What each of them can be given."""


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@click.option("--to", type=click.Choice(list(OPTIONS)), default="card", show_default=True, help="What to make of it.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="card: the folder for model_card.json and README.md."
)
@click.option("--name", help="mlflow, vertex: of the model there. Default: the same.")
@click.option("--tracking-uri", help="mlflow: http(s)://HOST of the server. Default: the settings' one.")
@click.option("--location", help="vertex: the region. Default: the settings' one, else that of Cloud SQL.")
@click.option("--serving-image", help="vertex: the container that serves it. Default: the settings' one.")
@as_json
def export(
    model: str,
    version: int,
    to: str,
    output: Path | None,
    name: str | None,
    tracking_uri: str | None,
    location: str | None,
    serving_image: str | None,
    as_json: bool,
) -> None:
    """Tell others of VERSION of MODEL: as a model card, in an MLflow tracking server, or in Vertex AI Model Registry.

    Exporting again makes nothing twice, and completes what was interrupted.
    """
    given = {"output": output, "name": name, "tracking_uri": tracking_uri, "location": location, "serving_image": serving_image}
    if useless := [option for option, value in given.items() if value is not None and option not in OPTIONS[to]]:
        raise click.UsageError(f"--{useless[0].replace('_', '-')} is of no use to --to {to}")
    settings = ready_settings()
    from components.model.folder import read_model

    found = read_model(settings.models_folder, model)
    if to == "mlflow":
        made = _mlflow(settings, found, version, tracking_uri=tracking_uri, name=name)
    elif to == "vertex":
        made = _vertex(settings, found, version, location=location, serving_image=serving_image, name=name)
    else:
        made = _card(settings, found, version, output=output)
    _tell(made, as_json=as_json)


def _card(settings: Settings, model: "Model", version: int, *, output: Path | None) -> dict[str, object]:
    from components.export.card_files import write_card
    from components.export.export import read

    folder = output or settings.state_folder / "cards" / model.name / str(version)
    json, text = write_card(read(settings, model, version), folder)
    return {"card": str(json), "text": str(text)}


def _mlflow(settings: Settings, model: "Model", version: int, *, tracking_uri: str | None, name: str | None) -> dict[str, object]:
    from components.export.export import to_mlflow

    made = to_mlflow(settings, model, version, uri=tracking_uri, name=name)
    return {"model": made.name, "version": made.version, "run": made.run_id, "aliases": ", ".join(made.aliases), "new": made.made}


def _vertex(
    settings: Settings, model: "Model", version: int, *, location: str | None, serving_image: str | None, name: str | None
) -> dict[str, object]:
    from components.export.export import to_vertex

    made = to_vertex(settings, model, version, location=location, image=serving_image, name=name)
    return {"version": made.name, "evaluation": made.evaluation, "new": made.made}


def _tell(made: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        from pipelines.cli.text import to_json

        click.echo(to_json(made))
        return
    for label, value in made.items():
        text = ("yes" if value else "no") if isinstance(value, bool) else value or "-"
        click.echo(f"  {label:<10} {text}")
