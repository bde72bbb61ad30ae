"""The command line: it parses, calls, and prints. Each command imports what it needs when it is called."""

import gc
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from components.errors import BlockedError, PerennialError
from components.settings import read_settings
from pipelines.cli.compare import compare, compare_data
from pipelines.cli.deploy import deploy, history, lineage, models, retire, rollback
from pipelines.cli.export import export
from pipelines.cli.options import as_json, counter, ready_settings, through_option
from pipelines.cli.schema import schema
from pipelines.cli.snapshots import snapshot, snapshots
from pipelines.cli.storage import collect_garbage, restore, verify
from pipelines.cli.versions import reproduce, show, versions


class Group(click.Group):
    """Shows our own errors as one sentence (exit code 1; 2 for a gate that refused), and lets bugs keep their traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PerennialError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2 if isinstance(error, BlockedError) else 1)


@click.group(cls=Group)
@click.version_option(package_name="perennial")
def main() -> None:
    """Keep models alive on Google Cloud: train, judge, push and record them, and say why one went bad."""


@main.command()
def up() -> None:
    """Start the emulators of BigQuery, Cloud Storage and Cloud SQL, with the registry's tables and bucket."""
    from pipelines.local import emulators
    from pipelines.local.services import prepare

    emulators.start(read_settings(), progress=click.echo)
    prepare(read_settings())


@main.command()
def down() -> None:
    """Stop the emulators. Their state stays."""
    from pipelines.local import emulators

    emulators.stop(read_settings().state_folder, progress=click.echo)


@main.command()
def status() -> None:
    """Show the emulators: state, address, process, log."""
    from pipelines.local import emulators

    for part in emulators.status(read_settings().state_folder):
        since = f"{part.since:%Y-%m-%d %H:%M}" if part.since else "-"
        click.echo(f"{part.name:<14} {part.state:<7} {part.address or '-':<24} pid {part.pid or '-':<8} since {since:<17} {part.log}")


@main.command()
def migrate() -> None:
    """Bring the registry's tables up to date, and make the bucket: once for each release, as the schema's owner."""
    from pipelines.local.services import prepare

    prepare(ready_settings())


@main.command()
@click.argument("model")
@through_option
def seed(model: str, through: date | None) -> None:
    """Load MODEL's example data into BigQuery, by partition."""
    settings = ready_settings()
    from components.google import bigquery_client
    from components.model.folder import read_model
    from pipelines.local.seed import seed as load

    found = read_model(settings.models_folder, model)
    seeded = load(bigquery_client(settings), settings, found, through=through, progress=counter("partitions loaded"))
    origin = seeded.origin
    click.echo(f"{origin.title}\n  from {origin.package}, licence {origin.licence}\n  SHA-256 {origin.sha256}")
    click.echo(f"  {origin.rows:,} rows, {origin.first} to {origin.last}")
    click.echo(f"{seeded.table}: {seeded.partitions} partitions, {seeded.loaded} of them loaded now")


@main.command("compile")
@click.argument("pipeline", type=click.Choice(["training"]))
@click.option("--model", required=True, help="The model to train.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The YAML file to write.")
@click.option("--image", help="The container image of every step, by digest. Default: the settings' image, else a placeholder.")
def compile_(pipeline: str, model: str, output: Path, image: str | None) -> None:
    """Write PIPELINE as YAML for Kubeflow or Vertex AI, with MODEL as its default."""
    settings = read_settings()
    from components.model.folder import read_model
    from pipelines.run.launch import compile_training

    read_model(settings.models_folder, model)
    compile_training(output, image or settings.image, model=model)
    click.echo(f"{pipeline} pipeline of {model}: {output}")


@main.command()
@click.argument("model")
@through_option
@click.option("--on", type=click.Choice(["local", "kubeflow"]), default="local", show_default=True, help="Where to run.")
@click.option("--cold", is_flag=True, help="Import TFX anew for every step, as a cluster does.")
@click.option("--force", is_flag=True, help="Train again even if this snapshot is trained already.")
@click.option("--waive-gate", is_flag=True, help="Train whatever the gate finds in the data; needs --reason.")
@click.option("--reason", help="Why; kept with the run.")
@as_json
def train(model: str, through: date | None, on: str, cold: bool, force: bool, waive_gate: bool, reason: str | None, as_json: bool) -> None:
    """Train MODEL on a snapshot of its source, judge it, and push and record it if it may pass."""
    if waive_gate and reason is None:
        raise click.UsageError("--waive-gate needs --reason: say why these data may be trained on")
    settings = ready_settings()
    from contextlib import nullcontext
    from threading import Thread

    from components.model.folder import read_model
    from components.runs.record import Trigger
    from pipelines.run.local import fork_server

    found = read_model(settings.models_folder, model)
    warm = on == "local" and not cold and sys.platform == "linux"
    with fork_server() if warm else nullcontext() as server:
        from pipelines.cli import text as summary
        from pipelines.run import launch

        request = launch.Request(found, through, Trigger.PERSON, reason or "asked for on the command line", force, waive_gate)
        if on == "kubeflow":
            address = launch.submit(settings, request)
            click.echo(summary.to_json({"run": address}) if as_json else f"submitted: {address}")
            return
        progress = summary.Progress(quiet=as_json)

        def on_start(name: str) -> None:
            progress.start(name)
            if name == "evaluate":  # while this process only waits, it gets ready to draw the report
                Thread(target=summary.get_ready, daemon=True).start()

        result = launch.train_locally(settings, request, server, on_start=on_start, on_end=progress.end)
        code = summary.show(settings, result, as_json=as_json)
    gc.freeze()  # or half a second goes into looking for garbage at the exit
    sys.exit(code)


for command in (deploy, rollback, history, models, lineage, retire):
    main.add_command(command)
for command in (versions, show, reproduce, compare, compare_data, schema, snapshots, snapshot, export, verify, restore, collect_garbage):
    main.add_command(command)
