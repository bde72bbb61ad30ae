"""The streaming buffer: rows of tabledata.insertAll are queried at once, but for a while no copy and no table snapshot has them, their
partition is `__UNPARTITIONED__`, and no statement may change them.

BigQuery writes them into the table's storage within 90 minutes; here it takes as many seconds, or what the command line says. A
restart empties the buffer.
"""

import datetime as dt
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local_bigquery.catalog import tabledata, tables
from local_bigquery.engine import database
from local_bigquery.models import Table, TableDataInsertAllRequest

from bigquery.tables import partitions, versions
from bigquery.tables.partitions import Reference

original_insert_all = tabledata.insert_all


@dataclass(frozen=True)
class Streamed:
    """Rows of one call, by DuckLake's row ids, the end excluded."""

    table: Reference
    table_id: int
    first_row: int
    end_row: int
    entered_at: float = field(default_factory=time.time)

    @property
    def condition(self) -> str:
        """A DuckDB condition that holds for all other rows."""
        return f"rowid NOT BETWEEN {self.first_row} AND {self.end_row - 1}"


class Buffer:
    """What was streamed in the last `seconds`, which whoever starts the emulator sets."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._streamed: tuple[Streamed, ...] = ()

    def add(self, streamed: Streamed) -> None:
        """Hold the rows back. The caller holds `versions.committing`."""
        self._streamed = (*self._fresh(), streamed)

    def of(self, table: Reference) -> list[Streamed]:
        """What is in the buffer of a table."""
        version = versions.version(table)
        return [one for one in self._fresh() if version and (one.table, one.table_id) == (table, version.table_id)]

    def _fresh(self) -> Iterable[Streamed]:
        oldest = time.time() - self.seconds
        return [one for one in self._streamed if one.entered_at > oldest]


buffer = Buffer()


def insert_all(project: str, dataset: str, table: str, body: TableDataInsertAllRequest) -> dict[str, object]:
    """Add rows to a table, and hold them back from copies."""
    reference = (project, dataset, f"{table}{body.templateSuffix or ''}")
    partitions.refuse_streaming(reference)
    with versions.committing:  # nobody else adds rows meanwhile
        before = _end(reference) if tables.exists(*reference) else 0
        answer: dict[str, object] = original_insert_all(project, dataset, table, body)
        version, after = versions.version(reference), _end(reference)
        if version and after > before:
            buffer.add(Streamed(reference, version.table_id, before, after))
    return answer


def _end(reference: Reference) -> int:
    """The row id after the last."""
    ((end,),) = database.fetch(f"SELECT coalesce(max(rowid) + 1, 0) FROM {tables.name(*reference)}")
    return int(end)


def written(reference: Reference, rows: str) -> str:
    """What DuckDB selects from to see, of a table's rows, those that are in its storage already."""
    streamed = buffer.of(reference)
    return f"(SELECT * FROM {rows} WHERE {outside(streamed)})" if streamed else rows


def outside(streamed: Sequence[Streamed]) -> str:
    """A DuckDB condition that holds for the rows which are not in the buffer."""
    return " AND ".join(one.condition for one in streamed) or "true"


def describe(resource: Table, reference: Reference) -> Table:
    """The table's resource with its buffer, whose rows and bytes do not count as the table's."""
    streamed = buffer.of(reference)
    if not streamed:
        return resource
    rows, all_rows, size = sum(one.end_row - one.first_row for one in streamed), int(resource.numRows or 0), int(resource.numBytes or 0)
    waiting = math.ceil(size * rows / all_rows) if all_rows else 0
    kept = str(size - waiting)
    oldest = dt.datetime.fromtimestamp(min(one.entered_at for one in streamed), dt.UTC)
    return resource.replace(
        numRows=str(all_rows - rows),
        numBytes=kept,
        numTotalLogicalBytes=kept,
        numActiveLogicalBytes=kept,
        streamingBuffer={
            "estimatedRows": str(rows),
            "estimatedBytes": str(waiting),
            "oldestEntryTime": str(int(oldest.timestamp() * 1000)),
        },
    )
