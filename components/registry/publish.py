"""Published versions: copies that Cloud Storage makes of a pushed folder, where TensorFlow Serving looks for the versions of a model."""

import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.database.statements import execute
from components.errors import RegistryError
from components.storage.errors import storage_errors
from components.storage.manifest import NAME, Entry, Manifest, parse_manifest
from components.storage.objects import RETRY, blobs_by_path, problem, read_manifest, require_model_name, split_uri

SAVED_MODEL = "saved_model.pb"
"""TensorFlow loads nothing without this file, so it is copied after everything that it needs."""
COPIES_AT_ONCE = 8
NUMBER = re.compile("[1-9][0-9]{0,8}")
"""The number of a version as the name of a folder."""


def published_uri(bucket: str, model: str, number: int) -> str:
    """Where a version is published: gs://BUCKET/models/MODEL is a base path of TensorFlow Serving.

    Raises:
        RegistryError: no model or version can have this name or number.
    """
    if number < 1:
        raise RegistryError(f"{number} is not the number of a version: the first is 1")
    return f"gs://{bucket}/models/{require_model_name(model)}/{number}"


def publish_version(client: storage.Client, bucket: str, *, model: str, number: int, uri: str, metadata: Mapping[str, str]) -> str:
    """Copy the pushed folder at `uri` to gs://BUCKET/models/MODEL/VERSION within Cloud Storage, manifest.json last. Returns the address.

    What is there already is compared and kept, so that whoever comes next completes what another left unfinished. The new objects
    get `metadata`, model and version as custom metadata. The pushed folder is read only as far as copies are missing.

    Raises:
        RegistryError: what is to be copied is missing or changed, or an object is there already with other bytes.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    published = published_uri(bucket, model, number)
    prefix = split_uri(published)[1]
    metadata = {**metadata, "model": model, "version": str(number)}
    with storage_errors(bucket):
        present = blobs_by_path(client, bucket, prefix)
        manifest = read_manifest(client, uri) if NAME not in present else _published_manifest(present[NAME], uri)
        missing = [entry for entry in manifest.entries if entry.path not in present]
        for entry in manifest.entries:
            if (blob := present.get(entry.path)) and (wrong := problem(entry, blob)):
                raise _stranger(blob, wrong)
        if missing or NAME not in present:
            sources = _sources(client, uri, missing, remedy=f"run `perennial restore {model} {number}`")
            _copy_in_order(sources, client.bucket(bucket), prefix, metadata=metadata, paths=[entry.path for entry in missing])
    return published


def publish_missing(engine: sa.Engine, client: storage.Client, bucket: str, model: str) -> list[int]:
    """Publish those versions of a model that are not, unless they are retired: whoever recorded them was stopped. Returns their numbers,
    newest first.

    Raises:
        RegistryError: what is to be copied is missing or changed, or an object is there already with other bytes.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    glob = f"models/{require_model_name(model)}/*/{NAME}"
    with storage_errors(bucket):
        blobs = client.list_blobs(bucket, match_glob=glob, fields="items(name),nextPageToken", retry=RETRY)
        folders = (blob.name.split("/")[-2] for blob in blobs)
        published = [int(folder) for folder in folders if NUMBER.fullmatch(folder)]
    with engine.connect() as connection:
        rows = execute(connection, "stored.unpublished", model=model, published=published).all()
    for row in rows:
        publish_version(client, bucket, model=model, number=row.number, uri=row.artifact_uri, metadata={"run": row.run_id})
    return [row.number for row in rows]


def _published_manifest(blob: storage.Blob, uri: str) -> Manifest:
    """The manifest beside the copies. It must be of the folder that they are to be copies of."""
    found_at = f"gs://{blob.bucket.name}/{blob.name}".removesuffix(f"/{NAME}")
    return parse_manifest(uri, blob.download_as_bytes(retry=RETRY), found_at=found_at)


def _sources(client: storage.Client, uri: str, missing: Iterable[Entry], *, remedy: str) -> dict[str, storage.Blob]:
    """The objects of the pushed folder. Those that are missing from the published one must be as they were pushed."""
    found = blobs_by_path(client, *split_uri(uri))
    for entry in missing:
        if wrong := problem(entry, found.get(entry.path)):
            raise RegistryError(f"{wrong}, in {uri}: {remedy}")
    return found


def _copy_in_order(
    sources: Mapping[str, storage.Blob], bucket: storage.Bucket, prefix: str, *, metadata: Mapping[str, str], paths: Collection[str]
) -> None:
    """Copy everything at once, then the file that makes TensorFlow see a model, and last the manifest, which makes the folder count."""

    def copy(path: str) -> None:
        _copy(sources[path], bucket.blob(f"{prefix}/{path}"), metadata)

    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        list(pool.map(copy, [path for path in paths if path != SAVED_MODEL]))
    if SAVED_MODEL in paths:
        copy(SAVED_MODEL)
    copy(NAME)


def _copy(source: storage.Blob, blob: storage.Blob, metadata: Mapping[str, str]) -> None:
    """Copy this very generation, unless somebody else has meanwhile. A large object takes several calls, each going on from the last."""
    blob.metadata, blob.content_type = dict(metadata), source.content_type
    generations = {"if_generation_match": 0, "if_source_generation_match": source.generation}
    token = None
    try:
        while token := blob.rewrite(source, token, retry=RETRY, **generations)[0]:
            pass
    except PreconditionFailed:
        blob.reload(retry=RETRY)
    except NotFound as error:
        raise RegistryError(f"gs://{source.bucket.name}/{source.name} went while it was copied: run the command again") from error
    if (blob.size, blob.crc32c) != (source.size, source.crc32c):
        raise _stranger(blob, f"it has {blob.size} bytes with CRC32C {blob.crc32c}, not {source.size} with {source.crc32c}")


def _stranger(blob: storage.Blob, wrong: str) -> RegistryError:
    remedy = "something else wrote it; delete the object and run `perennial verify --repair`"
    return RegistryError(f"gs://{blob.bucket.name}/{blob.name} is no copy of what was pushed ({wrong}): {remedy}")
