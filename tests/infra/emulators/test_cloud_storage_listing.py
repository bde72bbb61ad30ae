"""Listing objects of the Cloud Storage emulator, by Google's unmodified client."""

import pytest
from google.cloud import storage

NAMES = ["a.txt", "l/0/0.txt", "l/0/2.csv", "l/1/1.txt", "l/1/3.txt", "l/1/5.txt", "l/é.txt", "z"]


@pytest.fixture(scope="module")
def filled(client: storage.Client) -> storage.Bucket:
    bucket = client.create_bucket("a-bucket-to-list")
    for name in NAMES:
        bucket.blob(name).upload_from_string(name)
    return bucket


def test_objects_are_listed_in_the_order_of_their_names(filled: storage.Bucket) -> None:
    assert [blob.name for blob in filled.list_blobs()] == NAMES


def test_a_prefix_selects(filled: storage.Bucket) -> None:
    assert [blob.name for blob in filled.list_blobs(prefix="l/1")] == ["l/1/1.txt", "l/1/3.txt", "l/1/5.txt"]


def test_a_delimiter_gathers_folders(filled: storage.Bucket) -> None:
    listing = filled.list_blobs(prefix="l/", delimiter="/")

    assert [blob.name for blob in listing] == ["l/é.txt"]
    assert listing.prefixes == {"l/0/", "l/1/"}


@pytest.mark.parametrize("page_size", [1, 2, 3])
def test_pages_follow_each_other_without_gap_or_repetition(filled: storage.Bucket, page_size: int) -> None:
    listing = filled.list_blobs(page_size=page_size)
    pages = [[blob.name for blob in page] for page in listing.pages]

    assert [name for page in pages for name in page] == NAMES
    assert {len(page) for page in pages[:-1]} == {page_size}


@pytest.mark.parametrize("page_size", [1, 2])
def test_folders_count_as_entries_of_a_page(filled: storage.Bucket, page_size: int) -> None:
    listing = filled.list_blobs(delimiter="/", page_size=page_size)
    entries = [len(list(page)) for page in listing.pages]

    assert sum(entries) == 2
    assert listing.prefixes == {"l/"}
    assert len(entries) == {1: 3, 2: 2}[page_size]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("l/**/3.txt", ["l/1/3.txt"]),
        ("l/*.txt", ["l/é.txt"]),
        ("**.csv", ["l/0/2.csv"]),
        ("**/?.txt", ["a.txt", "l/0/0.txt", "l/1/1.txt", "l/1/3.txt", "l/1/5.txt", "l/é.txt"]),
        ("l/1/[1-3].txt", ["l/1/1.txt", "l/1/3.txt"]),
        ("l/1/[!1-3].txt", ["l/1/5.txt"]),
        ("{a,l/1/1}.txt", ["a.txt", "l/1/1.txt"]),
    ],
)
def test_a_glob_selects(filled: storage.Bucket, glob: str, expected: list[str]) -> None:
    assert [blob.name for blob in filled.list_blobs(match_glob=glob)] == expected


def test_offsets_cut_off_both_ends(filled: storage.Bucket) -> None:
    listing = filled.list_blobs(prefix="l/", start_offset="l/0/2.csv", end_offset="l/1/5.txt")

    assert [blob.name for blob in listing] == ["l/0/2.csv", "l/1/1.txt", "l/1/3.txt"]
