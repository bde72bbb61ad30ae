"""Objects of a version brought back from the other copy or from a generation that Cloud Storage still keeps, proven by their SHA-256."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.errors import RegistryError
from components.registry.publish import publish_version, published_uri
from components.storage.checksums import bytes_problem, has_bytes_of, manifest_problem
from components.storage.errors import storage_errors
from components.storage.manifest import NAME, Entry, manifest_json
from components.storage.objects import RETRY, blobs_by_path, split_uri
from components.upkeep.inventory import StoredVersion


@dataclass(frozen=True)
class Restored:
    """What became of an object that was missing or changed."""

    uri: str
    was: str
    """What was wrong with the object."""
    source: str | None
    """Where its bytes came from; None if they are nowhere to be found."""


@dataclass(frozen=True)
class Place:
    """Where an object belongs, what is live there, and where else its bytes may be."""

    home: storage.Blob
    live: storage.Blob | None
    twin: storage.Blob
    """The same file in the other of the pushed and the published folder."""
    metadata: Mapping[str, str]
    folder: Path | None = None
    """A folder on this machine, whose files may be what is missing, whatever they are called."""

    @property
    def generation(self) -> int:
        """The generation that is live; 0 if none is."""
        return int(self.live.generation) if self.live else 0


def restore_version(client: storage.Client, bucket: str, version: StoredVersion, *, folder: Path | None = None) -> Iterator[Restored]:
    """Bring back what is missing or changed of a version: the pushed folder, then, if it is to be there, the published one.

    What a changed object holds becomes a noncurrent generation of it. Doing it again changes nothing. Where Cloud Storage has no copy
    left, files below `folder` are looked at.

    Raises:
        RegistryError: an object changed while it was restored.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    published = published_uri(bucket, version.model, version.number)
    metadata = {"model": version.model, "run": version.run_id}
    with storage_errors(bucket):
        lost = False
        for restored in _restore_pushed(client, version, published, metadata=metadata, folder=folder):
            lost = lost or restored.source is None
            yield restored
        if version.is_published:
            yield from _restore_changed(client, version, published, metadata={**metadata, "version": str(version.number)})
            if not lost:
                yield from _complete(client, bucket, version, published)


def _restore_pushed(
    client: storage.Client, version: StoredVersion, published: str, *, metadata: Mapping[str, str], folder: Path | None
) -> Iterator[Restored]:
    uri = version.manifest.uri
    present = blobs_by_path(client, *split_uri(uri))
    for path, entry in version.entries.items():
        place = Place(_blob(client, uri, path), present.get(path), _blob(client, published, path), metadata, folder)
        if wrong := f"{path} is missing" if place.live is None else bytes_problem(entry, place.live):
            yield Restored(f"{uri}/{path}", wrong, _restore_object(client, place, entry))
    if wrong := manifest_problem(version.manifest, present.get(NAME)):
        blob, live = _blob(client, uri, NAME), present.get(NAME)
        blob.metadata = dict(metadata)
        with _unchanged(blob):
            matching = live.generation if live else 0
            blob.upload_from_string(manifest_json(version.manifest), "application/json", if_generation_match=matching, retry=RETRY)
        yield Restored(f"{uri}/{NAME}", wrong, "the registry's row")


def _restore_changed(client: storage.Client, version: StoredVersion, published: str, *, metadata: Mapping[str, str]) -> Iterator[Restored]:
    """Restore what is there of the published folder but changed; publish what is missing again, in the order of publishing."""
    uri = version.manifest.uri
    for path, live in blobs_by_path(client, *split_uri(published)).items():
        entry = version.entries.get(path)
        place = Place(_blob(client, published, path), live, _blob(client, uri, path), metadata)
        if entry is not None and (wrong := bytes_problem(entry, live)):
            yield Restored(f"{published}/{path}", wrong, _restore_object(client, place, entry))
        if path == NAME and (wrong := manifest_problem(version.manifest, live)):
            place.twin.reload(retry=RETRY)
            yield Restored(f"{published}/{path}", wrong, _put(place, place.twin))


def _complete(client: storage.Client, bucket: str, version: StoredVersion, published: str) -> Iterator[Restored]:
    uri = version.manifest.uri
    missing = {*version.entries, NAME} - blobs_by_path(client, *split_uri(published)).keys()
    if missing:
        publish_version(client, bucket, model=version.model, number=version.number, uri=uri, metadata={"run": version.run_id})
    for path in sorted(missing):
        yield Restored(f"{published}/{path}", f"{path} is missing", f"{uri}/{path}")


def _restore_object(client: storage.Client, place: Place, entry: Entry) -> str | None:
    """Put the bytes of an entry in their place. Tells where they came from; None if they are nowhere to be found."""
    for blob in (place.twin, place.home):
        for source in _generations(client, blob, versions=True):
            if bytes_problem(entry, source) is None:
                return _put(place, source)
    for blob in (place.home, place.twin):
        for deleted in _generations(client, blob, soft_deleted=True):
            if (deleted.size, deleted.crc32c) == (entry.size, entry.crc32c) and (source := _undelete(deleted, entry)):
                return f"{_address(deleted)}, which was deleted" if source.name == place.home.name else _put(place, source)
    return None if place.folder is None else _upload(place, place.folder, entry)


def _upload(place: Place, folder: Path, entry: Entry) -> str | None:
    """Put a file with the bytes of an entry in their place. The service compares them with their CRC32C once more."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size == entry.size):
        if has_bytes_of(entry, file):
            place.home.metadata, place.home.crc32c = dict(place.metadata), entry.crc32c
            with _unchanged(place.home):
                place.home.upload_from_filename(str(file), if_generation_match=place.generation, checksum=None, retry=RETRY)
            return str(file)
    return None


def _generations(client: storage.Client, blob: storage.Blob, **which: bool) -> list[storage.Blob]:
    """The generations of an object that are listed so, newest first."""
    found = client.list_blobs(blob.bucket, prefix=blob.name, retry=RETRY, **which)
    return sorted((other for other in found if other.name == blob.name), key=lambda other: int(other.generation), reverse=True)


def _put(place: Place, source: storage.Blob) -> str:
    """Copy a generation to its place, unless that changed meanwhile. Returns the address of the generation."""
    blob = place.home
    blob.metadata, blob.content_type = dict(place.metadata), source.content_type
    conditions = {"if_generation_match": place.generation, "if_source_generation_match": source.generation}
    token = None
    with _unchanged(blob):
        while token := blob.rewrite(source, token, retry=RETRY, **conditions)[0]:
            pass
    return _address(source)


def _undelete(deleted: storage.Blob, entry: Entry) -> storage.Blob | None:
    """Restore a soft-deleted generation where it was. Its bytes can only be read then; should they be others, it goes again."""
    live = deleted.bucket.get_blob(deleted.name, retry=RETRY)
    matching = live.generation if live else 0
    with _unchanged(deleted):
        source = deleted.bucket.restore_blob(deleted.name, generation=deleted.generation, if_generation_match=matching, retry=RETRY)
    if bytes_problem(entry, source) is None:
        return source
    source.delete(if_generation_match=source.generation, retry=RETRY)
    return None


@contextmanager
def _unchanged(blob: storage.Blob) -> Iterator[None]:
    try:
        yield
    except (PreconditionFailed, NotFound) as error:
        raise RegistryError(f"gs://{blob.bucket.name}/{blob.name} changed while it was restored: run the command again") from error


def _blob(client: storage.Client, uri: str, path: str) -> storage.Blob:
    bucket, prefix = split_uri(uri)
    return client.bucket(bucket).blob(f"{prefix}/{path}")


def _address(blob: storage.Blob) -> str:
    return f"gs://{blob.bucket.name}/{blob.name}#{blob.generation}"
