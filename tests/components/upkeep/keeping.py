"""Versions whose bytes are in Cloud Storage, made as a run makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from google.cloud import storage

from components.registry.publish import publish_version, published_uri
from components.registry.versions import NewVersion, register_version
from components.settings import Settings
from components.storage.manifest import Manifest
from components.storage.objects import push_folder
from components.training.signatures import FILE
from components.upkeep.inventory import Scope, StoredVersion, stored_versions


@dataclass(frozen=True)
class Shelf:
    """A bucket and a registry, with the makings of versions of one model."""

    engine: sa.Engine
    client: storage.Client
    bucket: str
    model: str
    new_version: Callable[..., NewVersion]

    def push(self, folder: Path) -> Manifest:
        """Other bytes than any other push has, until they are pushed again."""
        if not (folder / "weights").exists():
            (folder / "weights").write_bytes(uuid4().bytes * 100)
        return push_folder(self.client, self.bucket, model=self.model, folder=folder, metadata={"model": self.model})

    def keep(self, folder: Path, *, published: bool = True) -> StoredVersion:
        """A version of the folder, which can be served unless its weights are there already."""
        if not (folder / "weights").exists():
            (folder / FILE).parent.mkdir()
            (folder / FILE).write_text("{}")
        with self.engine.begin() as connection:
            number = register_version(connection, self.new_version(connection, manifest=self.push(folder)))
        version = self.version(number)
        if published:
            uri, metadata = version.manifest.uri, {"run": version.run_id}
            publish_version(self.client, self.bucket, model=self.model, number=number, uri=uri, metadata=metadata)
        return version

    def version(self, number: int) -> StoredVersion:
        """A version as it is now."""
        (found,) = stored_versions(self.engine, Scope(self.model, number))
        return found

    def published(self, number: int, path: str) -> storage.Blob:
        """An object of a published version."""
        return storage.Blob.from_uri(f"{published_uri(self.bucket, self.model, number)}/{path}", client=self.client)

    def pushed(self, version: StoredVersion, path: str) -> storage.Blob:
        """An object of a pushed version."""
        return storage.Blob.from_uri(f"{version.manifest.uri}/{path}", client=self.client)


def file_with(settings: Settings, content: bytes) -> Path:
    """Where the emulator keeps these bytes."""
    (file,) = (
        path for path in (settings.state_folder / "emulators" / "cloud_storage" / "objects").iterdir() if path.read_bytes() == content
    )
    return file


def flip(file: Path) -> None:
    """Change one bit of one byte."""
    content = bytearray(file.read_bytes())
    content[7] ^= 1
    file.write_bytes(content)
