"""What is wrong in the bucket: each object against its manifest and the registry's row, and what no row knows of."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from google.cloud import storage

from components.errors import RegistryError
from components.registry.publish import published_uri
from components.storage.checksums import bytes_problem, manifest_problem
from components.storage.errors import storage_errors
from components.storage.manifest import NAME
from components.storage.objects import blobs_by_path, problem, split_uri
from components.training.signatures import FILE, UNSERVABLE
from components.upkeep.inventory import StoredVersion
from components.upkeep.leftovers import GRACE, Leftover, Origin

READS_AT_ONCE = 8
LEFT = f"`perennial gc` removes it when it is {GRACE.days} days old"


class Reads(StrEnum):
    """The objects whose bytes are read. For the others, the size and CRC32C that Cloud Storage reports are taken."""

    NONE = "none"
    FREE = "free"
    """Objects of the class STANDARD, of which every read is free."""
    ALL = "all"


class Kind(StrEnum):
    """What is wrong with an object."""

    MISSING = "missing"
    CHANGED = "changed"
    UNREFERENCED = "unreferenced"
    """No version refers to it: an unfinished push, or a stranger."""
    UNPUBLISHED = "not published"
    UNSERVABLE = "not servable"
    """TensorFlow Serving cannot run the version."""
    TARGET = "target"
    """A target is not configured as the log of deployments says."""


@dataclass(frozen=True)
class StorageFinding:
    """One thing that is wrong."""

    kind: Kind
    uri: str
    """The URI of the object or folder."""
    text: str
    """What is wrong, in one sentence."""
    remedy: str
    """What to do."""
    model: str | None = None
    number: int | None = None


def verify_version(client: storage.Client, bucket: str, version: StoredVersion, *, reads: Reads) -> list[StorageFinding]:
    """What is wrong with the objects of a version: the pushed folder, then the published one.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    if version.problem is not None:
        text, _, remedy = version.problem.rpartition(": ")
        return [_finding(version, Kind.CHANGED, version.manifest.uri, text, remedy=remedy)]
    found = [*_servable(version), *_folder(client, version, version.manifest.uri, reads=reads)]
    published = published_uri(bucket, version.model, version.number)
    with storage_errors(bucket):
        blobs = blobs_by_path(client, *split_uri(published))
    if blobs or version.is_published:
        if NAME in blobs:
            found += _objects(version, published, blobs, reads=reads)
        else:
            text = f"{len(blobs)} of {len(version.manifest.entries) + 1} objects are there, and no {NAME}"
            found.append(_finding(version, Kind.UNPUBLISHED, published, text, remedy=f"run `perennial verify {version.model} --repair`"))
    return found


def _servable(version: StoredVersion) -> Iterator[StorageFinding]:
    """Name a version that TensorFlow Serving cannot run, by the names of its files: a version that has the file was run as it runs them."""
    if not version.retired and FILE.as_posix() not in version.entries:
        what_to_do = (
            f"run `perennial train {version.model} --force`, deploy that version, and `perennial retire {version.model} {version.number}`"
        )
        text = f"version {version.number} {UNSERVABLE}"
        yield _finding(version, Kind.UNSERVABLE, version.manifest.uri, text, remedy=what_to_do)


def _folder(client: storage.Client, version: StoredVersion, uri: str, *, reads: Reads) -> list[StorageFinding]:
    try:
        with storage_errors(split_uri(uri)[0]):
            blobs = blobs_by_path(client, *split_uri(uri))
    except RegistryError as error:  # there is no such bucket
        return [_finding(version, Kind.MISSING, uri, str(error).partition(":")[0])]
    if not blobs:
        return [_finding(version, Kind.MISSING, uri, f"all {len(version.manifest.entries) + 1} objects are missing")]
    return _objects(version, uri, blobs, reads=reads)


def _objects(version: StoredVersion, uri: str, blobs: Mapping[str, storage.Blob], *, reads: Reads) -> list[StorageFinding]:
    """What is wrong in a folder of the version's objects, by path."""
    entries = version.entries

    def look(path: str) -> StorageFinding | None:
        entry, blob = entries[path], blobs.get(path)
        read = blob is not None and (reads == Reads.ALL or (reads == Reads.FREE and blob.storage_class == "STANDARD"))
        wrong = bytes_problem(entry, blob) if read else problem(entry, blob)
        kind = Kind.MISSING if blob is None else Kind.CHANGED
        return _finding(version, kind, f"{uri}/{path}", wrong) if wrong else None

    with storage_errors(split_uri(uri)[0]), ThreadPoolExecutor(READS_AT_ONCE) as pool:
        found = [finding for finding in pool.map(look, entries) if finding]
        if wrong := manifest_problem(version.manifest, blobs.get(NAME)):
            found.append(_finding(version, Kind.CHANGED if NAME in blobs else Kind.MISSING, f"{uri}/{NAME}", wrong))
    return found + [
        _finding(version, Kind.UNREFERENCED, f"{uri}/{path}", f"{path} is not in {NAME}", remedy=LEFT)
        for path in sorted(blobs.keys() - entries.keys() - {NAME})
    ]


def _finding(version: StoredVersion, kind: Kind, uri: str, text: str, *, remedy: str = "") -> StorageFinding:
    what_to_do = remedy or f"run `perennial restore {version.model} {version.number}`"
    return StorageFinding(kind, uri, text, what_to_do, version.model, version.number)


def of_leftover(leftover: Leftover) -> StorageFinding:
    """The finding for a leftover."""
    belongs_here = leftover.origin in (Origin.PUSH, Origin.STRANGER) and leftover.model
    remedy = LEFT if belongs_here else "look where it is from: it is never removed"
    return StorageFinding(Kind.UNREFERENCED, leftover.uri, leftover.sentence, remedy, leftover.model)
