"""The document of a snapshot: which partitions were pinned, what they held, and the query over them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.canonical import canonical_json, fingerprint
from components.google import table_name
from components.model.folder import Model
from components.snapshot.window import Window

if TYPE_CHECKING:
    from google.cloud import bigquery

SNAPSHOT_FILE = "snapshot.json"
"""The name of the document in an artifact."""
LOADING = {"_PARTITIONDATE": ("DATE", ("DAY",)), "_PARTITIONTIME": ("TIMESTAMP", ("DAY", "HOUR"))}
"""The pseudo columns of a table that is partitioned by when its rows are loaded: type, and the units of partitions that tell the day."""


def field_type(field: str, columns: Mapping[str, str]) -> str:
    """BigQuery's type of a partition field.

    Args:
        field: a column, or a pseudo column.
        columns: the types of the table's columns by name.
    """
    return LOADING[field][0] if field in LOADING else columns.get(field, "DATE")


@dataclass(frozen=True)
class Partition:
    """One day of the source table: how many rows, and an order-independent checksum of their content."""

    day: date
    rows: int
    checksum: str

    @property
    def document(self) -> dict[str, object]:
        """The partition as plain JSON values."""
        return {"day": self.day.isoformat(), "rows": self.rows, "checksum": self.checksum}


@dataclass(frozen=True)
class Snapshot:
    """What a training run reads. The same content always has the same id, whenever it is pinned."""

    model: str
    source_table: str
    """project.dataset.table"""
    partition_field: str
    columns: tuple[tuple[str, str], ...]
    """(name, BigQuery type) of the source table, by name."""
    partitions: tuple[Partition, ...]
    spans: tuple[date, ...]
    query_sha256: str

    @classmethod
    def of(
        cls, model: Model, table: "bigquery.Table", *, partition_field: str, partitions: tuple[Partition, ...], spans: tuple[date, ...]
    ) -> "Snapshot":
        """The snapshot of partitions of a table, for the model's source.sql."""
        return cls(
            model=model.name,
            source_table=table_name(table),
            partition_field=partition_field,
            columns=tuple(sorted((column.name, column.field_type) for column in table.schema)),
            partitions=partitions,
            spans=spans,
            query_sha256=model.query_sha256,
        )

    @property
    def partition_type(self) -> str:
        """BigQuery's type of the partition field."""
        return field_type(self.partition_field, dict(self.columns))

    @property
    def window(self) -> Window:
        """The spans, and the first and the last pinned partition."""
        return Window(self.spans, self.partitions[0].day, self.partitions[-1].day)

    @property
    def document(self) -> dict[str, object]:
        """The snapshot as plain JSON values with ISO dates: this is what is written and hashed."""
        return {
            **asdict(self),
            "columns": [list(column) for column in self.columns],
            "partitions": [partition.document for partition in self.partitions],
            "spans": [span.isoformat() for span in self.spans],
        }

    @property
    def snapshot_id(self) -> str:
        """SHA-256 of the canonical JSON document, 64 hexadecimal digits."""
        return fingerprint(self.document)

    @property
    def snapshot_table(self) -> str:
        """The BigQuery table snapshot that keeps the pinned rows. Snapshots of the same rows share it."""
        return f"{self.source_table}_pinned_{fingerprint([self.source_table, self.columns, self.content_checksum])[:16]}"

    @property
    def source_rows(self) -> int:
        """How many rows all pinned partitions have."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def schema_fingerprint(self) -> str:
        """SHA-256 of the columns and their types."""
        return fingerprint(self.columns)

    @property
    def content_checksum(self) -> str:
        """SHA-256 over the partitions' checksums."""
        return fingerprint([partition.document for partition in self.partitions])

    def span_fingerprint(self, span: date, *, first: date, last: date, recipe: str) -> str:
        """A fingerprint of all that a span's rows depend on: the partitions from `first` to `last`, the query, and `recipe`.

        `recipe` describes how rows become examples.
        """
        partitions = [partition.document for partition in self.partitions if first <= partition.day <= last]
        return fingerprint([span.isoformat(), self.source_table, self.columns, partitions, self.query_sha256, recipe])

    def to_json(self) -> str:
        """The canonical JSON of the document."""
        return canonical_json(self.document)


def read_snapshot_document(path: Path) -> Snapshot:
    """Read a snapshot from its document at `path`."""
    return snapshot_from(json.loads(path.read_text()))


def snapshot_from(document: Mapping[str, Any]) -> Snapshot:
    """The snapshot that a document of plain JSON values describes."""
    return Snapshot(
        **dict(document)
        | {
            "columns": tuple((name, kind) for name, kind in document["columns"]),
            "partitions": tuple(
                Partition(**partition | {"day": date.fromisoformat(partition["day"])}) for partition in document["partitions"]
            ),
            "spans": tuple(date.fromisoformat(span) for span in document["spans"]),
        }
    )
