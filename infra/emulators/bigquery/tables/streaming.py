"""The streaming buffer: rows of tabledata.insertAll are queried at once, but for a while no copy and no table snapshot has them, their
partition is `__UNPARTITIONED__`, and no statement may change them.

BigQuery writes them into the table's storage within 90 minutes; here it takes as many seconds, or what the command line says. A
restart empties the buffer.

Rows of a table that is partitioned by ingestion time have the time at which they came from the start, and queries see it once they have
left the buffer: until then it is NULL.
"""

import datetime as dt
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local_bigquery.catalog import tabledata
from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table, TableDataInsertAllRequest

from bigquery.tables import partitions, versions
from bigquery.tables.partitions import Partitioning, Reference, Unit

original_insert_all = tabledata.insert_all

LONGEST_PAST, LONGEST_FUTURE = dt.timedelta(days=31), dt.timedelta(days=16)
"""How far from today the partition may be that rows are streamed into by its name."""


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
        streamed = [one for one in self._fresh() if one.table == table]
        version = versions.version(table) if streamed else None
        return [one for one in streamed if version and one.table_id == version.table_id]

    def _fresh(self) -> Iterable[Streamed]:
        oldest = time.time() - self.seconds
        return [one for one in self._streamed if one.entered_at > oldest]


buffer = Buffer()


def insert_all(project: str, dataset: str, table: str, body: TableDataInsertAllRequest) -> dict[str, object]:
    """Add rows to a table, or to a partition of it, and hold them back from copies.

    Raises:
        BigQueryError: no rows can be streamed into that partition.
    """
    reference, partition_id = partitions.split((project, dataset, f"{table}{body.templateSuffix or ''}"))
    partitioning = partitions.of_table(reference)
    if partition_id:
        _check(reference, partitioning, partition_id)
        table = reference[2]
    with entering(reference):
        if partitioning is None or not partitioning.is_by_ingestion:
            return dict(original_insert_all(project, dataset, table, body))
        return _insert_at(partitioning.moment(partition_id), (project, dataset, table), body)


def _check(reference: Reference, partitioning: Partitioning | None, partition_id: str) -> None:
    label = f"{reference[2]}${partition_id}"
    if partitioning is None or not partitioning.is_by_ingestion:
        raise BigQueryError("invalid", f"Streaming to metadata partition of column based partitioning table {label} is disallowed.")
    if partitioning.unit is not Unit.DAY:
        raise BigQueryError("invalid", f"Streaming to the partition {label} is only supported for daily partitioned tables.")
    day, today = partitioning.moment(partition_id), partitioning.moment(None)
    if not today - LONGEST_PAST <= day <= today + LONGEST_FUTURE:
        bounds = f"{LONGEST_PAST.days} days in the past and {LONGEST_FUTURE.days} days in the future relative to the current date"
        message = (
            f"The destination table's partition {label} is outside the allowed bounds. You can only stream to partitions within {bounds}."
        )
        raise BigQueryError("invalid", message)


def _insert_at(moment: dt.datetime, reference: Reference, body: TableDataInsertAllRequest) -> dict[str, object]:
    """Add rows with the hidden column, which no client can name."""
    rows = [(row.json_.model_dump() if row.json_ else {}, row.insertId) for row in body.rows or []]
    named = (
        {}
        if body.ignoreUnknownValues
        else {index: name for index, (row, _) in enumerate(rows) for name in row if name.upper() == INGESTION_TIME}
    )
    kept = [index for index in range(len(rows)) if index not in named] if body.skipInvalidRows or not named else []
    told = {index: ("invalid", name, f"no such field: {name}.") for index, name in named.items()}
    errors = [_error(index, *told.get(index, ("stopped", "", ""))) for index in range(len(rows)) if index not in kept]
    given = [{"json": _with_time(rows[index][0], moment), "insertId": rows[index][1]} for index in kept]
    answer = original_insert_all(*reference, body.replace(rows=given)) if given else {}
    errors += [{**error, "index": kept[error["index"]]} for error in answer.get("insertErrors", [])]
    return {"insertErrors": sorted(errors, key=lambda error: int(error["index"]))} if errors else {}


def _with_time(row: dict[str, object], moment: dt.datetime) -> dict[str, object]:
    return {name: value for name, value in row.items() if name.upper() != INGESTION_TIME} | {INGESTION_TIME: moment.isoformat()}


def _error(index: int, reason: str, location: str, message: str) -> dict[str, Any]:
    return {"index": index, "errors": [{"reason": reason, "location": location, "debugInfo": "", "message": message}]}


@contextmanager
def entering(reference: Reference) -> Iterator[None]:
    """Hold back from copies the rows that are added to a table meanwhile. Nobody else adds any."""
    with versions.committing:
        before_id, before = _end(reference)
        yield
        table_id, end = _end(reference)
        first = before if table_id == before_id else 0
        if end > first:
            buffer.add(Streamed(reference, table_id, first, end))


def _end(reference: Reference) -> tuple[int, int]:
    """The number of a table, and the row id after its last; zeros if there is no table."""
    version = versions.version(reference)
    return (version.table_id, versions.end_of_rows(reference, version.table_id)) if version else (0, 0)


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
