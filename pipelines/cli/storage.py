"""The commands about the bytes of versions: whether they are what they should be, how they come back, and what may go."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import as_json, counter, ready_settings

if TYPE_CHECKING:
    from components.upkeep.garbage import Action
    from components.upkeep.verification import Verification

EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
MANY_VERSIONS = 10
"""From here on it takes so long that it is told how far it is."""


@click.command()
@click.argument("model", required=False)
@click.argument("version", type=int, required=False)
@click.option("--repair", is_flag=True, help="Publish what is not, and tell targets what the log of deployments says.")
@click.option("--deep", is_flag=True, help="Read objects of cold classes as well, which costs money, and compare their SHA-256.")
@click.option("--quick", is_flag=True, help="Read no bytes: compare what Cloud Storage says of size and CRC32C.")
@as_json
def verify(model: str | None, version: int | None, repair: bool, deep: bool, quick: bool, as_json: bool) -> None:
    """Hold every object of all versions, of MODEL's, or of VERSION's against its manifest and the registry, and name what is wrong.

    The exit code is 0 when nothing is wrong, 2 when something is.
    """
    if deep and quick:
        raise click.UsageError("--deep reads everything and --quick nothing: choose one")
    settings = ready_settings()
    from components.cloud import Cloud
    from components.upkeep import verification
    from components.upkeep.inventory import Scope
    from components.upkeep.verify import Reads

    reads = Reads.ALL if deep else Reads.NONE if quick else Reads.FREE
    tell = counter("versions verified")

    def progress(done: int, of: int) -> None:
        if of >= MANY_VERSIONS:
            tell(done, of)

    found = verification.verify(Cloud(settings), Scope(model, version), reads=reads, repair=repair, progress=progress)
    if as_json:
        from pipelines.cli.text import to_json

        click.echo(to_json(asdict(found)))
    else:
        _tell_verification(found)
    sys.exit(2 if found.findings else 0)


def _tell_verification(found: "Verification") -> None:
    for finding in found.repaired:
        click.echo(f"repaired       {finding.uri}: {finding.text}")
    for finding in found.findings:
        click.echo(f"{finding.kind:<14} {finding.uri}: {finding.text}; {finding.remedy}")
    what = "nothing is wrong" if not found.findings else f"{len(found.findings)} findings" if len(found.findings) > 1 else "1 finding"
    click.echo(f"{found.versions} version{'s' * (found.versions != 1)} verified: {what}")


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@click.option("--from", "folder", type=EXISTING_FOLDER, help="Where else to look: a folder on this machine, such as that of the run.")
@as_json
def restore(model: str, version: int, folder: Path | None, as_json: bool) -> None:
    """Bring back missing and changed objects of VERSION of MODEL, from its other copy or from what Cloud Storage still keeps.

    The exit code is 0 when all is there, 2 when something is lost.
    """
    settings = ready_settings()
    from components.cloud import Cloud
    from components.upkeep.inventory import Scope, require_scope, stored_versions
    from components.upkeep.restore import restore_version

    cloud, scope = Cloud(settings), Scope(model, version)
    require_scope(cloud.engine, scope)
    results = []
    for stored in stored_versions(cloud.engine, scope):
        for result in restore_version(cloud.storage, settings.bucket, stored, folder=folder):
            results.append(result)
            if not as_json:
                what = f"restored from {result.source}" if result.source else "lost: no copy is left that is what was pushed"
                click.echo(f"{result.uri}: {result.was}; {what}")
    lost = [result for result in results if result.source is None]
    if as_json:
        from pipelines.cli.text import to_json

        click.echo(to_json([asdict(result) for result in results]))
    elif not results:
        click.echo(f"{model} {version} is whole: there is nothing to restore")
    elif lost:
        click.echo(f"{model} {version} is not whole: give a folder that has the lost files with --from, such as the run's, or retire it")
    sys.exit(2 if lost else 0)


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
def collect_garbage(dry_run: bool, as_json: bool) -> None:
    """Remove what no version refers to and copies of retired versions, and move copies that were never deployed to colder classes.

    What is live on a target, or was and could be rolled back to, is never touched.
    """
    settings = ready_settings()
    from datetime import UTC, datetime

    from components.cloud import Cloud
    from components.upkeep.garbage import Verb, collect, perform

    cloud, told, freed = Cloud(settings), [], 0
    for action in collect(cloud.engine, cloud.storage, settings.bucket, now=datetime.now(UTC)):
        done = not dry_run and action.verb != Verb.LEAVE and perform(action)
        told.append(_action_json(action, done=done))
        freed += action.size if action.verb == Verb.REMOVE and (dry_run or done) else 0
        if not as_json:
            changed = not (dry_run or done or action.verb == Verb.LEAVE)
            click.echo(f"{_said(action)}{'; it changed meanwhile and was left' if changed else ''}")
    if as_json:
        from pipelines.cli.text import to_json

        click.echo(to_json(told))
        return
    click.echo(f"{freed:,} bytes {'would be' if dry_run else 'were'} removed")


def _said(action: "Action") -> str:
    verb = f"{action.verb} to {action.storage_class}" if action.storage_class else str(action.verb)
    objects = "1 object" if len(action.blobs) == 1 else f"{len(action.blobs)} objects"
    return f"{verb:<16} {action.uri}: {objects}, {action.size:,} bytes: {action.reason}"


def _action_json(action: "Action", *, done: bool) -> dict[str, object]:
    named = {"verb": action.verb, "uri": action.uri, "reason": action.reason, "storage_class": action.storage_class}
    return {**named, "objects": len(action.blobs), "bytes": action.size, "done": done}
