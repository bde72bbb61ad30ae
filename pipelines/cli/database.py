"""The commands about the registry's database as a whole: into a file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import ready_settings

if TYPE_CHECKING:
    from components.database.backup import Contents

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def database() -> None:
    """Back up the registry's rows, and restore them."""


@database.command()
@FILE
def dump(file: Path) -> None:
    """Write the registry's rows into FILE, as of one moment. The bytes of models stay where they are."""
    settings = ready_settings()
    from components.database import backup

    contents = backup.dump(settings, file)
    click.echo(f"dumped {_described(contents)}\n{file}: {file.stat().st_size:,} bytes")


@database.command()
@FILE
def load(file: Path) -> None:
    """Fill an empty registry from FILE, as the owner. Then `perennial verify` holds it against the bucket."""
    settings = ready_settings()
    from components.database import backup

    click.echo(f"loaded {_described(backup.load(settings, file))}")


def _described(contents: "Contents") -> str:
    return (
        f"{contents.models:,} models, {contents.versions:,} versions, {contents.runs:,} runs and {contents.metrics:,} metrics "
        f"(schema {contents.schema})"
    )
