"""What is removed from the bucket, and what grows cold there: never the bytes of what is live, or was and could be again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.registry.publish import published_uri
from components.storage.errors import storage_errors
from components.storage.lifecycle import AGES, CLASSES
from components.storage.manifest import NAME
from components.storage.objects import RETRY, blobs_by_path, split_uri
from components.upkeep.inventory import Scope, StoredVersion, newest_versions, stored_versions
from components.upkeep.leftovers import GRACE, PUBLISHED, Leftover, Origin, leftovers


class Verb(StrEnum):
    """What is done with objects."""

    REMOVE = "remove"
    MOVE = "move"
    """Objects are moved to a colder class."""
    LEAVE = "leave"


@dataclass(frozen=True)
class Disposition:
    """What is done with some objects, and why."""

    verb: Verb
    uri: str
    reason: str
    blobs: tuple[storage.Blob, ...]
    storage_class: str | None = None

    @property
    def size(self) -> int:
        """The size of all objects in bytes."""
        return sum(blob.size for blob in self.blobs)


def collect(engine: sa.Engine, client: storage.Client, bucket: str, *, now: datetime) -> Iterator[Disposition]:
    """Plan what is to be removed or moved as of `now`, mostly in the order of names. Nothing is done yet.

    `now` is the registry's time, and not that of this machine, whose clock may be wrong: ages are counted from it.

    Raises:
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    ahead = _models_ahead(engine, client, bucket)
    for leftover in leftovers(engine, client, bucket):
        yield _of_leftover(leftover, ahead, now)
    for version in stored_versions(engine, Scope()):
        yield from _of_version(client, bucket, version, now)


def _models_ahead(engine: sa.Engine, client: storage.Client, bucket: str) -> set[str]:
    """Models of which the bucket has versions that the registry has not: its database was put back, and leftovers may be their bytes."""
    found = (leftovers(engine, client, bucket, model=model, tops=(PUBLISHED,)) for model in newest_versions(engine))
    return {leftover.model for of_model in found for leftover in of_model if leftover.origin == Origin.FUTURE and leftover.model}


def _of_leftover(leftover: Leftover, ahead: set[str], now: datetime) -> Disposition:
    age = now - leftover.touched
    if leftover.model is None or leftover.origin == Origin.FUTURE:
        verb, reason = Verb.LEAVE, str(leftover.origin)
    elif leftover.model in ahead:
        verb, reason = Verb.LEAVE, f"the bucket has later versions of {leftover.model} than the registry: is its database older?"
    elif age < GRACE:
        verb, reason = Verb.LEAVE, f"{leftover.origin}, {age.days} days old: it is left for {GRACE.days}"
    else:
        verb, reason = Verb.REMOVE, f"{leftover.origin}, {age.days} days old"
    return Disposition(verb, leftover.uri, reason, leftover.blobs)


def _of_version(client: storage.Client, bucket: str, version: StoredVersion, now: datetime) -> Iterator[Disposition]:
    if version.problem is not None:
        reason = f"{version.problem}; nothing of {version.model} {version.number} is touched"
        yield Disposition(Verb.LEAVE, version.manifest.uri, reason, ())
        return
    published = published_uri(bucket, version.model, version.number)
    with storage_errors(bucket):
        copies = blobs_by_path(client, *split_uri(published))
        home, prefix = split_uri(version.manifest.uri)
        pushed = blobs_by_path(client, home, prefix) if home == bucket else {}
    for uri, blobs in ((version.manifest.uri, pushed), (published, copies)):
        for path in sorted(blobs.keys() - version.entries.keys() - {NAME}):
            stranger = Leftover(f"{uri}/{path}", version.model, Origin.STRANGER, (blobs[path],))
            yield _of_leftover(stranger, set(), now)
    own = tuple(blob for path, blob in copies.items() if path in version.entries or path == NAME)
    if version.live or (version.deployed and not version.retired) or not own:
        return
    if version.retired:
        yield Disposition(Verb.REMOVE, published, "the published copy of a retired version", own)
        return
    yield from _cooling(version, published, own, (now - version.created_at).days)


def _cooling(version: StoredVersion, published: str, own: tuple[storage.Blob, ...], days: int) -> Iterator[Disposition]:
    """The objects that are due for a colder class by the age of their version: a moved copy is a new object, whose own age begins anew."""
    wanted = max((name for name, age in AGES.items() if days >= age), key=CLASSES.index, default="STANDARD")
    warmer = tuple(blob for blob in own if CLASSES.index(blob.storage_class) < CLASSES.index(wanted))
    if warmer:
        reason = f"{version.model} {version.number} was never deployed and is {days} days old"
        yield Disposition(Verb.MOVE, published, reason, warmer, wanted)


def perform(action: Disposition) -> bool:
    """Carry out a plan unless an object changed since it was looked at; return whether it was done. The next call goes on where it stopped.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    with storage_errors(split_uri(action.uri)[0]):
        try:
            # The manifest goes first: a folder without one does not count.
            for blob in sorted(action.blobs, key=lambda blob: (not blob.name.endswith(f"/{NAME}"), blob.name)):
                if action.verb == Verb.REMOVE:
                    _remove(blob)
                elif action.storage_class is not None:
                    _move(blob, action.storage_class)
        except PreconditionFailed:
            return False
    return True


def _remove(blob: storage.Blob) -> None:
    """Delete an object: it becomes noncurrent, and goes for good when the bucket's rules say so."""
    try:
        blob.bucket.delete_blob(blob.name, if_generation_match=blob.generation, if_metageneration_match=blob.metageneration, retry=RETRY)
    except NotFound:
        return


def _move(blob: storage.Blob, storage_class: str) -> None:
    """Have Cloud Storage write the same bytes to a colder class. The warm generation would cost more than is saved, and is deleted."""
    before, crc32c = blob.generation, blob.crc32c
    blob.update_storage_class(storage_class, if_generation_match=before, if_source_generation_match=before, retry=RETRY)
    if blob.crc32c == crc32c:
        blob.bucket.delete_blob(blob.name, generation=before, retry=RETRY)
