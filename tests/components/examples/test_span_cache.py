"""The cache of spans: whole or absent, one writer at a time."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from components.examples.span_cache import SpanCache, SplitCount, counts_from_json, counts_to_json

COUNTS = (SplitCount(date(2026, 3, 1), "train", {"0": 8, "1": 7}), SplitCount(date(2026, 3, 1), "eval", {"0": 2, "1": 3}))


def write(cache: SpanCache, fingerprint: str, content: bytes = b"x") -> None:
    folder = cache.begin(fingerprint)
    (folder / "train.tfrecord.gz").write_bytes(content)
    cache.finish(fingerprint, COUNTS)


def test_counts_survive_being_written() -> None:
    assert counts_from_json(counts_to_json(COUNTS)) == COUNTS


def test_a_span_is_there_once_it_is_whole(tmp_path: Path) -> None:
    cache = SpanCache(tmp_path / "cache")
    assert cache.counts("aa") is None
    with cache.only_writer():
        folder = cache.begin("aa")
        (folder / "train.tfrecord.gz").write_bytes(b"x")
        assert cache.counts("aa") is None
        cache.finish("aa", COUNTS)
    assert cache.counts("aa") == COUNTS
    cache.link("aa", "train.tfrecord.gz", tmp_path / "linked")
    assert (tmp_path / "linked").read_bytes() == b"x"


def test_a_link_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    cache = SpanCache(tmp_path / "cache")
    (tmp_path / "linked").write_bytes(b"old")
    with cache.only_writer():
        write(cache, "aa")
    cache.link("aa", "train.tfrecord.gz", tmp_path / "linked")
    assert (tmp_path / "linked").read_bytes() == b"x"
    assert (tmp_path / "linked").samefile(tmp_path / "cache" / "aa" / "train.tfrecord.gz")


def test_what_a_failed_writer_left_is_gone(tmp_path: Path) -> None:
    cache = SpanCache(tmp_path)
    with pytest.raises(ZeroDivisionError), cache.only_writer():
        (cache.begin("aa") / "train.tfrecord.gz").write_bytes(b"half")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_a_killed_writer_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "aa.unfinished").mkdir()
    (tmp_path / "aa.unfinished" / "train.tfrecord.gz").write_bytes(b"half")
    cache = SpanCache(tmp_path)
    assert cache.counts("aa") is None
    with cache.only_writer():
        assert not (tmp_path / "aa.unfinished").exists()
        write(cache, "aa", b"whole")
    assert (tmp_path / "aa" / "train.tfrecord.gz").read_bytes() == b"whole"


def test_a_second_writer_waits_and_finds_the_work_done(tmp_path: Path) -> None:
    def fill(_: int) -> bool:
        cache = SpanCache(tmp_path)
        with cache.only_writer():
            if cache.counts("aa") is not None:
                return False
            write(cache, "aa")
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(fill, range(8))) == [False] * 7 + [True]


def copied_over(folder: Path) -> None:
    (folder / "train.tfrecord.gz").write_bytes(b"another span's")


def emptied(folder: Path) -> None:
    (folder / "train.tfrecord.gz").write_bytes(b"")


def without_a_file(folder: Path) -> None:
    (folder / "train.tfrecord.gz").unlink()


def with_other_counts(folder: Path) -> None:
    (folder / "counts.json").write_text("[]")


def without_checksums(folder: Path) -> None:
    (folder / "checksums.json").unlink()


def with_broken_checksums(folder: Path) -> None:
    (folder / "checksums.json").write_text("{")


def with_no_checksums_in_it(folder: Path) -> None:
    (folder / "checksums.json").write_text("[1]")


@pytest.mark.parametrize(
    "damage", [copied_over, emptied, without_a_file, with_other_counts, without_checksums, with_broken_checksums, with_no_checksums_in_it]
)
def test_a_damaged_span_is_made_again(tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture) -> None:
    cache = SpanCache(tmp_path)
    with cache.only_writer():
        for fingerprint in ("aa", "bb"):
            write(cache, fingerprint)
        damage(tmp_path / "aa")
        for fingerprint in ("aa", "bb"):
            cache.drop_damaged(fingerprint)
        assert (cache.counts("aa"), cache.counts("bb")) == (None, COUNTS)
        write(cache, "aa")
    assert cache.counts("aa") == COUNTS
    assert [record.message for record in caplog.records] == ["a span of the cache is damaged: it is made again"]


def test_a_span_has_its_name_once_its_bytes_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, synced, sync = SpanCache(tmp_path), list[str](), os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with cache.only_writer():
        write(cache, "aa")
    assert {"train.tfrecord.gz", "counts.json"} < set(synced)
    assert synced[-2:] == ["aa.unfinished", tmp_path.name]
