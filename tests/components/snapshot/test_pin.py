"""Pinning: what was pinned stays, and pinning again changes nothing."""

from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition
from tests.components.visits import DAYS, Row, Site, day, query, visits


def pinned_rows(site: Site, snapshot: Snapshot, number: int) -> list[tuple[object, ...]]:
    return query(site, f"SELECT visitor, pages FROM `{snapshot.snapshot_table}` WHERE day = '{day(number)}' ORDER BY visitor")


def changed(rows: list[Row], index: int, **values: object) -> list[Row]:
    return [{**row, **values} if number == index else row for number, row in enumerate(rows)]


def test_pinning_keeps_the_rows_when_the_partition_is_written_again(own_site: Site) -> None:
    model = own_site.model()
    snapshot = own_site.pin(model)
    rows = pinned_rows(own_site, snapshot, 4)
    assert len(rows) == 20
    own_site.load(changed(visits(4), 7, pages=100), day(4))
    assert pinned_rows(own_site, snapshot, 4) == rows
    later = own_site.pin(model)
    assert later.snapshot_table != snapshot.snapshot_table
    assert pinned_rows(own_site, later, 4) != rows


def test_pinning_again_changes_nothing(own_site: Site) -> None:
    model = own_site.model()
    first = own_site.pin(model)
    made = own_site.client.get_table(first.snapshot_table)
    assert own_site.pin(model) == first
    again = own_site.client.get_table(first.snapshot_table)
    assert (again.created, again.modified, again.etag) == (made.created, made.modified, made.etag)
    assert made.snapshot_definition is not None
    assert len([table for table in own_site.client.list_tables(own_site.name.rpartition(".")[0]) if "_pinned_" in table.table_id]) == 1


def test_the_latest_partition_is_that_of_the_last_day(site: Site) -> None:
    assert latest_partition(site.cloud, site.model()) == day(DAYS)
