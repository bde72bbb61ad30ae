"""Profiles of pinned partitions: each content is read once, and what is kept is whole."""

import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.profiles import source
from components.profiles.file import read_profiles
from components.profiles.profile import ProfileKey, Profiles
from components.profiles.source import _source_key, profile_source
from tests.components.visits import VISITORS, Site, day, visits

CHILD = """
import os, pickle, signal, sys
from components.cloud import Cloud
from components.profiles.source import profile_source
settings, snapshot = pickle.loads(bytes.fromhex(sys.argv[1]))
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
profile_source(Cloud(settings), snapshot, {})
"""


def kept(site: Site) -> Path:
    return site.settings.caches / "profiles" / f"{site.name}.parquet"


class RecordingReader:
    """A client of the Storage Read API that remembers which rows were asked for."""

    def __init__(self, client: BigQueryReadClient) -> None:
        self._client = client
        self.restrictions: list[str] = []

    def create_read_session(self, **request: Any) -> Any:
        self.restrictions.append(request["read_session"].read_options.row_restriction)
        return self._client.create_read_session(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.fixture
def recorder(reader: BigQueryReadClient) -> RecordingReader:
    return RecordingReader(reader)


@pytest.fixture
def recorded_site(own_site: Site, recorder: RecordingReader) -> Site:
    return replace(own_site, reader=recorder)


def test_damaged_profiles_are_made_again(recorded_site: Site, recorder: RecordingReader) -> None:
    snapshot = recorded_site.pin(recorded_site.model())
    profiles = profile_source(recorded_site.cloud, snapshot, {})
    kept(recorded_site).write_bytes(b"no Parquet")

    assert profile_source(recorded_site.cloud, snapshot, {}).keys() == profiles.keys()
    assert recorder.restrictions == [between(3, 6)] * 2

    profile_source(recorded_site.cloud, snapshot, {})
    assert len(recorder.restrictions) == 2


def test_no_more_days_are_read_at_once_than_fit_in_memory(recorded_site: Site, recorder: RecordingReader, monkeypatch: Any) -> None:
    snapshot = recorded_site.pin(recorded_site.model())
    at_once = profile_source(recorded_site.cloud, snapshot, {})
    kept(recorded_site).unlink()
    monkeypatch.setattr(source, "MOST_VALUES", 2 * VISITORS * len(snapshot.columns))
    in_parts = profile_source(recorded_site.cloud, snapshot, {})
    assert [(key, table["pages"].rows, table["pages"].values) for key, table in in_parts.items()] == [
        (key, table["pages"].rows, table["pages"].values) for key, table in at_once.items()
    ]
    assert recorder.restrictions == [between(3, 6), between(3, 4), between(5, 6)]


def between(first: int, last: int) -> str:
    return f"`day` >= DATE '{day(first)}' AND `day` < DATE '{day(last + 1)}'"


def profiled(site: Site, through: int = 6, known: Profiles | None = None) -> dict[ProfileKey, dict[str, Any]]:
    return profile_source(site.cloud, site.pin(site.model(), through), known or {})


def test_every_pinned_partition_is_profiled(own_site: Site) -> None:
    found = profiled(own_site)
    assert [part.day for part in found] == [day(number) for number in (3, 4, 5, 6)]
    assert {name: column.type for name, column in found[next(iter(found))].items()} == {
        "day": "DATE",
        "visitor": "INTEGER",
        "pages": "INTEGER",
        "seconds": "FLOAT",
        "device": "STRING",
        "returned": "INTEGER",
    }
    assert {table["pages"].rows for table in found.values()} == {VISITORS}
    assert [table["pages"].low for table in found.values()] == [3, 4, 5, 6]


def test_what_was_profiled_is_not_read_again(recorded_site: Site, recorder: RecordingReader) -> None:
    first = profiled(recorded_site, 5)
    again = profiled(recorded_site, 5)
    assert recorder.restrictions == [between(2, 5)]
    assert first.keys() == again.keys()


def test_only_new_and_changed_partitions_are_read(recorded_site: Site, recorder: RecordingReader) -> None:
    before = profiled(recorded_site, 5)
    recorded_site.load([{**row, "pages": "700"} for row in visits(4)], day(4))
    after = profiled(recorded_site)
    assert recorder.restrictions == [between(2, 5), between(4, 6)]
    assert {part.day for part in after if part in before} == {day(3), day(5)}
    assert next(table["pages"].high for part, table in after.items() if part.day == day(4)) == 700


def test_what_is_known_elsewhere_is_not_read(recorded_site: Site, recorder: RecordingReader) -> None:
    known = profiled(recorded_site)
    kept(recorded_site).unlink()
    assert profiled(recorded_site, known=known).keys() == known.keys()
    assert len(recorder.restrictions) == 1
    assert not kept(recorded_site).exists()


def test_a_new_column_is_read_of_all_partitions(recorded_site: Site, recorder: RecordingReader) -> None:
    profiled(recorded_site)
    recorded_site.client.query(f"ALTER TABLE `{recorded_site.name}` ADD COLUMN country STRING").result()
    found = profiled(recorded_site)
    assert recorder.restrictions[1] == between(3, 6)
    assert all(table["country"].nulls == VISITORS for table in found.values())


def test_a_window_that_was_never_pinned_is_read_from_the_table(own_site: Site) -> None:
    from components.snapshot.describe import describe_snapshot

    snapshot, as_of = describe_snapshot(own_site.cloud, own_site.model(), day(6))
    found = profile_source(own_site.cloud, snapshot, {}, as_of=as_of)
    assert list(found) == [_source_key(snapshot, place) for place in range(4)]
    assert [table.table_id for table in own_site.client.list_tables(own_site.name.rpartition(".")[0])] == ["visits"]


def test_who_is_killed_in_between_leaves_no_half_file(own_site: Site) -> None:
    """The process ends by SIGKILL as it is about to put its file in place; the next one reads everything, and keeps it."""
    snapshot = own_site.pin(own_site.model())

    arguments = pickle.dumps((own_site.settings, snapshot)).hex()
    process = subprocess.run([sys.executable, "-c", CHILD, arguments], capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert read_profiles(kept(own_site)) == {}
    assert len(profiled(own_site)) == 4
    assert len(read_profiles(kept(own_site))) == 4
