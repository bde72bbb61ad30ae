"""Pin a window of whole partitions: what is in them, and a BigQuery table snapshot that keeps it."""

import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from components.snapshot.partitions import PartitionRange, current_time, is_view, read_partitions
from components.snapshot.pinned import set_expiry
from components.snapshot.rewritten import PartitionChange, partition_changes
from components.snapshot.source import read_history, read_source_table
from components.snapshot.views.copy import copy_view

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNRECORDED = timedelta(days=7)
"""How long a table is kept that no run has recorded: a run that was killed between pinning and recording leaves nothing for ever."""
LEAST_LEFT = timedelta(days=2)
"""What is left to a table before it expires when a run takes it over."""
COPY_SECONDS = 600
APPEARING_SECONDS = 120
"""How long whoever was first may take until his table can be read."""


def latest_partition(cloud: Cloud, model: Model) -> date:
    """The last partition of the source table's history: the default of `--through`.

    Raises:
        SourceError: the table does not exist, is not partitioned as the model says, or has no partition of today or before.
        AccessError: BigQuery refuses or does not answer.
    """
    return read_history(cloud, read_source_table(cloud, model), model.source.partition_field).last


def pin(cloud: Cloud, model: Model, through: date) -> Snapshot:
    """Describe the snapshot and keep its rows as a BigQuery table snapshot. Pinning the same content again changes nothing.

    The table's rows and checksums are compared with those that were counted, whoever made it. It expires after a week, unless the
    snapshot is recorded: see `components.snapshot.pinned.keep_pinned`. A view that changed between the two is described once more.

    Raises:
        SourceError: as `describe_snapshot`, or the table does not hold what was counted, such as rows that are still being streamed in.
        AccessError: BigQuery refuses or does not answer.
    """
    snapshot, wrong, of_view = _pin(cloud, model, through)
    if wrong and of_view:
        snapshot, wrong, of_view = _pin(cloud, model, through)
    if wrong:
        raise SourceError(_sentence(snapshot, wrong, of_view=of_view))
    return snapshot


def _pin(cloud: Cloud, model: Model, through: date) -> tuple[Snapshot, tuple[PartitionChange, ...], bool]:
    """Describe and copy. Returns the partitions of which the copy is wrong, and whether the source is a view."""
    snapshot, as_of = describe_snapshot(cloud, model, through)
    with bigquery_errors(cloud.settings, f"table snapshot {snapshot.snapshot_table}", remedy="run the same command again"):
        of_view = is_view(cloud.warehouse.get_table(snapshot.source_table, timeout=60))
        is_ours = _copy(cloud, snapshot, as_of, of_view=of_view)
        wrong = _differences(cloud, snapshot)
        if wrong and not is_ours and _drop_unrecorded(cloud, snapshot):
            _copy(cloud, snapshot, as_of, of_view=of_view)
            wrong = _differences(cloud, snapshot)
        if wrong:
            _drop_unrecorded(cloud, snapshot)
    return snapshot, wrong, of_view


def _copy(cloud: Cloud, snapshot: Snapshot, as_of: datetime, *, of_view: bool) -> bool:
    """Make the table snapshot, or take over the one of the same content. Returns whether it was made."""
    try:
        if of_view:
            copy_view(cloud, snapshot, as_of + UNRECORDED)
        else:
            _copy_table(cloud, snapshot, as_of)
    except Conflict:
        _take_over(cloud, snapshot, as_of)
        return False
    return True


def _copy_table(cloud: Cloud, snapshot: Snapshot, as_of: datetime) -> None:
    source = f"{snapshot.source_table}@{(as_of - EPOCH) // timedelta(milliseconds=1)}"
    config = bigquery.CopyJobConfig(operation_type=bigquery.OperationType.SNAPSHOT, write_disposition="WRITE_EMPTY")
    config.destination_expiration_time = (as_of + UNRECORDED).isoformat()
    cloud.warehouse.copy_table(source, snapshot.snapshot_table, job_config=config, timeout=60).result(timeout=COPY_SECONDS)


def _take_over(cloud: Cloud, snapshot: Snapshot, now: datetime) -> None:
    """Wait until the table of whoever was first is there, and let it not expire in the midst of this run."""
    deadline = time.monotonic() + APPEARING_SECONDS
    while True:
        try:
            expires = cloud.warehouse.get_table(snapshot.snapshot_table, timeout=60).expires
            break
        except NotFound:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
    if expires is not None and expires < now + LEAST_LEFT:
        set_expiry(cloud.warehouse, cloud.settings, snapshot.snapshot_table, now + UNRECORDED)


def _differences(cloud: Cloud, snapshot: Snapshot) -> tuple[PartitionChange, ...]:
    """The partitions of which the pinned table does not hold what was counted in the source."""
    days, names = (snapshot.partitions[0].day, snapshot.partitions[-1].day), tuple(name for name, _ in snapshot.columns)
    wanted = PartitionRange(snapshot.snapshot_table, snapshot.partition_field, *days, names, kind=snapshot.partition_type)
    return partition_changes(snapshot.partitions, read_partitions(cloud.warehouse, cloud.settings, wanted, current_time(cloud.warehouse)))


def _drop_unrecorded(cloud: Cloud, snapshot: Snapshot) -> bool:
    """Delete a wrong table, or it would be met again. One that never expires may be recorded, and stays. Returns whether it is gone."""
    with suppress(NotFound):
        if cloud.warehouse.get_table(snapshot.snapshot_table, timeout=60).expires is None:
            return False
        cloud.warehouse.delete_table(snapshot.snapshot_table, timeout=60)
    return True


def _sentence(snapshot: Snapshot, wrong: tuple[PartitionChange, ...], *, of_view: bool) -> str:
    if of_view:
        return (
            f"view {snapshot.source_table} gave other rows when it was copied than when they were counted ({len(wrong)} of "
            f"{len(snapshot.partitions)} days, first {wrong[0].day}), twice: run the same command again when its tables are written; if "
            f"it gives other rows each time, by CURRENT_TIMESTAMP(), RAND() or the like, take that out of it; SUM and AVG of FLOAT64, "
            f"ANY_VALUE, ARRAY_AGG and ROW_NUMBER with ties may, too: sum as NUMERIC, and order by a key"
        )
    first = wrong[0]
    return (
        f"table snapshot {snapshot.snapshot_table} does not hold what was counted in {len(wrong)} of {len(snapshot.partitions)} partitions "
        f"of {snapshot.source_table} ({first.day}: {first.pinned_rows:,} rows counted, {first.rows:,} kept): rows in BigQuery's streaming "
        f"buffer are in no copy for up to 90 minutes; wait until they are written, and run the same command again"
    )
