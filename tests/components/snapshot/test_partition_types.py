"""Tables that are partitioned by hours, days or months of a point in time are pinned, profiled and read as those of dates are."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery

from components.errors import SourceError
from components.examples.read import read_examples
from components.examples.span_cache import SplitCount
from components.google import quoted
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.source import profile_source
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition, pin
from components.snapshot.rewritten import source_changes
from components.snapshot.source import read_history, read_source_table
from tests.components.visits import COLUMNS, DAYS, SQL, VISITORS, Site, day, visits

PARTITIONING = [
    *(("DATE", "DAY"), ("DATETIME", "DAY"), ("DATETIME", "HOUR"), ("TIMESTAMP", "DAY"), ("TIMESTAMP", "HOUR")),
    *(("DATE", "MONTH"), ("TIMESTAMP", "MONTH")),
]
TOML = {'partition_field = "day"': 'partition_field = "moment"'}


def load(site: Site, kind: str, unit: str) -> None:
    """The visits of six days, at the first and the last second of a day too."""
    schema = [bigquery.SchemaField("moment", kind), *COLUMNS]
    site.create(partitioning=bigquery.TimePartitioning(field="moment", type_=unit), schema=schema)
    rows = []
    for number in range(1, DAYS + 1):
        for place, visit in enumerate(visits(number)):
            clock = ("00:00:00", "23:59:59", f"{place:02}:30:00")[min(place, 2)]
            rows.append({**visit, "moment": str(day(number)) if kind == "DATE" else f"{day(number)}T{clock}"})
    config = bigquery.LoadJobConfig(schema=schema)
    site.client.load_table_from_json(rows, site.name, job_config=config).result()


def pinned(site: Site) -> Snapshot:
    return pin(site.cloud, site.model(sql=SQL.replace("WHERE day", "WHERE DATE(moment)"), toml=TOML), day(DAYS))


def read(site: Site, snapshot: Snapshot, folder: Path) -> tuple[SplitCount, ...]:
    return read_examples(site.cloud, site.model(sql=SQL.replace("WHERE day", "WHERE DATE(moment)"), toml=TOML), snapshot, folder)


@pytest.mark.parametrize(("kind", "unit"), PARTITIONING)
def test_a_day_of_any_partitioning_is_pinned_profiled_and_read(empty_site: Site, tmp_path: Path, kind: str, unit: str) -> None:
    load(empty_site, kind, unit)
    model = empty_site.model(toml=TOML)
    assert latest_partition(empty_site.cloud, model) == day(DAYS)
    snapshot = pinned(empty_site)
    assert snapshot.partition_type == kind
    assert [(partition.day, partition.rows) for partition in snapshot.partitions] == [(day(n), VISITORS) for n in range(3, DAYS + 1)]
    assert len({partition.checksum for partition in snapshot.partitions}) == len(snapshot.partitions)
    profiles = profiles_by_day(profile_source(empty_site.cloud, snapshot, {}), SOURCE_TABLE)
    assert {when: columns["visitor"].rows for when, columns in profiles.items()} == {day(n): VISITORS for n in range(3, DAYS + 1)}
    counts = read(empty_site, snapshot, tmp_path / "examples")
    assert sum(count.rows for count in counts) == 2 * VISITORS


def test_an_hour_that_is_rewritten_changes_its_day_alone(empty_site: Site) -> None:
    load(empty_site, "TIMESTAMP", "HOUR")
    snapshot = pinned(empty_site)
    late = f"UPDATE `{empty_site.name}` SET pages = pages + 1 WHERE moment = TIMESTAMP '{day(4)} 23:59:59'"
    empty_site.client.query(late).result()
    changed = source_changes(empty_site.client, empty_site.settings, snapshot)
    assert [(change.day, change.pinned_rows, change.rows) for change in changed.partitions] == [(day(4), VISITORS, VISITORS)]
    assert day(4) + timedelta(days=1) in [partition.day for partition in snapshot.partitions]


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP"])
def test_the_last_month_that_there_is_is_one_of_the_future(empty_site: Site, kind: str) -> None:
    load(empty_site, kind, "MONTH")
    config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField("moment", kind), *COLUMNS])
    empty_site.client.load_table_from_json([{"moment": "9999-12-31"}], empty_site.name, job_config=config).result()
    table = read_source_table(empty_site.cloud, empty_site.model(toml=TOML))
    history = read_history(empty_site.cloud, table, "moment")
    assert (history.first, history.last, history.future) == (day(1), day(DAYS), (date.max,))


@pytest.mark.parametrize(
    ("partitioning", "sentence"),
    [
        (
            bigquery.TimePartitioning(field="moment", type_="YEAR"),
            "partitioned by YEAR on the TIMESTAMP column 'moment'; visits needs it",
        ),
        (None, "without partitioning by day; visits needs it"),
    ],
)
def test_what_cannot_be_pinned_is_refused_with_the_statement_that_helps(
    empty_site: Site, partitioning: bigquery.TimePartitioning | None, sentence: str
) -> None:
    empty_site.create(partitioning=partitioning, schema=[bigquery.SchemaField("moment", "TIMESTAMP"), *COLUMNS])
    with pytest.raises(SourceError) as refused:
        read_source_table(empty_site.cloud, empty_site.model(toml=TOML))
    assert str(refused.value).startswith(f"table {empty_site.name} is {sentence}")
    copy = f"copy it with CREATE TABLE dataset.copy PARTITION BY DATE(`moment`) AS SELECT * FROM {quoted(empty_site.name)}"
    assert str(refused.value).endswith(copy)


@pytest.mark.parametrize(("field", "unit"), [("_PARTITIONDATE", "DAY"), ("_PARTITIONTIME", "DAY"), ("_PARTITIONTIME", "HOUR")])
def test_a_day_of_loading_is_pinned_profiled_and_read(empty_site: Site, tmp_path: Path, field: str, unit: str) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(type_=unit), schema=COLUMNS)
    for number in range(1, DAYS + 1):
        partition = f"{empty_site.name}${day(number):%Y%m%d}{'23' if unit == 'HOUR' else ''}"
        rows = [{name: value for name, value in visit.items() if name != "day"} for visit in visits(number)]
        empty_site.client.load_table_from_json(rows, partition, job_config=bigquery.LoadJobConfig(schema=COLUMNS)).result()
    model = empty_site.model(sql=SQL.replace("day", f"DATE({field})"), toml={'partition_field = "day"': f'partition_field = "{field}"'})
    assert latest_partition(empty_site.cloud, model) == day(DAYS)
    snapshot = pin(empty_site.cloud, model, day(DAYS))
    assert [(partition.day, partition.rows) for partition in snapshot.partitions] == [(day(n), VISITORS) for n in range(3, DAYS + 1)]
    assert source_changes(empty_site.client, empty_site.settings, snapshot).partitions == ()
    profiles = profiles_by_day(profile_source(empty_site.cloud, snapshot, {}), SOURCE_TABLE)
    assert {when: columns["visitor"].rows for when, columns in profiles.items()} == {day(n): VISITORS for n in range(3, DAYS + 1)}
    assert field not in next(iter(profiles.values()))
    counts = read_examples(empty_site.cloud, model, snapshot, tmp_path / "examples")
    assert sum(count.rows for count in counts) == 2 * VISITORS


@pytest.mark.parametrize(
    ("unit", "way_out"),
    [
        ("DAY", "name '_PARTITIONDATE' as source.partition_field in model.toml"),
        ("HOUR", "name '_PARTITIONTIME' as source.partition_field in model.toml"),
        ("MONTH", "BigQuery keeps only the month or year of its rows: load them by day from now on, into another table"),
    ],
)
def test_what_tells_the_day_of_loading_is_named(empty_site: Site, unit: str, way_out: str) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(type_=unit), schema=COLUMNS)
    with pytest.raises(SourceError) as refused:
        read_source_table(empty_site.cloud, empty_site.model(toml=TOML))
    assert str(refused.value).startswith(f"table {empty_site.name} is partitioned by {unit} of its loading; visits needs it ")
    assert str(refused.value).endswith(f": {way_out}")
