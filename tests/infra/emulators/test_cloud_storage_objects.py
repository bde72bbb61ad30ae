"""Single objects of the Cloud Storage emulator, by Google's unmodified client."""

import base64
import gzip
import hashlib
from datetime import UTC, datetime, timedelta

import google_crc32c
import pytest
import requests
from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import storage


def test_an_object_keeps_its_content_type_and_metadata(bucket: storage.Bucket) -> None:
    blob = bucket.blob("folder/note.txt")
    blob.metadata = {"run": "42", "name": "Zoë"}
    blob.cache_control = "no-cache"
    blob.content_disposition = "attachment; filename=Zoë.txt"
    blob.upload_from_string("hello", content_type="text/x-note")

    found = bucket.get_blob("folder/note.txt")

    assert found is not None
    assert (found.size, found.content_type, found.cache_control) == (5, "text/x-note", "no-cache")
    assert found.metadata == {"run": "42", "name": "Zoë"}
    assert found.download_as_bytes() == b"hello"


def test_an_object_tells_its_checksums_generation_and_times(bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string(b"hello")

    found = bucket.get_blob("a")

    assert found is not None
    assert found.md5_hash == base64.b64encode(hashlib.md5(b"hello", usedforsecurity=False).digest()).decode()
    assert found.crc32c == base64.b64encode(google_crc32c.value(b"hello").to_bytes(4, "big")).decode()
    assert found.metageneration == 1
    assert found.etag
    assert found.time_created == found.updated
    assert abs(datetime.now(UTC) - found.time_created) < timedelta(minutes=1)


@pytest.mark.parametrize("name", ["a b", "ä/ö?ü#x", "100%", "a+b&c=d", "x/compose", "//slashes//", "%2F"])
def test_an_object_may_have_a_name_that_urls_must_quote(bucket: storage.Bucket, name: str) -> None:
    bucket.blob(name).upload_from_string("a")

    assert [blob.name for blob in bucket.list_blobs()] == [name]
    assert bucket.blob(name).download_as_bytes() == b"a"
    bucket.blob(name).delete()
    assert not bucket.blob(name).exists()


def test_an_empty_object_is_read_whole(bucket: storage.Bucket) -> None:
    bucket.blob("empty").upload_from_string(b"")

    assert bucket.blob("empty").download_as_bytes() == b""
    with bucket.blob("empty").open("rb") as file:
        assert file.read() == b""


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(2, 4, b"234"), (7, None, b"789"), (0, 0, b"0"), (8, 100, b"89"), (-3, None, b"789"), (-100, None, b"0123456789")],
)
def test_a_range_is_read(bucket: storage.Bucket, start: int, end: int | None, expected: bytes) -> None:
    blob = bucket.blob("digits")
    blob.upload_from_string(b"0123456789")

    assert blob.download_as_bytes(start=start, end=end, checksum=None) == expected


def test_changed_metadata_makes_a_new_metageneration(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("a")
    blob.metadata = {"kept": "1", "gone": "2"}
    blob.patch()
    blob.metadata = {"kept": "1", "gone": None}
    blob.patch()

    found = bucket.get_blob("a")

    assert found is not None
    assert (found.metageneration, found.generation) == (3, blob.generation)
    assert found.metadata == {"kept": "1"}


def test_composing_joins_objects(bucket: storage.Bucket) -> None:
    parts = [bucket.blob(f"part-{index}") for index in range(3)]
    for index, part in enumerate(parts):
        part.upload_from_string(str(index))
    whole = bucket.blob("whole")
    whole.content_type = "text/plain"

    whole.compose(parts)

    found = bucket.get_blob("whole")
    assert found is not None
    assert (found.component_count, found.md5_hash, found.content_type) == (3, None, "text/plain")
    assert found.download_as_bytes() == b"012"


def test_a_copy_has_the_content_and_metadata_of_its_source(bucket: storage.Bucket) -> None:
    source = bucket.blob("source")
    source.metadata = {"run": "42"}
    source.upload_from_string(b"data")

    copy = bucket.copy_blob(source, bucket, "copy")
    token, written, total = bucket.blob("rewritten").rewrite(source)
    source.delete()

    assert copy.download_as_bytes() == b"data"
    assert copy.metadata == {"run": "42"}
    assert (token, written, total) == (None, 4, 4)
    assert bucket.blob("rewritten").download_as_bytes() == b"data"


def test_a_renamed_object_is_only_under_its_new_name(bucket: storage.Bucket) -> None:
    blob = bucket.blob("old")
    blob.upload_from_string(b"data")
    bucket.rename_blob(blob, "newer")
    bucket.move_blob(bucket.blob("newer"), "newest")

    assert [blob.name for blob in bucket.list_blobs()] == ["newest"]
    assert bucket.blob("newest").download_as_bytes() == b"data"


def test_a_rewrite_changes_the_storage_class(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.metadata = {"run": "42"}
    blob.upload_from_string("a")

    blob.update_storage_class("NEARLINE")

    found = bucket.get_blob("a")
    assert found is not None
    assert (found.storage_class, found.metadata) == ("NEARLINE", {"run": "42"})


def test_a_rewrite_of_a_large_object_to_another_class_takes_several_calls(bucket: storage.Bucket) -> None:
    source = bucket.blob("a")
    source.upload_from_string(bytes(40 << 20))
    copy, cold = bucket.blob("copy"), bucket.blob("cold")
    cold.storage_class = "NEARLINE"

    assert copy.rewrite(source)[0] is None
    token, written, total = cold.rewrite(source)
    assert (token is None, written, total) == (False, 16 << 20, 40 << 20)
    assert bucket.get_blob("cold") is None
    while token:
        token, written, _ = cold.rewrite(source, token=token)

    assert written == total
    assert (cold.size, cold.crc32c, cold.storage_class) == (source.size, source.crc32c, "NEARLINE")


def test_metadata_that_come_with_a_rewrite_stand_for_all_of_the_sources(bucket: storage.Bucket) -> None:
    source = bucket.blob("a")
    source.metadata = {"run": "42", "model": "churn"}
    source.upload_from_string("a", content_type="text/x-note")
    blob = bucket.blob("b")
    blob.metadata, blob.content_type = {"run": "43"}, "text/x-note"

    blob.rewrite(source)

    assert (blob.metadata, blob.content_type) == ({"run": "43"}, "text/x-note")


def test_an_upload_names_its_storage_class(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.storage_class = "COLDLINE"
    blob.upload_from_string("a")

    found = bucket.get_blob("a")

    assert found is not None
    assert found.storage_class == "COLDLINE"


@pytest.mark.parametrize("hold", ["temporary_hold", "event_based_hold"])
def test_a_held_object_is_neither_deleted_nor_overwritten(bucket: storage.Bucket, hold: str) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("a")
    setattr(blob, hold, True)
    blob.custom_time = datetime(2026, 1, 1, tzinfo=UTC)
    blob.patch()

    with pytest.raises(Forbidden, match="under active hold"):
        blob.delete()
    with pytest.raises(Forbidden, match="under active hold"):
        bucket.blob("a").upload_from_string("b")
    found = bucket.get_blob("a")
    assert found is not None
    assert found.custom_time == blob.custom_time

    setattr(blob, hold, False)
    blob.patch()
    blob.delete()


def test_a_retention_policy_protects_objects(bucket: storage.Bucket) -> None:
    bucket.retention_period = 3600
    bucket.patch()
    bucket.blob("a").upload_from_string("a")

    with pytest.raises(Forbidden, match="subject to bucket's retention policy"):
        bucket.blob("a").delete()


def test_a_batch_makes_many_calls_at_once(client: storage.Client, bucket: storage.Bucket) -> None:
    names = [f"a/{index}" for index in range(5)]
    for name in names:
        bucket.blob(name).upload_from_string("a")

    with client.batch():
        for name in names[:3]:
            bucket.blob(name).delete()
        changed = bucket.blob(names[3])
        changed.metadata = {"run": "42"}
        changed.patch()

    assert [blob.name for blob in bucket.list_blobs()] == names[3:]
    assert changed.metadata == {"run": "42"}


def test_a_failed_call_of_a_batch_does_not_stop_the_others(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string("a")

    with pytest.raises(NotFound, match="No such object"), client.batch():
        bucket.blob("missing").delete()
        bucket.blob("a").delete()

    assert not bucket.blob("a").exists()


def test_gzipped_content_is_unpacked_for_readers_that_want_it(bucket: storage.Bucket, storage_url: str) -> None:
    plain = b"plain " * 1_000_000
    blob = bucket.blob("packed")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(plain), content_type="text/plain")

    unpacked = requests.get(f"{storage_url}/{bucket.name}/packed", headers={"Accept-Encoding": "identity"}, timeout=10)

    assert unpacked.content == plain
    assert "Content-Encoding" not in unpacked.headers
    assert blob.download_as_bytes() == plain
    assert gzip.decompress(blob.download_as_bytes(raw_download=True)) == plain
