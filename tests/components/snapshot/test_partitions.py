"""Checksums of partitions, whatever a table and its columns are called."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from google.cloud import bigquery
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from components.errors import SourceError
from components.snapshot.document import Partition
from components.snapshot.partitions import PartitionRange, read_partitions
from components.snapshot.source import read_source_table
from tests.components.visits import COLUMNS, Site, day, visits

RESERVED = ("end", "order", "partition", "group", "select", "from", "where", "all", "by", "hash", "interval", "unnest", "row", "date", "at")
OURS = ("t", "day", "row_of_table", "row_count", "columns", "fingerprints_xor", "fingerprints_sum", "as_of", "first_partition", "f0_")
FLEXIBLE = st.text(st.characters(categories=["L", "N", "Mn"], include_characters="_-%=+:'<>#|& "), min_size=1, max_size=30)
NAMES = st.one_of(
    st.sampled_from(RESERVED), st.sampled_from(OURS), FLEXIBLE.filter(lambda name: name.strip() == name and name[0].isalpha())
)


def measured(site: Site, table: str, field: str, names: Sequence[str]) -> tuple[Partition, ...]:
    wanted = PartitionRange(table, field, day(1), day(3), tuple(names))
    return read_partitions(site.client, site.settings, wanted, datetime.now(UTC))


def make(site: Site, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table of these columns, the first of which is its partition field, and the others text."""
    site.client.create_dataset(site.name.rpartition(".")[0], exists_ok=True)
    schema = [bigquery.SchemaField(name, "STRING" if place else "DATE") for place, name in enumerate(names)]
    made = bigquery.Table(table, schema)
    made.time_partitioning = bigquery.TimePartitioning(field=names[0])
    site.client.create_table(made)
    config = bigquery.LoadJobConfig(schema=schema)
    site.client.load_table_from_json([dict(zip(names, row, strict=True)) for row in rows], table, job_config=config).result()


@pytest.mark.parametrize("other", ["t", "T", "day", "row_of_table", "ROW_OF_TABLE", "row_count"])
def test_a_column_with_the_name_of_an_alias_does_not_hide_the_row(empty_site: Site, other: str) -> None:
    first, second = f"{empty_site.name}1", f"{empty_site.name}2"
    make(empty_site, first, ["when", other, "value"], [["2026-03-01", "same", "a"]])
    make(empty_site, second, ["when", other, "value"], [["2026-03-01", "same", "b"]])

    (one,), (two,) = (measured(empty_site, table, "when", ["when", other, "value"]) for table in (first, second))

    assert one.rows == two.rows == 1
    assert one.checksum != two.checksum


def test_the_alias_changes_nothing(own_site: Site) -> None:
    names = [column.name for column in COLUMNS]
    assert measured(own_site, own_site.name, "day", names) == measured(own_site, own_site.name, "day", [*names, "row_of_table"])


@effort(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(names=st.lists(NAMES, min_size=2, max_size=4, unique_by=str.casefold))
def test_columns_may_be_called_anything_that_bigquery_allows(empty_site: Site, names: list[str]) -> None:
    table = f"{empty_site.name}_{uuid4().hex[:8]}"
    make(empty_site, table, names, [["2026-03-01", *"x" * (len(names) - 1)], ["2026-03-02", *"x" * (len(names) - 1)]])

    found = measured(empty_site, table, names[0], names)

    assert [(one.day, one.rows) for one in found] == [(day(1), 1), (day(2), 1)]
    assert found[0].checksum != found[1].checksum


@pytest.mark.parametrize("project", ["perennial-local", "example.com:shop"])
@pytest.mark.parametrize("table", ["visits-2026", "visités d'août", "Visits", "select"])
def test_projects_of_domains_and_tables_with_dashes_and_accents_are_read(empty_site: Site, project: str, table: str) -> None:
    client = bigquery.Client(
        project, empty_site.client._credentials, client_options={"api_endpoint": empty_site.settings.bigquery_endpoint}
    )
    site = replace(empty_site, client=client, settings=empty_site.settings.model_copy(update={"project": project}))
    named = replace(site, table=site.table.replace("visits", table.replace("'", "")))

    named.create(partitioning=bigquery.TimePartitioning(field="day"))
    named.load(visits(1))
    named.load(visits(2), partition=day(2))

    assert [one.rows for one in measured(named, named.name, "day", [column.name for column in COLUMNS])] == [20, 20]


def test_a_partition_field_in_another_case_is_refused(empty_site: Site) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(field="Day"), schema=[bigquery.SchemaField("Day", "DATE"), *COLUMNS[1:]])
    with pytest.raises(SourceError) as error:
        read_source_table(empty_site.cloud, empty_site.model())
    assert str(error.value) == f"model.toml of 'visits' writes 'day' in another case than table {empty_site.name} does: write it alike"
