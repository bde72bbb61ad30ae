"""Model folders in Cloud Storage, each under the hash of its content: written once, never over another, whole or not at all."""

import hashlib
import re
import reprlib
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from components.errors import CorruptObjectError, RegistryError
from components.files import replacing
from components.storage.errors import storage_errors
from components.storage.lifecycle import add_rules
from components.storage.manifest import NAME, Entry, Manifest, content_sha256, is_acceptable, manifest_json, parse_manifest, scan_folder

CHUNK_BYTES = 8 << 20
"""Larger files are sent in chunks of this size, so that a broken connection costs one chunk."""
SOFT_DELETE_SECONDS = 7 * 24 * 3600
"""How long a new bucket can restore what was deleted for good."""
TOUCH_AFTER = timedelta(days=1)
"""An object is marked as wanted at most this often; objects that no version refers to are removed only after longer."""
MODEL_NAME = re.compile("[a-z][a-z0-9_]{0,62}")
RETRY = DEFAULT_RETRY.with_timeout(60.0)


def ensure_bucket(client: storage.Client, name: str, location: str) -> None:
    """Make the bucket, or switch on versions and add the lifecycle rules of one that is there. Safe to call again.

    Raises:
        AccessError: Cloud Storage cannot be reached, or the bucket is somebody else's.
    """
    with storage_errors(name):
        bucket = client.lookup_bucket(name, retry=RETRY)
        if bucket is None:
            bucket = client.bucket(name)
            bucket.versioning_enabled = True
            bucket.soft_delete_policy.retention_duration_seconds = SOFT_DELETE_SECONDS
            add_rules(bucket)
            bucket.iam_configuration.uniform_bucket_level_access_enabled = True
            try:
                client.create_bucket(bucket, location=location, retry=RETRY)
                return
            except Conflict:  # another process has made it since
                bucket = client.get_bucket(name, retry=RETRY)
        if add_rules(bucket) or not bucket.versioning_enabled:
            bucket.versioning_enabled = True
            bucket.patch(retry=RETRY)


def push_folder(
    client: storage.Client,
    bucket: str,
    *,
    model: str,
    folder: Path,
    metadata: Mapping[str, str],
    progress: Callable[[Entry], object] | None = None,
) -> Manifest:
    """Copy a local folder to gs://BUCKET/content/MODEL/SHA256 and, last of all, write its manifest.json.

    Objects that are there already, from a push that was interrupted or one of the same content, are checked and kept.
    `metadata` becomes the custom metadata of the objects that this push makes; `progress` is called after each file.

    Raises:
        RegistryError: an object at this address holds other bytes, a file changed meanwhile, or the folder cannot be pushed.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    require_model_name(model)
    entries = scan_folder(folder)
    prefix = f"content/{model}/{content_sha256(entries)}"
    with storage_errors(bucket):
        present = blobs_by_path(client, bucket, prefix)
        placed = []
        for entry in entries:
            blob = _touched(present.get(entry.path)) or _push_file(client.bucket(bucket), prefix, entry, folder, metadata)
            placed.append(replace(entry, generation=_checked_generation(blob, entry)))
            if progress:
                progress(placed[-1])
        manifest = Manifest(f"gs://{bucket}/{prefix}", tuple(placed))
        _commit(client, manifest, metadata)
    return manifest


def _touched(blob: storage.Blob | None) -> storage.Blob | None:
    """An object that an earlier push left, marked as one that is still wanted, lest it be removed; None if it was removed already."""
    now = datetime.now(UTC)
    if blob is None or now - blob.updated < TOUCH_AFTER:
        return blob
    live = blob.bucket.blob(blob.name)  # without the generation, since a noncurrent one would be marked as gladly
    live.custom_time = now
    try:
        live.patch(if_generation_match=blob.generation, retry=RETRY)
    except (NotFound, PreconditionFailed):
        return None
    return live


def _push_file(bucket: storage.Bucket, prefix: str, entry: Entry, folder: Path, metadata: Mapping[str, str]) -> storage.Blob:
    """Make one object, if nobody else has meanwhile. The service itself compares the bytes with the CRC32C that it is told."""
    blob = bucket.blob(f"{prefix}/{entry.path}", chunk_size=CHUNK_BYTES)
    blob.metadata, blob.crc32c = dict(metadata), entry.crc32c
    try:
        blob.upload_from_filename(str(folder / entry.path), if_generation_match=0, checksum=None, retry=RETRY)
    except PreconditionFailed:
        blob.reload(retry=RETRY)
    except BadRequest as error:
        changed = f"{folder / entry.path} is not what it was a moment ago ({error.message})"
        raise RegistryError(f"{changed}: push it when it is finished") from error
    return blob


def _checked_generation(blob: storage.Blob, entry: Entry) -> int:
    """The generation of an object whose size and CRC32C are the file's.

    Raises:
        CorruptObjectError: they are not.
    """
    if wrong := problem(entry, blob):
        raise CorruptObjectError(
            f"{wrong}, in gs://{blob.bucket.name}/{blob.name}: something else wrote it; delete the object and push again"
        )
    return int(blob.generation)


def _commit(client: storage.Client, manifest: Manifest, metadata: Mapping[str, str]) -> None:
    """Write manifest.json, which makes the folder count. One that is there must be of this folder."""
    bucket, prefix = split_uri(manifest.uri)
    blob = client.bucket(bucket).blob(f"{prefix}/{NAME}")
    blob.metadata = dict(metadata)
    try:
        blob.upload_from_string(manifest_json(manifest), "application/json", if_generation_match=0, checksum="crc32c", retry=RETRY)
    except PreconditionFailed:
        read_manifest(client, manifest.uri)
        if _touched(client.bucket(bucket).get_blob(blob.name, retry=RETRY)) is None:
            _commit(client, manifest, metadata)


def read_manifest(client: storage.Client, uri: str) -> Manifest:
    """The manifest of the model folder at `uri`.

    Raises:
        RegistryError: the folder is half-written or gone, or its manifest is not its own.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    bucket, prefix = split_uri(uri)
    with storage_errors(bucket):
        try:
            text = client.bucket(bucket).blob(f"{prefix}/{NAME}").download_as_bytes(retry=RETRY)
        except NotFound as error:
            raise CorruptObjectError(f"{uri} has no {NAME}: it is half-written or gone; push the model again") from error
    return parse_manifest(uri, text)


def blobs_by_path(client: storage.Client, bucket: str, prefix: str) -> dict[str, storage.Blob]:
    """The live objects of a folder, by their path in it."""
    return {blob.name.removeprefix(f"{prefix}/"): blob for blob in client.list_blobs(bucket, prefix=f"{prefix}/", retry=RETRY)}


def problem(entry: Entry, blob: storage.Blob | None) -> str | None:
    """What is wrong with the object of an entry; None if nothing is."""
    if blob is None:
        return f"{entry.path} is missing"
    if blob.size != entry.size:
        return f"{entry.path} has {blob.size} bytes, not {entry.size}"
    if blob.crc32c != entry.crc32c:
        return f"{entry.path} has CRC32C {blob.crc32c}, not {entry.crc32c}"
    return None


def pull_folder(client: storage.Client, uri: str, folder: Path) -> None:
    """Copy the model folder at `uri` to a new local folder, which appears whole, with every SHA-256 as in the manifest.

    Raises:
        RegistryError: the folder exists, the pushed one is half-written, or an object's bytes are not the manifest's.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
        StorageFullError: the disk has no room.
    """
    manifest = read_manifest(client, uri)
    bucket, prefix = split_uri(uri)
    if folder.exists():
        raise RegistryError(f"{folder} exists: name a folder that does not, or delete it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(bucket), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as temporary:
        whole = Path(temporary, "whole")
        for entry in manifest.entries:
            pull_file(client.bucket(bucket), prefix, entry, whole)
        whole.rename(folder)


def pull_file(bucket: storage.Bucket, prefix: str, entry: Entry, folder: Path) -> None:
    """Copy one object, in the generation that was pushed or, should that be gone, the live one: its SHA-256 decides.

    The file is there once its SHA-256 has been compared, and never outside the folder.

    Raises:
        RegistryError: the object is missing or has other bytes, or the entry's path leads out of the folder.
    """
    with replacing(_path_inside(folder, entry.path)) as draft:
        for generation in dict.fromkeys((entry.generation or None, None)):
            blob = bucket.blob(f"{prefix}/{entry.path}", generation=generation)
            with suppress(NotFound):
                blob.download_to_file(draft, raw_download=True, checksum="crc32c", retry=RETRY)
                break
        else:
            raise CorruptObjectError(f"{entry.path} is missing from gs://{bucket.name}/{prefix}: push the model again")
        draft.flush()
        with Path(draft.name).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != entry.sha256:
            raise CorruptObjectError(f"{entry.path} of gs://{bucket.name}/{prefix} has SHA-256 {found}, not {entry.sha256}: do not use it")


def _path_inside(folder: Path, path: str) -> Path:
    """Where a path of a manifest is on this machine. Links are followed to see where they lead, and refused if that is outside.

    Raises:
        RegistryError: it is no acceptable path, or leads out of the folder.
    """
    if not is_acceptable(path) or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise RegistryError(f"the path {path!r} leads out of {folder}: no version has it; do not use this one")
    return folder / path


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and prefix of gs://BUCKET/PREFIX.

    Raises:
        RegistryError: the URI has another form.
    """
    parts = re.fullmatch("gs://([^/]+)/(.+[^/])", uri)
    if parts is None:
        raise RegistryError(f"{uri!r} is not the address of a pushed folder: give one like gs://BUCKET/content/MODEL/SHA256")
    return parts[1], parts[2]


def require_model_name(model: str) -> str:
    """The name, which becomes part of the names of objects.

    Raises:
        RegistryError: no model can be called so.
    """
    if not MODEL_NAME.fullmatch(model):
        raise RegistryError(f"{reprlib.repr(model)} is not the name of a model: use a-z, 0-9 and _, at most 63, a letter first")
    return model
