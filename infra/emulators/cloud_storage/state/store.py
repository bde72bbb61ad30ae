"""The rules of Cloud Storage: what writing, replacing and deleting an object does, one change at a time."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from cloud_storage.errors import ForbiddenError, NotFoundError
from cloud_storage.json_api.preconditions import ANY, Preconditions
from cloud_storage.json_api.resources import Bucket, Content, Resource, State, StoredObject, now
from cloud_storage.permissions import refuse_without
from cloud_storage.state.files import Files, Incoming
from cloud_storage.state.rows import Rows


class FolderInUseError(Exception):
    """Another emulator keeps its state in the same folder."""


@dataclass(frozen=True)
class NewObject:
    """What is to become the live version of an object."""

    bucket: str
    name: str
    given: Resource
    storage_class: str | None = None
    """None means the bucket's."""


class Transaction:
    """One change of the metadata, alone while it lasts."""

    def __init__(self, rows: Rows, generation: int) -> None:
        self.rows = rows
        self.generation = generation
        self.orphans: set[str] = set()
        """Files that this change may have left without a row."""

    def bucket(self, name: str) -> Bucket:
        """A bucket that must exist."""
        bucket = self.rows.bucket(name)
        if bucket is None:
            raise NotFoundError("The specified bucket does not exist.")
        return bucket

    def object(self, bucket: str, name: str, generation: int | None = None, *, soft_deleted: bool = False) -> StoredObject:
        """The live version, or the one of a generation. Soft-deleted versions are there only for who asks for them."""
        found = self.rows.live(bucket, name) if generation is None else self.rows.version(bucket, name, generation)
        if found is None or (found.state is State.SOFT_DELETED) != soft_deleted:
            self.bucket(bucket)
            raise NotFoundError(f"No such object: {bucket}/{name}")
        return found

    def check(self, bucket: str, name: str, conditions: Preconditions) -> None:
        """Hold an object to be written against the conditions; it need not exist."""
        live = self.rows.live(bucket, name)
        conditions.check(live.generation if live else 0, live.metageneration if live else 0)

    def publish(self, new: NewObject, content: Content, conditions: Preconditions = ANY) -> StoredObject:
        """Make bytes the live version, if the conditions hold now; what was live before is retired."""
        bucket = self.bucket(new.bucket)
        self.check(new.bucket, new.name, conditions)
        moment = now()
        previous = self.rows.live(new.bucket, new.name)
        if previous is not None:
            refuse_without("storage.objects.delete", new.bucket)
            self.retire(previous, moment)
        self.generation = max(self.generation + 1, time.time_ns() // 1000)
        stored = StoredObject(
            bucket=new.bucket,
            name=new.name,
            generation=self.generation,
            content=content,
            storage_class=new.storage_class or bucket.storage_class,
            created=moment,
            updated=moment,
            class_changed=moment,
            given={name: value for name, value in new.given.items() if value is not None},
        )
        self.rows.save(stored)
        return stored

    def retire(self, stored: StoredObject, moment: datetime) -> None:
        """Delete the live version; a bucket with versions keeps it as a noncurrent one."""
        bucket = self.bucket(stored.bucket)
        if not bucket.keeps_versions:
            self.remove(stored, moment)
            return
        refuse_if_protected(stored, bucket, moment)
        self.rows.save(replace(stored, state=State.NONCURRENT, retired=moment))

    def remove(self, stored: StoredObject, moment: datetime) -> None:
        """Delete this version; a bucket with soft deletion keeps it for a while, out of sight."""
        bucket = self.bucket(stored.bucket)
        refuse_if_protected(stored, bucket, moment)
        if not bucket.soft_delete_seconds:
            self.purge(stored)
            return
        expires = moment + timedelta(seconds=bucket.soft_delete_seconds)
        self.rows.save(replace(stored, state=State.SOFT_DELETED, soft_deleted=moment, expires=expires))

    def purge(self, stored: StoredObject) -> None:
        """Delete this version for good."""
        self.rows.drop(stored)
        self.orphans.add(stored.content.file)

    def purge_expired(self, moment: datetime) -> None:
        """Delete for good what was soft-deleted long enough ago."""
        for bucket in self.rows.buckets():
            for stored in list(self.rows.scan(bucket.name, frozenset({State.SOFT_DELETED}))):
                if stored.expires is not None and stored.expires <= moment:
                    self.purge(stored)


def refuse_if_protected(stored: StoredObject, bucket: Bucket, moment: datetime) -> None:
    """Raises ForbiddenError when a hold or the bucket's retention policy protects a version from deletion."""
    what = f"Object '{stored.bucket}/{stored.name}'"
    if stored.given.get("temporaryHold") or stored.given.get("eventBasedHold"):
        raise ForbiddenError(f"{what} is under active hold and cannot be deleted, overwritten or archived until hold is removed.")
    until = stored.created + timedelta(seconds=bucket.retention_seconds)
    if until > moment:
        message = f"{what} is subject to bucket's retention policy and cannot be deleted, overwritten or archived until {until.isoformat()}"
        raise ForbiddenError(message, reason="retentionPolicyNotMet")


class Store:
    """Rows and files in one folder. Changes come one after another, so that a precondition holds when its change is made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._guard = _lock_folder(folder)
        self._lock = threading.Lock()
        self._files = Files(folder)
        self._rows = Rows(folder / "metadata.db")
        self._generation = self._rows.latest_generation()
        self._files.sweep(self._rows.files())
        with self.transaction() as change:
            change.purge_expired(now())

    def close(self) -> None:
        """Leave the folder to others."""
        with self._lock:
            self._rows.close()
            os.close(self._guard)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything inside happens, or nothing does. Bytes go only once the row that pointed to them is gone for sure."""
        with self._lock:
            change = Transaction(self._rows, self._generation)
            with self._rows.transaction():
                yield change
            self._generation = change.generation
            for file in change.orphans:
                self._remove_unused(file)

    def receive(self) -> Incoming:
        """A place for bytes to arrive at."""
        return self._files.receive()

    def keep(self, content: Content) -> None:
        """Put a sealed file where published objects' bytes are. A row may point to it from now on."""
        self._files.keep(content)

    def discard(self, content: Content) -> None:
        """Take back `keep`, unless a row points there."""
        with self._lock:
            self._remove_unused(content.file)

    def open(
        self, bucket: str, name: str, generation: int | None, conditions: Preconditions, *, soft_deleted: bool = False
    ) -> tuple[StoredObject, BinaryIO]:
        """A version and its bytes. Opened together, the bytes stay readable when the object is replaced meanwhile."""
        with self.transaction() as change:
            stored = change.object(bucket, name, generation, soft_deleted=soft_deleted)
            conditions.check(stored.generation, stored.metageneration, reading=True)
            return stored, self._files.open(stored.content)

    def _remove_unused(self, file: str) -> None:
        if not self._rows.uses(file):
            self._files.remove(file)


def _lock_folder(folder: Path) -> int:
    guard = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(guard)
        raise FolderInUseError(f"{folder} is in use by another Cloud Storage emulator") from error
    return guard
