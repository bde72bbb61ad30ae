"""Versions' SavedModels on this machine: pulled once, and kept under the SHA-256 of what is in them."""

import shutil
from pathlib import Path

from google.cloud import storage

from components.errors import RegistryError
from components.files import private_folder
from components.lock import exclusive_lock
from components.settings import Settings
from components.storage.manifest import Manifest, content_sha256, scan_folder
from components.storage.objects import pull_folder


def pulled_folder(client: storage.Client, settings: Settings, manifest: Manifest) -> Path:
    """The local copy of a pushed folder. Every file's SHA-256 is compared whenever it is asked for; what differs is pulled again.

    Raises:
        RegistryError: an object is missing or has other bytes.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
        StorageFullError: the disk has no room.
    """
    private_folder(settings.caches)
    folder = settings.caches / "versions" / manifest.sha256
    with exclusive_lock(folder.with_suffix(".lock")):
        if not _holds(folder, manifest):
            shutil.rmtree(folder, ignore_errors=True)
            pull_folder(client, manifest.uri, folder)
    return folder


def _holds(folder: Path, manifest: Manifest) -> bool:
    try:
        return folder.is_dir() and content_sha256(scan_folder(folder)) == manifest.sha256
    except RegistryError:  # it is a link, or it does not exist
        return False
