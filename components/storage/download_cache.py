"""Versions' SavedModels on this machine: pulled once, and kept under the SHA-256 of what is in them."""

import fcntl
from pathlib import Path

from google.cloud import storage

from components.settings import Settings
from components.storage.manifest import Manifest
from components.storage.objects import pull_folder


def pulled_folder(client: storage.Client, settings: Settings, manifest: Manifest) -> Path:
    """The local copy of a pushed folder, every file's SHA-256 checked when it was pulled. Who asks again reads nothing.

    Raises:
        RegistryError: an object is missing or has other bytes.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
        StorageFullError: the disk has no room.
    """
    folder = settings.caches / "versions" / manifest.sha256
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            pull_folder(client, manifest.uri, folder)
    return folder
