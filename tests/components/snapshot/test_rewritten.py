"""What became of pinned partitions in the source: late data, deleted days, and columns that come and go."""

import pytest

from components.errors import SourceError
from components.snapshot.rewritten import PartitionChange, SchemaChange, SourceChanges, source_changes
from tests.components.visits import Site, day, query, visits

UNCHANGED = SourceChanges((), ())


def test_a_source_that_nobody_touched_is_as_it_was_pinned(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    own_site.load(visits(1)[1:], day(1))  # not one of those that were pinned
    assert source_changes(own_site.client, own_site.settings, pinned) == UNCHANGED


def test_late_rows_other_values_and_a_deleted_day_are_told_apart(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    own_site.load([*visits(3), visits(3)[0]], day(3))
    own_site.load([{**row, "pages": 100} for row in visits(4)], day(4))
    query(own_site, f"DELETE FROM `{own_site.name}` WHERE day = '{day(6)}'")
    changes = source_changes(own_site.client, own_site.settings, pinned)
    assert changes == SourceChanges(
        (PartitionChange(day(3), 20, 21), PartitionChange(day(4), 20, 20), PartitionChange(day(6), 20, 0)), columns=()
    )


def test_a_partition_that_is_written_again_with_the_same_rows_is_not_rewritten(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    own_site.load(list(reversed(visits(4))), day(4))
    assert source_changes(own_site.client, own_site.settings, pinned) == UNCHANGED


def test_a_new_column_rewrites_nothing(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    query(own_site, f"ALTER TABLE `{own_site.name}` ADD COLUMN country STRING")
    own_site.load([*visits(5), visits(5)[0]], day(5))
    changes = source_changes(own_site.client, own_site.settings, pinned)
    assert changes == SourceChanges((PartitionChange(day(5), 20, 21),), (SchemaChange("country", None, "STRING"),))


def test_a_dropped_column_rewrites_every_partition(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    query(own_site, f"ALTER TABLE `{own_site.name}` DROP COLUMN device")
    changes = source_changes(own_site.client, own_site.settings, pinned)
    assert changes.columns == (SchemaChange("device", "STRING", None),)
    assert [change.day for change in changes.partitions] == [partition.day for partition in pinned.partitions]


def test_a_source_that_is_gone_is_named(own_site: Site) -> None:
    pinned = own_site.pin(own_site.model())
    own_site.client.delete_table(own_site.name)
    with pytest.raises(SourceError, match=f"partitions of {own_site.name}: .*; they cannot be compared with the snapshot"):
        source_changes(own_site.client, own_site.settings, pinned)
