"""Versions, soft deletion and lifecycle of the Cloud Storage emulator: what stays when an object is replaced, deleted or old."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from google.api_core.exceptions import NotFound
from google.cloud import storage


@pytest.fixture
def versioned(bucket: storage.Bucket) -> storage.Bucket:
    bucket.versioning_enabled = True
    bucket.patch()
    return bucket


def run_lifecycle(storage_url: str, *, days: int) -> list[tuple[str, str]]:
    """Run the rules as of a day from now. Gives what was done to which object."""
    day = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = requests.post(f"{storage_url}/_emulator/lifecycle", params={"now": day}, timeout=10)
    answer.raise_for_status()
    return [(done["action"], done["name"]) for done in answer.json()["done"]]


def test_an_overwritten_version_is_kept_listed_and_readable(versioned: storage.Bucket) -> None:
    blob = versioned.blob("a")
    blob.upload_from_string("first")
    first = blob.generation
    blob.upload_from_string("second")

    versions = list(versioned.list_blobs(versions=True))

    assert [version.generation for version in versions] == [first, blob.generation]
    assert versions[0].time_deleted is not None
    assert versioned.blob("a", generation=first).download_as_bytes() == b"first"
    assert versioned.blob("a").download_as_bytes() == b"second"


def test_a_deleted_version_comes_back_by_a_copy(versioned: storage.Bucket) -> None:
    blob = versioned.blob("a")
    blob.upload_from_string("first")
    first = blob.generation
    versioned.blob("a").delete()
    assert versioned.get_blob("a") is None

    versioned.copy_blob(versioned.blob("a"), versioned, "a", source_generation=first)

    assert versioned.blob("a").download_as_bytes() == b"first"
    assert len(list(versioned.list_blobs(versions=True))) == 2


def test_a_version_deleted_by_its_generation_is_gone(versioned: storage.Bucket) -> None:
    blob = versioned.blob("a")
    blob.upload_from_string("first")

    versioned.blob("a", generation=blob.generation).delete()

    assert list(versioned.list_blobs(versions=True)) == []


def test_a_soft_deleted_object_is_listed_and_restored(client: storage.Client) -> None:
    bucket = client.bucket("a-bucket-with-soft-deletion")
    bucket.soft_delete_policy.retention_duration_seconds = 7 * 24 * 3600
    client.create_bucket(bucket)
    blob = bucket.blob("a")
    blob.upload_from_string("precious")
    generation = blob.generation
    blob.delete()
    with pytest.raises(NotFound, match="No such object"):
        bucket.blob("a", generation=generation).download_as_bytes()
    (deleted,) = client.list_blobs(bucket, soft_deleted=True)
    assert deleted.hard_delete_time - deleted.soft_delete_time == timedelta(days=7)

    bucket.restore_blob("a", generation=generation)

    assert bucket.blob("a").download_as_bytes() == b"precious"


def test_a_soft_deleted_object_is_gone_after_its_time(client: storage.Client, storage_url: str) -> None:
    bucket = client.bucket("a-bucket-with-short-soft-deletion")
    bucket.soft_delete_policy.retention_duration_seconds = 7 * 24 * 3600
    client.create_bucket(bucket)
    bucket.blob("a").upload_from_string("a")
    bucket.blob("a").delete()

    run_lifecycle(storage_url, days=6)
    assert len(list(client.list_blobs(bucket, soft_deleted=True))) == 1
    run_lifecycle(storage_url, days=8)
    assert len(list(client.list_blobs(bucket, soft_deleted=True))) == 0


def test_objects_grow_cold_and_are_deleted_as_their_rules_say(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.add_lifecycle_set_storage_class_rule("NEARLINE", age=30, matches_prefix=["models/"])
    bucket.add_lifecycle_set_storage_class_rule("ARCHIVE", age=90, matches_prefix=["models/"])
    bucket.add_lifecycle_delete_rule(age=7, matches_prefix=["tmp/"])
    bucket.patch()
    for name in ("models/a", "other", "tmp/a"):
        bucket.blob(name).upload_from_string(name)

    assert run_lifecycle(storage_url, days=6) == []
    assert run_lifecycle(storage_url, days=31) == [("Delete", "tmp/a"), ("NEARLINE", "models/a")]
    assert run_lifecycle(storage_url, days=91) == [("ARCHIVE", "models/a")]

    assert {blob.name: blob.storage_class for blob in bucket.list_blobs()} == {"models/a": "ARCHIVE", "other": "STANDARD"}


def test_only_so_many_old_versions_stay(versioned: storage.Bucket, storage_url: str) -> None:
    versioned.add_lifecycle_delete_rule(number_of_newer_versions=2)
    versioned.patch()
    for content in ("first", "second", "third", "fourth"):
        versioned.blob("a").upload_from_string(content)

    assert run_lifecycle(storage_url, days=0) == [("Delete", "a"), ("Delete", "a")]

    assert [blob.download_as_bytes() for blob in versioned.list_blobs(versions=True)] == [b"third", b"fourth"]


def test_a_rule_passes_over_held_objects(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.add_lifecycle_delete_rule(age=1)
    bucket.patch()
    blob = bucket.blob("a")
    blob.upload_from_string("a")
    blob.temporary_hold = True
    blob.patch()

    assert run_lifecycle(storage_url, days=2) == []
    assert bucket.blob("a").exists()


def test_a_rule_looks_at_the_custom_time(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.add_lifecycle_delete_rule(days_since_custom_time=10)
    bucket.patch()
    for name, age in (("old", 11), ("young", 9)):
        blob = bucket.blob(name)
        blob.custom_time = datetime.now(UTC) - timedelta(days=age)
        blob.upload_from_string(name)
    bucket.blob("timeless").upload_from_string("")

    assert run_lifecycle(storage_url, days=0) == [("Delete", "old")]
