"""Snapshots: the id is the content."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from components.canonical import fingerprint
from components.errors import RegistryError
from components.registry.runs import Run, start_run
from components.registry.snapshots import DatasetRole, Snapshot, link_run, read_snapshot, record_snapshot

NewSnapshot = Callable[..., Snapshot]


def test_a_snapshot_comes_back_as_it_was_recorded(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    snapshot = new_snapshot()
    record_snapshot(connection, snapshot)
    record_snapshot(connection, snapshot)
    assert read_snapshot(connection, snapshot.snapshot_id) == snapshot


def test_a_document_that_comes_back_still_has_its_id(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    document = {"z": [1, 2.5, 1e-7, 1.0, -(2**63), True, None], "a": {"ß": "€\n\"\\'", "": []}, "big": 2**70, "small": 5e-324}
    snapshot = new_snapshot(document=document, snapshot_id=fingerprint(document))
    record_snapshot(connection, snapshot)
    assert fingerprint(read_snapshot(connection, snapshot.snapshot_id).document) == snapshot.snapshot_id


def test_an_id_of_another_document_is_refused(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    snapshot = new_snapshot(document={"rows": 1})
    message = f"'{snapshot.snapshot_id}' is not its document's SHA-256, which is {fingerprint({'rows': 1})}: pin the data again"
    with pytest.raises(RegistryError, match=message):
        record_snapshot(connection, snapshot)


def test_an_id_means_one_snapshot(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    snapshot = new_snapshot()
    record_snapshot(connection, snapshot)
    with pytest.raises(RegistryError, match=f"snapshot {snapshot.snapshot_id} is already recorded with row_count 1000, not 999"):
        record_snapshot(connection, replace(snapshot, row_count=999))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_count": -1}, "row_count_check"),
        ({"source_table": "purchases"}, "source_table_check"),
        ({"partition_to": date(1998, 4, 1)}, "violates check constraint .* Failing row contains"),
        ({"query_sha256": "select 1"}, "domain sha256 violates .* query_sha256 'select 1'"),
    ],
)
def test_values_that_no_snapshot_has_are_refused(
    connection: sa.Connection, new_snapshot: NewSnapshot, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(RegistryError, match=rf"the registry refuses snapshots\.insert: .*{message}"):
        record_snapshot(connection, new_snapshot(**change))


def test_an_unknown_snapshot_says_so(connection: sa.Connection) -> None:
    with pytest.raises(RegistryError, match="snapshot 'abc' is not in the registry"):
        read_snapshot(connection, "abc")


def test_a_run_is_linked_once_for_each_role(connection: sa.Connection, new_run: Callable[..., Run], new_snapshot: NewSnapshot) -> None:
    run, snapshot = new_run(), new_snapshot()
    start_run(connection, run)
    record_snapshot(connection, snapshot)
    for role in (DatasetRole.TRAIN, DatasetRole.TEST, DatasetRole.TRAIN):
        link_run(connection, run.run_id, role, snapshot.snapshot_id)
    rows = connection.execute(sa.text("SELECT role FROM registry.run_dataset WHERE run_id = :run_id ORDER BY role"), {"run_id": run.run_id})
    assert rows.scalars().all() == ["test", "train"]


def test_a_link_needs_both_ends(connection: sa.Connection, new_run: Callable[..., Run]) -> None:
    run = new_run()
    start_run(connection, run)
    with pytest.raises(RegistryError, match=r'Key \(snapshot_id\)=\(0+\) is not present in table "dataset_snapshot"'):
        link_run(connection, run.run_id, DatasetRole.TRAIN, "0" * 64)
