"""What may be compared: dates, windows, snapshots, versions, and what was logged; of whatever was kept, nothing is read again."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from google.cloud import bigquery

from components.cloud import Cloud
from components.comparison.compare import DataComparison
from components.comparison.sentences import culprit
from components.diagnosis.sides import Operand, read_operand
from components.diagnosis.versions import compare_operands
from components.errors import ModelFolderError, RegistryError, SourceError
from components.model.folder import Model, read_model
from components.profiles.file import write_profiles
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.record import ProfileKind, keep_profiles
from components.runs.record import Run
from components.snapshot.record import RecordedSnapshot, record_snapshot
from components.storage.objects import ensure_bucket
from tests.components.diagnosis.compared import Shelf
from tests.components.visits import COLUMNS, DAYS, VISITORS, Site, day, visits

LOG = {"latency_milliseconds = 50": 'latency_milliseconds = 50\nlog = "LOG"\nlog_partition_field = "day"'}


@pytest.fixture
def cloud_of_site(own_site: Site, engine: sa.Engine) -> Cloud:
    found = Cloud(own_site.settings)
    ensure_bucket(found.storage, own_site.settings.bucket, "EU")
    return found


def compare(cloud: Cloud, model: Model, before: str, after: str) -> tuple[DataComparison, tuple[Operand, Operand]]:
    one, other = read_operand(cloud, model, before), read_operand(cloud, model, after)
    return compare_operands(model, one, other), (one, other)


def test_a_date_is_the_window_of_a_training_through_it(cloud_of_site: Cloud, own_site: Site) -> None:
    model = own_site.model()
    found, (one, other) = compare(cloud_of_site, model, "2026-03-05", "2026-03-06")
    assert one.side.name == "data through 2026-03-05"
    assert list(profiles_by_day(other.side.source, SOURCE_TABLE)) == [day(n) for n in (3, 4, 5, 6)]
    assert found.partitions.same == (day(3), day(4), day(5))
    assert found.spans.same == (day(4),)
    assert [column.name for column in found.source] == ["visitor", "pages", "seconds", "device", "returned"]
    assert {column.name for column in found.features} == {"device", "pages", "returned", "seconds"}


def test_any_days_can_be_compared(cloud_of_site: Cloud, own_site: Site) -> None:
    found, _ = compare(cloud_of_site, own_site.model(), "2026-03-01..2026-03-02", "2026-03-05..2026-03-06")
    assert (found.partitions.vanished, found.partitions.added) == ((day(1), day(2)), (day(5), day(6)))
    assert found.features == ()
    assert found.differences[0].name in ("pages", "seconds")


def test_a_snapshot_whose_profiles_were_kept_is_compared_without_bigquery(cloud_of_site: Cloud, own_site: Site, tmp_path: Path) -> None:
    model = own_site.model()
    snapshot = own_site.pin(model)
    with cloud_of_site.engine.begin() as connection:
        record_snapshot(connection, RecordedSnapshot.of(snapshot))
    made = read_operand(cloud_of_site, model, snapshot.snapshot_id[:12]).side
    for kind, profiles in ((ProfileKind.SOURCE, made.source), (ProfileKind.ROWS, made.rows)):
        write_profiles(profiles, tmp_path / kind)
        names = {"model": model.name, "snapshot_id": snapshot.snapshot_id}
        keep_profiles(cloud_of_site.storage, own_site.settings.bucket, **names, kind=kind, path=tmp_path / kind)
    own_site.client.delete_table(snapshot.snapshot_table)
    deaf = Cloud(own_site.settings.model_copy(update={"bigquery_endpoint": "http://127.0.0.1:9", "state_folder": tmp_path / "other"}))
    kept = read_operand(deaf, model, snapshot.snapshot_id[:12])
    assert kept.side.source.keys() == made.source.keys()
    assert kept.side.rows.keys() == made.rows.keys()
    assert len(made.rows) == 2 * len(snapshot.spans)


def test_a_query_that_does_not_run_any_more_leaves_the_source_to_compare(cloud_of_site: Cloud, own_site: Site) -> None:
    model = own_site.model(sql="SELECT day AS as_of, visitor, pages / clicks AS pages, seconds, device, returned FROM {source}")
    found, (one, _) = compare(cloud_of_site, model, "2026-03-05", "2026-03-06")
    assert found.features == ()
    assert one.notes[0].startswith("features of data through 2026-03-05 are not compared: source.sql of model 'visits' does not run on ")
    assert len(found.source) == 5


def test_what_was_logged_in_serving_is_held_against_the_rows(cloud_of_site: Cloud, own_site: Site) -> None:
    log = Site(own_site.settings, own_site.client, own_site.reader, f"{own_site.table}_log")
    log.create(partitioning=bigquery.TimePartitioning(field="day"), schema=COLUMNS)
    rows = [{**visit, "pages": 99, "returned": None} for n in (20, 21) for visit in visits(n)]
    log.load(rows)
    model = own_site.model(toml={old: new.replace("LOG", log.table) for old, new in LOG.items()})
    found, (_, logged) = compare(cloud_of_site, model, "2026-03-06", "serving:2026-03-20..2026-03-21")
    assert logged.is_log
    assert found.source == ()
    assert sum(table["pages"].rows for table in logged.side.rows.values()) == 2 * VISITORS
    assert culprit(found).startswith("Likely culprit: feature pages: all values are 99 (0% were)")


def test_a_model_without_a_log_says_what_to_add(cloud_of_site: Cloud, own_site: Site) -> None:
    with pytest.raises(ModelFolderError, match=r"model 'visits' has no log of predictions: add log and log_partition_field to \[serving\]"):
        read_operand(cloud_of_site, own_site.model(), "serving:2026-03-01..2026-03-02")


def test_half_of_a_log_is_refused(own_site: Site) -> None:
    with pytest.raises(ModelFolderError, match="log and log_partition_field go together: give both or neither"):
        own_site.model(toml={"latency_milliseconds = 50": 'latency_milliseconds = 50\nlog = "site.log"'})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yesterday", "'yesterday' is no data of model 'visits': give a date, DATE..DATE, the beginning of a snapshot's id, vNUMBER"),
        ("2026-02-30", "'2026-02-30' is not a date: give a date"),
        ("2026-02-01..2026-02-31", "'2026-02-31' is not a date"),
        ("abcdef123456", "snapshot 'abcdef123456' is not in the registry"),
        ("v99", "model 'visits' "),
    ],
)
def test_what_is_none_of_the_forms_says_which_there_are(cloud_of_site: Cloud, own_site: Site, text: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        read_operand(cloud_of_site, own_site.model(), text)


def test_days_without_rows_are_refused(cloud_of_site: Cloud, own_site: Site) -> None:
    with pytest.raises(SourceError, match="has no rows from 2030-01-01 to 2030-01-02: choose other days"):
        read_operand(cloud_of_site, own_site.model(), "2030-01-01..2030-01-02")


def test_a_version_is_named_by_its_number(own_site: Site, cloud_of_site: Cloud, new_run: Callable[..., Run], tmp_path: Path) -> None:
    model = own_site.model(name=f"visits_{date.today():%Y}_{id(tmp_path)}"[:40])  # noqa: DTZ011 - only a name
    shelf = Shelf(cloud_of_site, read_model(model.folder.parent, model.name), new_run, tmp_path / "shelf")
    number = shelf.put_version(shelf.put_data(1, DAYS), code={"source.sql": model.text("source.sql")})
    assert read_operand(cloud_of_site, shelf.model, f"v{number}").side.name == f"version {number}"
