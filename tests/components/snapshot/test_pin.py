"""Pinning: what was pinned stays, and pinning again changes nothing."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from components.errors import AccessError, SourceError
from components.settings import Settings
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition
from components.snapshot.pinned import keep_pinned, set_expiry
from pipelines.local.accounts import service_accounts
from pipelines.local.command_lines import POLICY_FILE
from tests.components.visits import DAYS, VISITORS, Row, Site, day, query, visits


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


def test_a_pinned_table_expires_unless_its_snapshot_is_recorded(own_site: Site) -> None:
    snapshot = own_site.pin(own_site.model())
    expires = own_site.client.get_table(snapshot.snapshot_table).expires
    assert expires is not None
    assert timedelta(days=6, hours=23) < expires - datetime.now(UTC) <= timedelta(days=7)

    keep_pinned(own_site.client, own_site.settings, snapshot.snapshot_table)

    assert own_site.client.get_table(snapshot.snapshot_table).expires is None


def test_a_table_that_is_about_to_expire_is_given_more_time_by_whoever_takes_it_over(own_site: Site) -> None:
    model = own_site.model()
    snapshot = own_site.pin(model)
    set_expiry(own_site.client, own_site.settings, snapshot.snapshot_table, datetime.now(UTC) + timedelta(hours=1))
    own_site.pin(model)
    expires = own_site.client.get_table(snapshot.snapshot_table).expires
    assert expires is not None
    assert expires - datetime.now(UTC) > timedelta(days=6)


def test_rows_that_are_still_being_streamed_in_are_refused(own_site: Site) -> None:
    assert own_site.client.insert_rows_json(own_site.name, [dict(visits(4)[0], visitor=VISITORS + 1)]) == []
    model = own_site.model()
    with pytest.raises(SourceError) as refused:
        own_site.pin(model)
    (table,) = re.findall(r"table snapshot (\S+) ", str(refused.value))
    assert str(refused.value) == (
        f"table snapshot {table} does not hold what was counted in 1 of 4 partitions of {own_site.name} (2026-03-04: 21 rows counted, "
        f"20 kept): rows in BigQuery's streaming buffer are in no copy for up to 90 minutes; wait until they are written, and run the "
        f"same command again"
    )
    with pytest.raises(NotFound):
        own_site.client.get_table(table)


def test_an_account_that_may_let_no_table_snapshot_expire_is_told_the_role(cloud: Settings, own_site: Site) -> None:
    policy = cloud.state_folder / "emulators" / POLICY_FILE
    member = f"serviceAccount:{service_accounts(cloud)['writer']}"
    roles = ("roles/bigquery.jobUser", "roles/bigquery.dataEditor")
    policy.write_text(json.dumps({"bindings": [{"role": role, "members": [member]} for role in roles]}))
    try:
        with pytest.raises(AccessError, match=r"tables\.deleteSnapshot denied .* grant the account roles/bigquery\.dataOwner$"):
            own_site.pin(own_site.model())
    finally:
        policy.unlink()
    assert own_site.pin(own_site.model()).snapshot_table


def test_a_wrong_table_that_nobody_recorded_is_made_again(own_site: Site) -> None:
    model = own_site.model()
    right = own_site.pin(model)
    own_site.client.delete_table(right.snapshot_table)
    own_site.load(visits(4)[1:], day(4))
    config = bigquery.CopyJobConfig(
        operation_type="SNAPSHOT", destination_expiration_time=(datetime.now(UTC) + timedelta(days=3)).isoformat()
    )
    own_site.client.copy_table(own_site.name, right.snapshot_table, job_config=config).result()
    own_site.load(visits(4), day(4))

    assert own_site.pin(model) == right

    assert len(pinned_rows(own_site, right, 4)) == VISITORS


def test_a_wrong_table_that_may_be_recorded_is_named_and_kept(own_site: Site) -> None:
    model = own_site.model()
    right = own_site.pin(model)
    own_site.client.delete_table(right.snapshot_table)
    own_site.load(visits(4)[1:], day(4))
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT")
    own_site.client.copy_table(own_site.name, right.snapshot_table, job_config=config).result()
    own_site.load(visits(4), day(4))
    with pytest.raises(SourceError, match="does not hold what was counted in 1 of 4 partitions"):
        own_site.pin(model)
    assert len(pinned_rows(own_site, right, 4)) == VISITORS - 1


def test_models_that_pin_the_same_window_at_once_get_the_same_table(own_site: Site) -> None:
    models = [own_site.model(name=name) for name in ("one", "two", "three")]
    with ThreadPoolExecutor(3) as pool:
        snapshots = list(pool.map(own_site.pin, models))
    assert len({snapshot.snapshot_table for snapshot in snapshots}) == 1
    assert len(pinned_rows(own_site, snapshots[0], 4)) == VISITORS
