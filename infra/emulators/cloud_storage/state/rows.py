"""The metadata of buckets and objects, in SQLite."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from cloud_storage.json_api.resources import Bucket, Content, State, StoredObject

SCHEMA = Path(__file__).with_name("schema.sql")
TIMES = ("created", "updated", "class_changed", "retired", "soft_deleted", "expires")


class Rows:
    """One connection. Whoever calls holds the store's lock, and is inside `transaction` when writing."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        # FULL: a deletion must be on disk before the bytes go, else a power cut could bring back a row without its bytes.
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        self._connection.executescript(SCHEMA.read_text())

    def close(self) -> None:
        """Write everything out."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def bucket(self, name: str) -> Bucket | None:
        """A bucket by its name."""
        row = self._connection.execute("SELECT document FROM buckets WHERE name = ?", (name,)).fetchone()
        return _bucket(row[0]) if row else None

    def buckets(self, prefix: str = "") -> list[Bucket]:
        """Buckets in the order of their names."""
        rows = self._connection.execute("SELECT document FROM buckets WHERE substr(name, 1, ?) = ? ORDER BY name", (len(prefix), prefix))
        return [_bucket(document) for (document,) in rows]

    def save_bucket(self, bucket: Bucket) -> None:
        """Add or replace a bucket."""
        statement = "INSERT INTO buckets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document"
        self._connection.execute(statement, (bucket.name, _document(bucket)))

    def drop_bucket(self, name: str) -> None:
        """Remove a bucket that has no versions of objects left."""
        self._connection.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def live(self, bucket: str, name: str) -> StoredObject | None:
        """The version that readers get who name none."""
        statement = "SELECT document FROM objects WHERE bucket = ? AND name = ? AND state = 'live'"
        row = self._connection.execute(statement, (bucket, name)).fetchone()
        return _object(row[0]) if row else None

    def version(self, bucket: str, name: str, generation: int) -> StoredObject | None:
        """A version in whatever state."""
        statement = "SELECT document FROM objects WHERE bucket = ? AND name = ? AND generation = ?"
        row = self._connection.execute(statement, (bucket, name, generation)).fetchone()
        return _object(row[0]) if row else None

    def scan(self, bucket: str, states: frozenset[State], after: tuple[str, int] = ("", 0)) -> Iterator[StoredObject]:
        """Versions in the order of name and generation, the first one beyond `after`."""
        statement = """
            SELECT document FROM objects
            WHERE bucket = ? AND (name, generation) > (?, ?) AND state IN (SELECT value FROM json_each(?))
            ORDER BY name, generation"""
        for (document,) in self._connection.execute(statement, (bucket, *after, json.dumps(sorted(states)))):
            yield _object(document)

    def save(self, stored: StoredObject) -> None:
        """Add a version, or replace all of it but its file."""
        statement = """
            INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (bucket, name, generation) DO UPDATE SET state = excluded.state, document = excluded.document"""
        key = (stored.bucket, stored.name, stored.generation)
        self._connection.execute(statement, (*key, stored.state, stored.content.file, _document(stored)))

    def drop(self, stored: StoredObject) -> None:
        """Remove a version."""
        statement = "DELETE FROM objects WHERE bucket = ? AND name = ? AND generation = ?"
        self._connection.execute(statement, (stored.bucket, stored.name, stored.generation))

    def uses(self, file: str) -> bool:
        """Whether any version's bytes are in this file. Copies share theirs."""
        return self._connection.execute("SELECT 1 FROM objects WHERE file = ? LIMIT 1", (file,)).fetchone() is not None

    def files(self) -> frozenset[str]:
        """Every file that holds some version's bytes."""
        return frozenset(file for (file,) in self._connection.execute("SELECT DISTINCT file FROM objects"))

    def latest_generation(self) -> int:
        """The greatest generation given out, 0 at first."""
        (latest,) = self._connection.execute("SELECT coalesce(max(generation), 0) FROM objects").fetchone()
        return int(latest)


def _document(item: Bucket | StoredObject) -> str:
    return json.dumps(asdict(item), default=datetime.isoformat)


def _fields(document: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(document)
    return fields | {name: datetime.fromisoformat(fields[name]) for name in TIMES if fields.get(name)}


def _bucket(document: str) -> Bucket:
    return Bucket(**_fields(document))


def _object(document: str) -> StoredObject:
    fields = _fields(document)
    fields |= {"content": Content(**fields["content"]), "state": State(fields["state"])}
    return StoredObject(**fields)
