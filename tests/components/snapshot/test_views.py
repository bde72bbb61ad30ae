"""Views over partitioned tables are pinned, profiled and read as tables are; what cannot be pinned is refused with the way out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery

from components.cloud import Cloud
from components.decisions.rewritten import PinnedVersion, find_rewritten
from components.decisions.sizes import read_partition_sizes, training_bytes
from components.errors import SourceError
from components.examples.read import read_examples
from components.model.folder import Model
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.source import profile_source
from components.snapshot import pin as pinning
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition, pin
from components.snapshot.rewritten import source_changes
from components.snapshot.source import read_source_table
from components.snapshot.views.behind import require_days
from components.snapshot.views.copy import copy_view
from tests.components.visits import DAYS, Site, day, query, visits

MOBILE = "SELECT * EXCEPT (seconds), seconds * 2 AS seconds FROM `{table}` WHERE device = 'phone'"
PHONES = sum(visit["device"] == "phone" for visit in visits(1))


def over(site: Site, text: str = MOBILE, *, name: str = "seen") -> Model:
    """The model of a view of the site's table."""
    dataset = site.table.partition(".")[0]
    site.client.query(f"CREATE OR REPLACE VIEW `{dataset}`.`{name}` AS {text.format(table=site.name)}").result()
    return site.model(table=f"{dataset}.{name}", name=name)


def test_days_of_a_view_are_pinned_profiled_and_read(own_site: Site, tmp_path: Path) -> None:
    dataset = own_site.client.get_dataset(own_site.table.partition(".")[0])
    dataset.default_partition_expiration_ms = 24 * 3_600_000
    own_site.client.update_dataset(dataset, ["default_partition_expiration_ms"])
    model = over(own_site)
    assert latest_partition(own_site.cloud, model) == day(DAYS)
    snapshot = pin(own_site.cloud, model, day(DAYS))
    assert [(one.day, one.rows) for one in snapshot.partitions] == [(day(n), PHONES) for n in range(3, DAYS + 1)]
    copy = own_site.client.get_table(snapshot.snapshot_table)
    assert (copy.table_type, copy.time_partitioning.field, copy.num_rows) == ("TABLE", "day", PHONES * len(snapshot.partitions))
    assert (copy.expires is not None, copy.time_partitioning.expiration_ms) == (True, None)
    profiles = profiles_by_day(profile_source(own_site.cloud, snapshot, {}), SOURCE_TABLE)
    assert {when: columns["visitor"].rows for when, columns in profiles.items()} == {day(n): PHONES for n in range(3, DAYS + 1)}
    counts = read_examples(own_site.cloud, model, snapshot, tmp_path / "examples")
    assert sum(count.rows for count in counts) == 2 * PHONES
    assert pin(own_site.cloud, model, day(DAYS)) == snapshot
    assert own_site.client.get_table(snapshot.snapshot_table).created == copy.created


def test_what_was_pinned_of_a_view_stays_when_its_table_is_written_again(own_site: Site) -> None:
    model = over(own_site)
    snapshot = pin(own_site.cloud, model, day(DAYS))
    sql = f"SELECT visitor, pages FROM `{snapshot.snapshot_table}` WHERE day = '{day(4)}' ORDER BY visitor"
    rows = query(own_site, sql)
    own_site.load([{**visit, "pages": 100} for visit in visits(4)], day(4))
    assert query(own_site, sql) == rows
    changed = source_changes(own_site.client, own_site.settings, snapshot).partitions
    assert [(one.day, one.rows) for one in changed] == [(day(4), PHONES)]
    assert pin(own_site.cloud, model, day(DAYS)).snapshot_table != snapshot.snapshot_table


def test_days_of_a_view_that_are_not_pinned_are_profiled_too(own_site: Site) -> None:
    snapshot, as_of = describe_snapshot(own_site.cloud, over(own_site), day(DAYS))
    profiles = profiles_by_day(profile_source(own_site.cloud, snapshot, {}, as_of=as_of), SOURCE_TABLE)
    assert profiles[day(4)]["visitor"].rows == PHONES


def test_a_view_that_changed_since_it_was_described_is_not_profiled(own_site: Site) -> None:
    snapshot, as_of = describe_snapshot(own_site.cloud, over(own_site), day(DAYS))
    own_site.load(visits(4)[:5], day(4))
    with pytest.raises(SourceError, match=rf"changed while it was read \({day(4)}: {PHONES} rows, then \d\): run the same command again"):
        profile_source(own_site.cloud, snapshot, {}, as_of=as_of)
    assert not list((own_site.settings.caches / "profiles").glob(f"{snapshot.source_table}.parquet"))


def test_a_policy_knows_the_days_of_a_view_and_when_its_table_changed(own_site: Site) -> None:
    model = over(own_site)
    sizes = read_partition_sizes(own_site.cloud, model)
    assert sizes.rows == {day(n): PHONES for n in range(1, DAYS + 1)}
    assert sizes.history.last == day(DAYS)
    table = own_site.client.get_table(own_site.name)
    assert sizes.modified[day(4)] >= table.modified
    assert sizes.written_at(day(3), day(4)) is None
    of_table = own_site.model(name="direct")
    assert training_bytes(own_site.cloud, model, day(DAYS), sizes.history) > training_bytes(
        own_site.cloud, of_table, day(DAYS), sizes.history
    )


def test_a_write_behind_a_view_makes_no_new_rewriting_of_days_that_differ_already(own_site: Site) -> None:
    model = over(own_site)
    snapshot, _ = describe_snapshot(own_site.cloud, model, day(DAYS))
    lacking = replace(snapshot, partitions=(snapshot.partitions[0], *snapshot.partitions[2:]))
    trained = PinnedVersion(1, lacking, datetime.now(UTC) + timedelta(days=1))
    sizes = read_partition_sizes(own_site.cloud, model)
    found = find_rewritten(own_site.cloud, sizes, trained, keep=False)
    assert found.days == (snapshot.partitions[1].day,)
    later = replace(sizes, modified={day: when + timedelta(hours=1) for day, when in sizes.modified.items()})
    assert find_rewritten(own_site.cloud, later, trained, keep=False) == found
    other = replace(sizes, rows={**sizes.rows, found.days[0]: 1})
    assert find_rewritten(own_site.cloud, other, trained, keep=False) != found


def test_a_view_of_a_view_is_one(own_site: Site) -> None:
    over(own_site)
    dataset = own_site.table.partition(".")[0]
    model = over(own_site, f"SELECT * FROM `{dataset}`.seen WHERE pages > 0", name="above")
    assert read_source_table(own_site.cloud, model).table_type == "VIEW"
    assert latest_partition(own_site.cloud, model) == day(DAYS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT DATE_ADD(day, INTERVAL 1 DAY) AS later, * EXCEPT (day) FROM `{table}`", "'day' is no column of it: name later instead"),
        ("SELECT CAST(day AS STRING) AS day, visitor FROM `{table}`", "'day' is STRING: let it give one, such as the one"),
        ("SELECT DATE '2026-03-01' AS day, 1 AS visitor", "reads no table, without partitions by time"),
    ],
)
def test_a_view_whose_days_cannot_be_pinned_is_refused_with_the_way_out(own_site: Site, text: str, sentence: str) -> None:
    model = over(own_site, text)
    with pytest.raises(SourceError, match=sentence):
        latest_partition(own_site.cloud, model)


def test_a_view_of_a_table_without_partitions_is_refused_with_the_statement_that_copies_it(empty_site: Site) -> None:
    empty_site.create(partitioning=None)
    empty_site.load(visits(1))
    with pytest.raises(
        SourceError, match=r"CREATE TABLE dataset.copy PARTITION BY `day` AS SELECT \* FROM .*, and let the view read the copy"
    ):
        latest_partition(empty_site.cloud, over(empty_site))


def test_a_view_that_gives_other_rows_each_time_is_refused(own_site: Site) -> None:
    model = over(own_site, "SELECT * EXCEPT (seconds), RAND() AS seconds FROM `{table}`")
    with pytest.raises(SourceError, match="it gives other rows each time, by CURRENT_TIMESTAMP"):
        pin(own_site.cloud, model, day(DAYS))
    dataset = own_site.table.partition(".")[0]
    assert not [one for one in own_site.client.list_tables(dataset) if "_pinned_" in one.table_id]


def test_a_view_of_a_table_that_requires_a_filter_is_read(own_site: Site) -> None:
    model, table = over(own_site), own_site.client.get_table(own_site.name)
    table.require_partition_filter = True
    own_site.client.update_table(table, ["require_partition_filter"])
    assert pin(own_site.cloud, model, day(DAYS)).source_rows == PHONES * 4


def test_a_view_that_is_written_while_it_is_pinned_is_described_once_more(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[str] = []

    def written(cloud: Cloud, snapshot: Snapshot, expires: datetime) -> None:
        if not copies:
            own_site.load(visits(DAYS)[:5], day(DAYS))
        copies.append(snapshot.snapshot_table)
        copy_view(cloud, snapshot, expires)

    monkeypatch.setattr(pinning, "copy_view", written)
    snapshot = pin(own_site.cloud, over(own_site), day(DAYS))
    assert (len(copies), snapshot.partitions[-1].rows) == (2, sum(visit["device"] == "phone" for visit in visits(DAYS)[:5]))


def test_a_table_of_which_the_account_knows_nothing_is_read_by_the_view(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    model, described = over(own_site), own_site.client.get_table

    def refused(table: object, **options: Any) -> bigquery.Table:
        if isinstance(table, bigquery.TableReference):
            raise Forbidden("Access Denied", errors=[{"reason": "accessDenied", "message": "Access Denied"}])
        return described(table, **options)

    monkeypatch.setattr(own_site.client, "get_table", refused)
    assert latest_partition(own_site.cloud, model) == day(DAYS)


def test_a_view_of_tables_that_have_the_day_in_their_names_is_refused(own_site: Site) -> None:
    dataset = own_site.table.partition(".")[0]
    own_site.client.query(f"CREATE TABLE `{dataset}`.events_20260301 AS SELECT * FROM `{own_site.name}`").result()
    model = over(own_site, f"SELECT * FROM `{dataset}.events_*`")
    with pytest.raises(SourceError, match=r"events_\*: tables with the day in their names have no partitions.* copy them into one table"):
        latest_partition(own_site.cloud, model)


def test_a_materialised_view_is_refused(site: Site) -> None:
    view = bigquery.Table.from_api_repr(
        {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": "v"}, "type": "MATERIALIZED_VIEW"}
    )
    with pytest.raises(SourceError, match=r"p\.d\.v is a materialised view, of which no day can be pinned: name a plain view"):
        require_days(site.cloud, view, "day")
