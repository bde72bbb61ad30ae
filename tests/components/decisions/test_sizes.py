"""How large a source's days are, and when they were written, from what BigQuery knows of its partitions."""

import pytest
from google.cloud import bigquery

from components.decisions.sizes import read_partition_sizes
from components.errors import SourceError
from tests.components.conftest import empty_site, reader, warehouse  # noqa: F401
from tests.components.visits import COLUMNS, Site, day


def test_the_hours_of_a_day_are_one_day(empty_site: Site) -> None:  # noqa: F811
    schema = [bigquery.SchemaField("moment", "TIMESTAMP"), *COLUMNS]
    empty_site.create(partitioning=bigquery.TimePartitioning(field="moment", type_="HOUR"), schema=schema)
    rows = [{"moment": f"{day(number)}T{hour:02}:30:00"} for number in (1, 2) for hour in range(24) for _ in range(number)]
    config = bigquery.LoadJobConfig(schema=schema)
    empty_site.client.load_table_from_json(rows, empty_site.name, job_config=config).result()
    model = empty_site.model(toml={'partition_field = "day"': 'partition_field = "moment"'})
    before = read_partition_sizes(empty_site.cloud, model)
    assert before.rows == {day(1): 24, day(2): 48}
    late = [{"moment": f"{day(1)}T03:00:00"}]
    empty_site.client.load_table_from_json(late, empty_site.name, job_config=config).result()
    after = read_partition_sizes(empty_site.cloud, model)
    assert after.rows == {day(1): 25, day(2): 48}
    assert (after.modified[day(1)] > before.modified[day(1)], after.modified[day(2)]) == (True, before.modified[day(2)])


def test_the_days_of_a_month_are_counted(empty_site: Site) -> None:  # noqa: F811
    empty_site.create(partitioning=bigquery.TimePartitioning(field="day", type_="MONTH"), schema=COLUMNS)
    april = day(32)
    empty_site.load([{"day": str(when)} for when in (day(1), day(3), day(3), april)])
    before = read_partition_sizes(empty_site.cloud, empty_site.model())
    assert (before.rows, before.history.first, before.history.last) == ({day(1): 1, day(3): 2, april: 1}, day(1), april)
    empty_site.load([{"day": str(april)}])
    after = read_partition_sizes(empty_site.cloud, empty_site.model())
    assert after.rows_between(day(3), april) == 2
    assert (after.modified[day(3)], after.modified[april] > before.modified[april]) == (before.modified[day(3)], True)


def test_a_table_of_other_units_is_refused(empty_site: Site) -> None:  # noqa: F811
    empty_site.create(partitioning=bigquery.TimePartitioning(field="day", type_="YEAR"), schema=COLUMNS)
    empty_site.load([{"day": str(day(1))}])
    with pytest.raises(SourceError, match=r"has a partition 2026, which is of no day, hour or month"):
        read_partition_sizes(empty_site.cloud, empty_site.model())
