"""One SHA-256 over all examples: the same for the same bytes, another for any other."""

from pathlib import Path

import pytest

from components.canonical import fingerprint
from components.examples.digest import examples_sha256, hash_files
from tests.components.visits import Site, day


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "eval"):
        (tmp_path / f"Split-{split}").mkdir()
        for span in ("20260304", "20260305"):
            (tmp_path / f"Split-{split}" / f"data_tfrecord-{span}.gz").write_bytes(f"{split} {span}".encode())
    return tmp_path


def digest(folder: Path) -> str:
    return examples_sha256(hash_files(folder))


def test_files_are_named_by_split_and_span_in_order(folder: Path) -> None:
    (folder / "Split-train" / "other").write_bytes(b"is no file of examples")
    files = hash_files(folder)
    assert list(files) == [("train", "2026-03-04"), ("train", "2026-03-05"), ("eval", "2026-03-04"), ("eval", "2026-03-05")]
    assert digest(folder) == fingerprint([[split, span, sha256] for (split, span), sha256 in files.items()])


def test_a_byte_or_a_file_more_is_another_digest(folder: Path) -> None:
    before = digest(folder)
    (folder / "Split-eval" / "data_tfrecord-20260306.gz").write_bytes(b"")
    more = digest(folder)
    (folder / "Split-train" / "data_tfrecord-20260304.gz").write_bytes(b"other")
    assert len({before, more, digest(folder)}) == 3


def test_the_same_rows_give_the_same_digest_with_another_cache(site: Site, tmp_path: Path) -> None:
    digests = set()
    for number in (1, 2):
        settings = site.settings.model_copy(update={"cache_folder": tmp_path / f"cache-{number}"})
        own = Site(settings, site.client, site.reader, site.table)
        own.read(own.model(), tmp_path / f"examples-{number}")
        assert len(list((tmp_path / f"cache-{number}" / "examples" / "visits").rglob("*.gz"))) == 4
        digests.add(digest(tmp_path / f"examples-{number}"))
    assert len(digests) == 1
    assert not (site.settings.state_folder / "cache").exists()
    assert set(hash_files(tmp_path / "examples-1")) == {(split, str(day(n))) for split in ("train", "eval") for n in (4, 5)}
