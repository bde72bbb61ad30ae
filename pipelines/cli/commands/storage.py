"""The commands about the stored bytes of versions: verify, restore, remove."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from components.cloud import Cloud
from components.registry.history import read_version
from components.storage.objects import pull_folder
from components.upkeep import verification
from components.upkeep.garbage import Disposition, Verb, collect, perform
from components.upkeep.inventory import Scope, require_scope, server_time, stored_versions
from components.upkeep.restore import restore_version
from components.upkeep.verification import Verification
from components.upkeep.verify import Reads
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, counter, ready_settings
from pipelines.cli.version import VersionReference, version_argument, version_number

EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
MANY_VERSIONS = 10
"""From so many versions on, verifying takes long enough to show progress."""


@click.command()
@click.argument("model", required=False)
@click.argument("version", type=VersionReference(), required=False)
@click.option("--repair", is_flag=True, help="Publish unpublished versions, and correct targets that differ from the log of deployments.")
@click.option("--deep", is_flag=True, help="Also read objects in cold storage classes, which costs money, and compare their SHA-256.")
@click.option("--quick", is_flag=True, help="Read no bytes: compare only the sizes and CRC32C that Cloud Storage reports.")
@as_json
def verify(model: str | None, version: int | str | None, repair: bool, deep: bool, quick: bool, as_json: bool) -> None:
    """Check every stored object of all versions, of MODEL's versions, or of VERSION against its manifest and the registry.

    It lists what is wrong and what to do. The exit code is 0 when nothing is wrong, 3 when something is.
    """
    if deep and quick:
        raise click.UsageError("--deep reads everything and --quick nothing: choose one")
    settings = ready_settings()
    number = version_number(settings, model, version) if model and version else None
    reads = Reads.ALL if deep else Reads.NONE if quick else Reads.FREE
    show_count = counter("versions verified")

    def progress(done: int, of: int) -> None:
        if of >= MANY_VERSIONS:
            show_count(done, of)

    result = verification.verify(Cloud(settings), Scope(model, number), reads=reads, repair=repair, progress=progress)
    if as_json:
        click.echo(to_json(asdict(result)))
    else:
        _show_verification(result)
    sys.exit(ExitCode.DIFFERS if result.findings else ExitCode.DONE)


def _show_verification(result: Verification) -> None:
    for finding in result.repaired:
        click.echo(f"repaired       {finding.uri}: {finding.text}")
    for finding in result.findings:
        click.echo(f"{finding.kind:<14} {finding.uri}: {finding.text}; {finding.remedy}")
    what = "nothing is wrong" if not result.findings else f"{len(result.findings)} findings" if len(result.findings) > 1 else "1 finding"
    click.echo(f"{result.versions} version{'s' * (result.versions != 1)} verified: {what}")


@click.command()
@click.argument("model")
@version_argument
@click.option("--from", "folder", type=EXISTING_FOLDER, help="A folder on this machine to restore from as well, such as that of the run.")
@as_json
def restore(model: str, version: int | str, folder: Path | None, as_json: bool) -> None:
    """Restore missing and changed objects of VERSION of MODEL from its other copy, or from older generations in Cloud Storage.

    The exit code is 0 when the version is complete, 3 when an object is lost.
    """
    settings = ready_settings()
    number = version_number(settings, model, version)
    cloud, scope = Cloud(settings), Scope(model, number)
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
        click.echo(to_json([asdict(result) for result in results]))
    elif not results:
        click.echo(f"{model} {number} is whole: there is nothing to restore")
    elif lost:
        click.echo(f"{model} {number} is not whole: give a folder that has the lost files with --from, such as the run's, or retire it")
    sys.exit(ExitCode.DIFFERS if lost else ExitCode.DONE)


@click.command()
@click.argument("model")
@version_argument
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@as_json
def pull(model: str, version: int | str, folder: Path, as_json: bool) -> None:
    """Download the SavedModel of VERSION of MODEL to FOLDER, every file checked against the registry's SHA-256.

    FOLDER must not exist: it appears whole, or not at all.
    """
    settings = ready_settings()
    number = version_number(settings, model, version)
    cloud = Cloud(settings)
    with cloud.engine.connect() as connection:
        manifest = read_version(connection, model, number).manifest
    pull_folder(cloud.storage, manifest.uri, folder)
    if as_json:
        click.echo(to_json({"model": model, "version": number, "folder": str(folder), "sha256": manifest.sha256}))
    else:
        click.echo(f"{model} {number} is in {folder}: {len(manifest.entries)} files, SHA-256 {manifest.sha256}")


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@as_json
def collect_garbage(dry_run: bool, as_json: bool) -> None:
    """Remove objects that no version needs and copies of retired versions; move never-deployed copies to colder storage classes.

    A version that is live on a target, or that a rollback could go to, is never touched.
    """
    settings = ready_settings()
    cloud, documents, freed = Cloud(settings), [], 0
    for action in collect(cloud.engine, cloud.storage, settings.bucket, now=server_time(cloud.engine)):
        done = not dry_run and action.verb != Verb.LEAVE and perform(action)
        documents.append(_action_json(action, done=done))
        freed += action.size if action.verb == Verb.REMOVE and (dry_run or done) else 0
        if not as_json:
            changed = not (dry_run or done or action.verb == Verb.LEAVE)
            click.echo(f"{_sentence(action)}{'; it changed meanwhile and was left' if changed else ''}")
    if as_json:
        click.echo(to_json(documents))
        return
    click.echo(f"{freed:,} bytes {'would be' if dry_run else 'were'} removed")


def _sentence(action: Disposition) -> str:
    verb = f"{action.verb} to {action.storage_class}" if action.storage_class else str(action.verb)
    objects = "1 object" if len(action.blobs) == 1 else f"{len(action.blobs)} objects"
    return f"{verb:<16} {action.uri}: {objects}, {action.size:,} bytes: {action.reason}"


def _action_json(action: Disposition, *, done: bool) -> dict[str, object]:
    values = {"verb": action.verb, "uri": action.uri, "reason": action.reason, "storage_class": action.storage_class}
    return {**values, "objects": len(action.blobs), "bytes": action.size, "done": done}
