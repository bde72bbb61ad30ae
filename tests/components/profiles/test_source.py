"""Profiles of pinned partitions: each content is read once, and what is kept is whole."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.profiles import source as source_profile
from components.profiles.file import read_profiles
from components.profiles.profile import ProfileKey, Profiles
from components.profiles.source import profile_source, source_key
from components.settings import Settings
from components.snapshot.document import Snapshot
from tests.components.visits import VISITORS, Site, day, visits

CHILD = """
import os, pickle, signal, sys
from components.google import bigquery_read_client
from components.profiles.source import profile_source
settings, snapshot = pickle.loads(bytes.fromhex(sys.argv[1]))
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
profile_source(bigquery_read_client(settings), settings, snapshot, {})
"""


def kept(site: Site) -> Path:
    return site.settings.caches / "profiles" / f"{site.name}.parquet"


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The days that were asked for in each reading of BigQuery."""
    asked: list[list[str]] = []
    stream: Callable[..., Iterator[Any]] = source_profile._stream

    def listen(reader: BigQueryReadClient, settings: Settings, snapshot: Snapshot, days: list[Any], as_of: Any) -> Iterator[Any]:
        asked.append([one.isoformat()[-2:] for one in days])
        return stream(reader, settings, snapshot, days, as_of)

    monkeypatch.setattr(source_profile, "_stream", listen)
    return asked


def profiled(site: Site, through: int = 6, known: Profiles | None = None) -> dict[ProfileKey, dict[str, Any]]:
    return profile_source(site.reader, site.settings, site.pin(site.model(), through), known or {})


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


def test_what_was_profiled_is_not_read_again(own_site: Site, streamed: list[list[str]]) -> None:
    first = profiled(own_site, 5)
    again = profiled(own_site, 5)
    assert streamed == [["02", "03", "04", "05"]]
    assert first.keys() == again.keys()


def test_only_new_and_changed_partitions_are_read(own_site: Site, streamed: list[list[str]]) -> None:
    before = profiled(own_site, 5)
    own_site.load([{**row, "pages": "700"} for row in visits(4)], day(4))
    after = profiled(own_site)
    assert streamed == [["02", "03", "04", "05"], ["04", "06"]]
    assert {part.day for part in after if part in before} == {day(3), day(5)}
    assert next(table["pages"].high for part, table in after.items() if part.day == day(4)) == 700


def test_what_is_known_elsewhere_is_not_read(own_site: Site, streamed: list[list[str]]) -> None:
    known = profiled(own_site)
    kept(own_site).unlink()
    assert profiled(own_site, known=known).keys() == known.keys()
    assert len(streamed) == 1
    assert not kept(own_site).exists()


def test_a_new_column_is_read_of_all_partitions(own_site: Site, streamed: list[list[str]]) -> None:
    profiled(own_site)
    own_site.client.query(f"ALTER TABLE `{own_site.name}` ADD COLUMN country STRING").result()
    found = profiled(own_site)
    assert streamed[1] == ["03", "04", "05", "06"]
    assert all(table["country"].nulls == VISITORS for table in found.values())


def test_a_window_that_was_never_pinned_is_read_from_the_table(own_site: Site) -> None:
    from components.snapshot.describe import describe_snapshot

    snapshot, as_of = describe_snapshot(own_site.client, own_site.settings, own_site.model(), day(6))
    found = profile_source(own_site.reader, own_site.settings, snapshot, {}, as_of=as_of)
    assert list(found) == [source_key(snapshot, place) for place in range(4)]
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
