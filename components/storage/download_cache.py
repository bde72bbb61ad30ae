"""Versions' SavedModels on this machine: pulled once, and kept under the SHA-256 of what is in them."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from google.cloud import storage

from components.errors import CorruptObjectError, RegistryError
from components.files import private_folder
from components.lock import exclusive_lock
from components.settings import Settings
from components.storage.errors import storage_errors
from components.storage.manifest import CODE, Entry, Manifest, content_sha256, scan_folder
from components.storage.objects import pull_file, pull_folder, split_uri


def pulled_folder(client: storage.Client, settings: Settings, manifest: Manifest, copy: str | None = None) -> Path:
    """The local copy of a pushed folder. Every file's SHA-256 is compared whenever it is asked for; what differs is pulled again.

    `copy` is a folder in Cloud Storage that should have the same files, and is asked first: what was pushed grows cold, and dear to read.

    Raises:
        RegistryError: an object is missing or has other bytes.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
        StorageFullError: the disk has no room.
    """
    private_folder(settings.caches)
    folder = settings.caches / "versions" / manifest.sha256
    with exclusive_lock(folder.with_suffix(".lock")):
        if not _holds(folder, manifest.entries):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(CorruptObjectError):
                if copy is not None:
                    _pull(client, copy, [replace(entry, generation=0) for entry in manifest.entries], folder)
                    return folder
            pull_folder(client, manifest.uri, folder)
    return folder


def forget_folder(folder: Path) -> None:
    """Delete what `pulled_folder` gave: it is pulled again when somebody asks for it."""
    with exclusive_lock(folder.with_suffix(".lock")):
        shutil.rmtree(folder, ignore_errors=True)


def pulled_code(client: storage.Client, settings: Settings, manifest: Manifest) -> Path:
    """Like `pulled_folder`, of the model's folder alone: the folder that has it under the model's name.

    Raises:
        RegistryError: an object is missing or has other bytes, or the version has no such folder.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
        StorageFullError: the disk has no room.
    """
    private_folder(settings.caches)
    entries = [entry for entry in manifest.entries if CODE in Path(entry.path).parents]
    if not entries:
        raise RegistryError(f"{manifest.uri} has no {CODE}: it was not pushed by a training")
    folder = settings.caches / "code" / manifest.sha256
    with exclusive_lock(folder.with_suffix(".lock")):
        if not _holds(folder, entries):
            shutil.rmtree(folder, ignore_errors=True)
            _pull(client, manifest.uri, entries, folder)
    return folder / CODE


def _pull(client: storage.Client, uri: str, entries: Sequence[Entry], folder: Path) -> None:
    """Files of a folder in Cloud Storage, all or none."""
    bucket, prefix = split_uri(uri)
    with storage_errors(bucket), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as temporary:
        for entry in entries:
            pull_file(client.bucket(bucket), prefix, entry, Path(temporary, "whole"))
        Path(temporary, "whole").rename(folder)


def _holds(folder: Path, entries: Sequence[Entry]) -> bool:
    try:
        return folder.is_dir() and content_sha256(scan_folder(folder)) == content_sha256(entries)
    except RegistryError:  # it is a link, or it does not exist
        return False
