"""The document of a snapshot: what its id depends on, and that it survives being written."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from components.canonical import canonical_json, fingerprint
from components.snapshot.document import Partition, Snapshot, read_snapshot_document

SNAPSHOT = Snapshot(
    model="visits",
    source_table="p.site.visits",
    partition_field="day",
    columns=(("day", "DATE"), ("pages", "INTEGER")),
    partitions=(Partition(date(2026, 3, 1), 20, "aa"), Partition(date(2026, 3, 2), 21, "bb"), Partition(date(2026, 3, 3), 22, "cc")),
    spans=(date(2026, 3, 1), date(2026, 3, 2)),
    query_sha256="dd",
)


def changed_partition(number: int, **changes: object) -> Snapshot:
    partitions = list(SNAPSHOT.partitions)
    partitions[number] = replace(partitions[number], **changes)  # type: ignore[arg-type]
    return replace(SNAPSHOT, partitions=tuple(partitions))


def span_fingerprint(snapshot: Snapshot, span: date = date(2026, 3, 2), *, recipe: str = "r") -> str:
    return snapshot.span_fingerprint(span, first=date(2026, 3, 2), last=date(2026, 3, 3), recipe=recipe)


def test_a_written_document_is_read_back_whole(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_text(SNAPSHOT.to_json())
    assert read_snapshot_document(tmp_path / "snapshot.json") == SNAPSHOT
    assert read_snapshot_document(tmp_path / "snapshot.json").snapshot_id == SNAPSHOT.snapshot_id


def test_the_id_is_the_sha_256_of_the_document() -> None:
    assert SNAPSHOT.snapshot_id == fingerprint(SNAPSHOT.document) == "c3186f3c9db0371d2714285307393b857fb140897b2a914d33c0ea2bf355a2b3"
    assert SNAPSHOT.to_json() == canonical_json(SNAPSHOT.document)


@pytest.mark.parametrize(
    "other",
    [
        replace(SNAPSHOT, model="basket"),
        replace(SNAPSHOT, source_table="q.site.visits"),
        replace(SNAPSHOT, partition_field="date"),
        replace(SNAPSHOT, columns=(("day", "DATE"), ("pages", "FLOAT"))),
        replace(SNAPSHOT, spans=SNAPSHOT.spans[1:]),
        replace(SNAPSHOT, partitions=SNAPSHOT.partitions[1:]),
        replace(SNAPSHOT, query_sha256="ee"),
        changed_partition(0, checksum="ab"),
        changed_partition(0, rows=21),
        changed_partition(0, day=date(2026, 2, 28)),
    ],
)
def test_everything_in_the_document_is_in_the_id(other: Snapshot) -> None:
    assert other.snapshot_id != SNAPSHOT.snapshot_id


def test_rows_and_fingerprints_are_told() -> None:
    assert SNAPSHOT.source_rows == 63
    assert changed_partition(0, checksum="ab").content_checksum != SNAPSHOT.content_checksum
    assert replace(SNAPSHOT, columns=()).schema_fingerprint != SNAPSHOT.schema_fingerprint
    assert changed_partition(0, checksum="ab").schema_fingerprint == SNAPSHOT.schema_fingerprint


def test_snapshots_of_the_same_rows_share_a_table() -> None:
    other_model = replace(SNAPSHOT, model="basket", query_sha256="ee", spans=SNAPSHOT.spans[1:])
    assert other_model.snapshot_table == SNAPSHOT.snapshot_table
    assert SNAPSHOT.snapshot_table.startswith("p.site.visits_pinned_")


@pytest.mark.parametrize("other", [changed_partition(2, checksum="cd"), replace(SNAPSHOT, columns=SNAPSHOT.columns[:1])])
def test_snapshots_of_other_rows_have_another_table(other: Snapshot) -> None:
    assert other.snapshot_table != SNAPSHOT.snapshot_table


def test_a_span_depends_on_its_own_partitions_only() -> None:
    assert span_fingerprint(changed_partition(0, checksum="ab")) == span_fingerprint(SNAPSHOT)
    assert span_fingerprint(replace(SNAPSHOT, spans=SNAPSHOT.spans[1:], partitions=SNAPSHOT.partitions[1:])) == span_fingerprint(SNAPSHOT)
    assert span_fingerprint(changed_partition(1, checksum="ab")) != span_fingerprint(SNAPSHOT)
    assert span_fingerprint(changed_partition(2, checksum="ab")) != span_fingerprint(SNAPSHOT)


def test_a_span_depends_on_the_query_the_columns_the_table_and_the_recipe() -> None:
    others = {
        span_fingerprint(SNAPSHOT),
        span_fingerprint(SNAPSHOT, recipe="s"),
        span_fingerprint(SNAPSHOT, date(2026, 3, 3)),
        span_fingerprint(replace(SNAPSHOT, query_sha256="ee")),
        span_fingerprint(replace(SNAPSHOT, columns=())),
        span_fingerprint(replace(SNAPSHOT, source_table="q.site.visits")),
    }
    assert len(others) == 6
