"""Descriptions of windows: the same content has the same id, other content another, and nothing is written."""

import random
from datetime import date

import pytest

from components.errors import SourceError
from components.model.folder import Model
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from tests.components.visits import DAYS, Row, Site, day, query, visits


def described(site: Site, model: Model, through: int = DAYS) -> Snapshot:
    return describe_snapshot(site.cloud, model, day(through))[0]


def changed(rows: list[Row], index: int, **values: object) -> list[Row]:
    return [{**row, **values} if number == index else row for number, row in enumerate(rows)]


def test_the_document_says_what_was_pinned(site: Site) -> None:
    model = site.model()
    snapshot = described(site, model)
    assert (snapshot.model, snapshot.source_table, snapshot.partition_field) == ("visits", site.name, "day")
    assert snapshot.spans == (day(4), day(5))
    assert [(partition.day, partition.rows) for partition in snapshot.partitions] == [(day(number), 20) for number in (3, 4, 5, 6)]
    assert snapshot.source_rows == 80
    assert dict(snapshot.columns) == {
        "day": "DATE",
        "visitor": "INTEGER",
        "pages": "INTEGER",
        "seconds": "FLOAT",
        "device": "STRING",
        "returned": "INTEGER",
    }


def test_the_same_content_has_the_same_id(site: Site) -> None:
    assert described(site, site.model()).snapshot_id == described(site, site.model()).snapshot_id


def test_days_of_one_week_have_one_id(site: Site) -> None:
    weekly = site.model(toml={"spans = 2": "spans = 1", "every_days = 1": "every_days = 3"})
    by_day = {number: described(site, weekly, number) for number in (4, 5, 6)}
    assert len({snapshot.snapshot_id for snapshot in by_day.values()}) == len({snapshot.spans for snapshot in by_day.values()}) < 3


def test_another_window_has_another_id_and_another_table(site: Site) -> None:
    one, two = described(site, site.model(), 5), described(site, site.model(), 6)
    assert one.snapshot_id != two.snapshot_id
    assert one.snapshot_table != two.snapshot_table


def test_the_order_of_rows_does_not_matter(own_site: Site) -> None:
    before = described(own_site, own_site.model())
    own_site.load(random.Random(1).sample(visits(4), 20), day(4))
    assert described(own_site, own_site.model()) == before


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(changed(visits(4), 7, pages=100), id="one value"),
        pytest.param(changed(visits(4), 7, device=None), id="one value is gone"),
        pytest.param([*visits(4), visits(4)[7]], id="a row is there twice"),
        pytest.param([*visits(4), visits(4)[7], visits(4)[7]], id="a row is there three times"),
        pytest.param(visits(4)[1:], id="a row is gone"),
        pytest.param(
            changed(changed(visits(4), 0, pages=visits(4)[1]["pages"]), 1, pages=visits(4)[0]["pages"]), id="two values are swapped"
        ),
    ],
)
def test_other_content_has_another_id(own_site: Site, rows: list[Row]) -> None:
    before = described(own_site, own_site.model())
    own_site.load(rows, day(4))
    after = described(own_site, own_site.model())
    assert after.snapshot_id != before.snapshot_id
    assert after.snapshot_table != before.snapshot_table
    assert [one.day for one, other in zip(after.partitions, before.partitions, strict=True) if one != other] == [day(4)]


def test_a_row_that_moves_to_another_day_changes_both(own_site: Site) -> None:
    before = described(own_site, own_site.model())
    own_site.load(visits(4)[1:], day(4))
    own_site.load([*visits(5), {**visits(4)[0], "day": day(5).isoformat()}], day(5))
    after = described(own_site, own_site.model())
    assert [one.day for one, other in zip(after.partitions, before.partitions, strict=True) if one != other] == [day(4), day(5)]


def test_a_partition_outside_the_window_changes_nothing(own_site: Site) -> None:
    before = described(own_site, own_site.model())
    own_site.load(visits(1)[1:], day(1))
    assert described(own_site, own_site.model()) == before


def test_a_column_more_is_another_snapshot(own_site: Site) -> None:
    before = described(own_site, own_site.model())
    query(own_site, f"ALTER TABLE `{own_site.name}` ADD COLUMN country STRING")
    after = described(own_site, own_site.model())
    assert dict(after.columns)["country"] == "STRING"
    assert after.snapshot_id != before.snapshot_id


def test_describing_writes_nothing(own_site: Site) -> None:
    described(own_site, own_site.model())
    assert [table.table_id for table in own_site.client.list_tables(own_site.name.rpartition(".")[0])] == ["visits"]


def test_a_missing_partition_is_left_to_the_gate(own_site: Site) -> None:
    query(own_site, f"DELETE FROM `{own_site.name}` WHERE day = '{day(4)}'")
    assert [partition.day for partition in described(own_site, own_site.model()).partitions] == [day(3), day(5), day(6)]


def test_a_window_without_rows_is_refused(own_site: Site) -> None:
    query(own_site, f"DELETE FROM `{own_site.name}` WHERE day > '{day(2)}' AND day < '{day(6)}'")
    narrow = own_site.model(toml={"spans = 2": "spans = 1", "history_days = 2": "history_days = 1"})
    with pytest.raises(SourceError) as error:
        described(own_site, narrow, 5)
    assert str(error.value) == (
        f"{own_site.name} has no rows from 2026-03-04 to 2026-03-05: load its partitions, or choose another --through"
    )


def test_a_date_outside_the_data_is_refused(site: Site) -> None:
    with pytest.raises(SourceError) as error:
        describe_snapshot(site.cloud, site.model(), date(2026, 3, 7))
    assert str(error.value) == (
        f"--through 2026-03-07 is outside {site.table}, which has partitions 2026-03-01 to 2026-03-06: choose a date between them"
    )
