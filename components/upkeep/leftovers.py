"""Folders and objects of the bucket that no version refers to: unfinished pushes, and what others have put there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from google.cloud import storage

from components.registry.publish import NUMBER
from components.storage.errors import storage_errors
from components.storage.objects import MODEL_NAME, RETRY
from components.upkeep.inventory import known_uris, newest_versions

CONTENT, PUBLISHED = "content", "models"
GRACE = timedelta(days=7)
"""How long what no version refers to may still be part of a push."""


class Origin(StrEnum):
    """What a leftover looks like, as the end of a sentence."""

    PUSH = "a push that is under way, or that no run recorded"
    FUTURE = "a version that the registry does not know yet: is its database older than the bucket?"
    OTHER_MODEL = "a model that is not in this registry: it may be another one's"
    STRANGER = "no version has such an object"


@dataclass(frozen=True)
class Leftover:
    """A folder, or an object by itself."""

    uri: str
    model: str | None
    origin: Origin
    blobs: tuple[storage.Blob, ...]

    @property
    def size(self) -> int:
        """The size of all objects in bytes."""
        return sum(blob.size for blob in self.blobs)

    @property
    def touched(self) -> datetime:
        """When an object of it was last written, or found by a push that was tried again."""
        newest: datetime = max(blob.updated for blob in self.blobs)
        return newest

    @property
    def sentence(self) -> str:
        """What the leftover is, in one sentence."""
        objects = "1 object" if len(self.blobs) == 1 else f"{len(self.blobs)} objects"
        return f"{objects}, {self.size:,} bytes, last written {self.touched:%Y-%m-%d %H:%M} UTC: {self.origin}"


@dataclass(frozen=True)
class Level:
    """A page of a folder: the objects in it, and the folders in it, ending with a slash."""

    blobs: tuple[storage.Blob, ...]
    folders: tuple[str, ...]


def leftovers(
    engine: sa.Engine, client: storage.Client, bucket: str, *, model: str | None = None, tops: tuple[str, ...] = (CONTENT, PUBLISHED)
) -> Iterator[Leftover]:
    """What no version refers to, of one model or of all; strangers inside a version's own folder are the version's matter.

    The bucket is listed folder by folder, so that its size does not matter.

    Raises:
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    newest = newest_versions(engine)
    with storage_errors(bucket):
        for top in tops:
            if model is not None:
                yield from _of_model(engine, client, bucket, f"{top}/{model}/", newest=newest)
                continue
            for level in _levels(client, bucket, f"{top}/"):
                yield from _strangers(bucket, level.blobs)
                for folder in level.folders:
                    yield from _of_model(engine, client, bucket, folder, newest=newest)


def _levels(client: storage.Client, bucket: str, prefix: str) -> Iterator[Level]:
    """The pages of a folder."""
    for page in client.list_blobs(bucket, prefix=prefix, delimiter="/", retry=RETRY).pages:
        blobs = tuple(page)
        yield Level(blobs, tuple(page.prefixes))


def _of_model(engine: sa.Engine, client: storage.Client, bucket: str, prefix: str, *, newest: dict[str, int]) -> Iterator[Leftover]:
    """The leftovers in the folder of a model, such as content/MODEL/."""
    model = prefix.split("/")[1]
    is_known = MODEL_NAME.fullmatch(model) is not None and model in newest
    for level in _levels(client, bucket, prefix):
        yield from _strangers(bucket, level.blobs, model=model if is_known else None)
        uris = [f"gs://{bucket}/{folder.rstrip('/')}" for folder in level.folders]
        known = known_uris(engine, uris) if is_known else set()
        for uri, folder in zip(uris, level.folders, strict=True):
            if uri not in known and not _is_published(folder, newest.get(model, 0)):
                blobs = tuple(client.list_blobs(bucket, prefix=folder, retry=RETRY))
                if blobs:  # it was not removed meanwhile
                    yield Leftover(uri, model if is_known else None, _origin(folder, is_known=is_known), blobs)


def _number(folder: str) -> int | None:
    """The number of a published version; None for the name of any other folder."""
    top, *_, name = folder.rstrip("/").split("/")
    return int(name) if top == PUBLISHED and NUMBER.fullmatch(name) else None


def _is_published(folder: str, newest: int) -> bool:
    number = _number(folder)
    return number is not None and number <= newest


def _origin(folder: str, *, is_known: bool) -> Origin:
    if not is_known:
        return Origin.OTHER_MODEL
    if folder.startswith(f"{CONTENT}/"):
        return Origin.PUSH
    return Origin.STRANGER if _number(folder) is None else Origin.FUTURE


def _strangers(bucket: str, blobs: Iterable[storage.Blob], *, model: str | None = None) -> Iterator[Leftover]:
    for blob in blobs:
        yield Leftover(f"gs://{bucket}/{blob.name}", model, Origin.STRANGER, (blob,))
