"""The commands about the services themselves: the emulators on this machine, the registry's tables, and example data."""

from datetime import date

import click

from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import read_settings
from pipelines.cli.options import counter, ready_settings, through_option
from pipelines.local import emulators
from pipelines.local.addresses import HOST


@click.command()
@click.option(
    "--advertise",
    metavar="ADDRESS",
    default=HOST,
    show_default=True,
    help="The address of this machine on which the emulators listen: that of a bridge lets containers and pods use them.",
)
def up(advertise: str) -> None:
    """Start the emulators of BigQuery, Cloud Storage and Cloud SQL, and create the registry's tables and bucket."""
    from pipelines.local.services import prepare

    emulators.start(read_settings(), progress=click.echo, host=advertise)
    prepare(read_settings())


@click.command()
def down() -> None:
    """Stop the emulators. Their state stays on disk."""
    emulators.stop(read_settings().state_folder, progress=click.echo)


@click.command()
def status() -> None:
    """Show the state, address, process and log of each emulator."""
    for part in emulators.status(read_settings().state_folder):
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
def seed(model: str, through: date | None) -> None:
    """Load MODEL's example data into BigQuery, by partition."""
    settings = ready_settings()
    from pipelines.local.seed import seed as load

    found = read_model(settings.models_folder, model)
    seeded = load(bigquery_client(settings), settings, found, through=through, progress=counter("partitions loaded"))
    origin = seeded.origin
    click.echo(f"{origin.title}\n  from {origin.package}, licence {origin.licence}\n  SHA-256 {origin.sha256}")
    click.echo(f"  {origin.rows:,} rows, {origin.first} to {origin.last}")
    click.echo(f"{seeded.table}: {seeded.partitions} partitions, {seeded.loaded} of them loaded now")
