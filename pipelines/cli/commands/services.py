"""The commands about the services themselves: the emulators on this machine, the registry's tables, and example data."""

from dataclasses import asdict
from datetime import date

import click

from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import read_settings
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, counter, ready_settings, through_option
from pipelines.local import emulators, interpreter, prediction_service
from pipelines.local.addresses import HOST
from pipelines.run.locks import running_models


@click.command()
@click.option(
    "--advertise",
    metavar="ADDRESS",
    default=HOST,
    show_default=True,
    help="The address of this machine on which the emulators listen: that of a bridge lets containers and pods use them.",
)
@click.option("--serve", metavar="TARGET", help="Start the prediction service too: it serves what is live on TARGET.")
@click.option("--serve-port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Its port.")
def up(advertise: str, serve: str | None, serve_port: int) -> None:
    """Start the emulators of BigQuery, Cloud Storage and Cloud SQL, and create the registry's tables and bucket."""
    from components.deployment.request import require_target
    from pipelines.local.services import prepare

    target = None if serve is None else require_target(read_settings(), serve)
    emulators.start(read_settings(), progress=click.echo, host=advertise)
    interpreter.start_interpreter(read_settings().state_folder)
    prepare(read_settings())
    if target is not None:
        prediction_service.start_prediction_service(read_settings().state_folder, target, serve_port, progress=click.echo)


@click.command()
@click.option("--yes", is_flag=True, help="Stop them also while a run needs them, without a question.")
def down(yes: bool) -> None:
    """Stop the emulators, and the prediction service that `up --serve` started. Their state stays on disk. While a run on this machine
    needs them, it asks first."""
    settings = read_settings()
    if (models := running_models(settings)) and not yes:
        click.confirm(f"A run of {', '.join(models)} needs the emulators and will fail. Stop them?", abort=True)
    interpreter.stop_interpreter(settings.state_folder)
    if prediction_service.stop_prediction_service(settings.state_folder):
        click.echo(f"{prediction_service.NAME}: stopped")
    emulators.stop(settings.state_folder, progress=click.echo)


@click.command()
@as_json
def status(as_json: bool) -> None:
    """Show the state, address, process and log of each emulator, and of the interpreter in which commands start quickly."""
    folder = read_settings().state_folder
    parts = [*emulators.status(folder), interpreter.interpreter_status(folder), *prediction_service.prediction_service_status(folder)]
    if as_json:
        click.echo(to_json([asdict(part) for part in parts]))
        return
    for part in parts:
        since = f"{part.since:%Y-%m-%d %H:%M}" if part.since else "-"
        click.echo(f"{part.name:<14} {part.state:<7} {part.address or '-':<24} pid {part.pid or '-':<8} since {since:<17} {part.log}")


@click.command()
def migrate() -> None:
    """Bring the registry's tables up to date, and create the bucket.

    Run it once for each release, as the owner of the schema.
    """
    from pipelines.local.services import prepare

    prepare(ready_settings())


@click.command()
@click.argument("model")
@through_option
@as_json
def seed(model: str, through: date | None, as_json: bool) -> None:
    """Load MODEL's example data into BigQuery, by partition."""
    settings = ready_settings()
    from pipelines.local.seed import seed as load

    found = read_model(settings.models_folder, model)
    seeded = load(bigquery_client(settings), settings, found, through=through, progress=counter("partitions loaded"))
    if as_json:
        click.echo(to_json(asdict(seeded)))
        return
    origin = seeded.origin
    click.echo(f"{origin.title}\n  from {origin.package}, licence {origin.licence}\n  SHA-256 {origin.sha256}")
    click.echo(f"  {origin.rows:,} rows, {origin.first} to {origin.last}")
    click.echo(f"{seeded.table}: {seeded.partitions} partitions, {seeded.loaded} of them loaded now")
