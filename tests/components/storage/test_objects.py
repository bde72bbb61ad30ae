"""Model folders in Cloud Storage: written once, whole or not at all."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from google.cloud import storage

from components.errors import RegistryError
from components.storage.manifest import Entry, Manifest
from components.storage.objects import ensure_bucket, pull_folder, push_folder, read_manifest
from tests.components.storage.whole import assert_whole

LARGE = 20 << 20
"""Bytes: more than one chunk."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob_of(client: storage.Client, uri: str, path: str) -> storage.Blob:
    return storage.Blob.from_uri(f"{uri}/{path}", client=client)


def test_a_folder_comes_back_byte_for_byte(client: storage.Client, folder: Path, push: Callable[..., Manifest], tmp_path: Path) -> None:
    (folder / "variables" / "variables.data").write_bytes(os.urandom(LARGE))
    manifest = push()
    assert_whole(client, manifest.uri)
    assert read_manifest(client, manifest.uri) == manifest
    pull_folder(client, manifest.uri, tmp_path / "caches" / "pulled")
    assert contents(tmp_path / "caches" / "pulled") == contents(folder)
    assert list((tmp_path / "caches").iterdir()) == [tmp_path / "caches" / "pulled"]


def test_the_address_is_the_content_and_the_objects_tell_where_they_are_from(
    client: storage.Client, bucket: str, push: Callable[..., Manifest]
) -> None:
    manifest = push(metadata={"run": "run-1", "snapshot": "abc"})
    assert manifest.uri == f"gs://{bucket}/content/churn/{manifest.sha256}"
    assert [entry.path for entry in manifest.entries] == ["fingerprint äöü &%+#?.txt", "saved_model.pb", "variables/variables.index"]
    for entry in manifest.entries:
        blob = blob_of(client, manifest.uri, entry.path)
        blob.reload()
        assert (blob.size, blob.crc32c, blob.generation) == (entry.size, entry.crc32c, entry.generation)
        assert blob.metadata == {"run": "run-1", "snapshot": "abc"}


def test_progress_is_told_after_each_file(push: Callable[..., Manifest]) -> None:
    seen: list[Entry] = []
    assert push(progress=seen.append).entries == tuple(seen)


def test_pushing_again_changes_no_object(client: storage.Client, folder: Path, push: Callable[..., Manifest]) -> None:
    manifest = push()
    assert push(metadata={"run": "run-2"}) == manifest
    (folder / "saved_model.pb").touch()
    assert push() == manifest
    (folder / "saved_model.pb").write_bytes(b"other")
    assert push().uri != manifest.uri
    assert_whole(client, manifest.uri)


def test_many_pushes_of_one_folder_at_once_make_it_once(client: storage.Client, push: Callable[..., Manifest]) -> None:
    with ThreadPoolExecutor(8) as pool:
        manifests = set(pool.map(lambda run: push(metadata={"run": str(run)}), range(8)))
    assert len(manifests) == 1
    assert_whole(client, manifests.pop().uri)


def test_an_object_that_something_else_wrote_is_not_taken_over(client: storage.Client, push: Callable[..., Manifest]) -> None:
    manifest = push()
    blob = blob_of(client, manifest.uri, "saved_model.pb")
    blob.upload_from_string(b"other")
    with pytest.raises(RegistryError, match=r"saved_model\.pb has 5 bytes, not 16000, in gs://.*: something else wrote it; delete"):
        push()


@pytest.mark.parametrize("model", ["", "../x", "a/b", "a\x01", "a'; DROP TABLE x; --", "x" * 10_000], ids=range(6))
def test_a_hostile_name_is_refused_before_anything_is_written(
    client: storage.Client, bucket: str, push: Callable[..., Manifest], model: str
) -> None:
    before = [blob.name for blob in client.list_blobs(bucket)]
    with pytest.raises(RegistryError, match=r"is not the name of a model: use a-z, 0-9 and _, at most 63, a letter first"):
        push(model=model)
    assert [blob.name for blob in client.list_blobs(bucket)] == before


@pytest.mark.parametrize("size", [16_000, LARGE])
def test_a_file_that_changes_while_it_is_pushed_is_refused(folder: Path, push: Callable[..., Manifest], size: int) -> None:
    file = folder / "variables" / "variables.data"
    file.write_bytes(bytes(size))
    with pytest.raises(RegistryError, match=r"variables\.data is not what it was a moment ago .*: push it when it is finished"):
        push(progress=lambda _: file.write_bytes(b"\1" * size))


CHANGES_BEHIND_OUR_BACK: dict[str, Callable[[storage.Blob], object]] = {
    "other bytes": lambda blob: blob.upload_from_string(b"x" * 16_000),
    "fewer bytes": lambda blob: blob.upload_from_string(b"x"),
    "deleted": lambda blob: blob.delete(),
}


@pytest.mark.parametrize("change", CHANGES_BEHIND_OUR_BACK.values(), ids=CHANGES_BEHIND_OUR_BACK)
def test_after_a_change_behind_our_back_the_pushed_bytes_are_still_there(
    client: storage.Client, folder: Path, push: Callable[..., Manifest], tmp_path: Path, change: Callable[[storage.Blob], object]
) -> None:
    manifest = push()
    change(blob_of(client, manifest.uri, "saved_model.pb"))
    pull_folder(client, manifest.uri, tmp_path / "pulled")
    assert contents(tmp_path / "pulled") == contents(folder)


def test_bytes_that_are_gone_for_good_are_missing(client: storage.Client, push: Callable[..., Manifest], tmp_path: Path) -> None:
    manifest = push()
    for blob in list(client.list_blobs(manifest.uri.split("/")[2], prefix=manifest.uri.split("/", 3)[3], versions=True)):
        if blob.name.endswith("saved_model.pb"):
            blob.delete()
    with pytest.raises(RegistryError, match=r"saved_model\.pb is missing from gs://.*: push the model again"):
        pull_folder(client, manifest.uri, tmp_path / "pulled")
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]
    healed = push()
    assert healed.sha256 == manifest.sha256
    assert_whole(client, healed.uri)
    pull_folder(client, healed.uri, tmp_path / "pulled")
    assert contents(tmp_path / "pulled") == contents(tmp_path / "model")


def test_other_bytes_under_a_known_generation_are_not_let_through(
    client: storage.Client, push: Callable[..., Manifest], tmp_path: Path
) -> None:
    manifest = push()
    blob_of(client, manifest.uri, "saved_model.pb").delete()
    other = blob_of(client, manifest.uri, "saved_model.pb")
    other.upload_from_string(b"x" * 16_000)
    entries = tuple(Entry(e.path, e.size, e.sha256, e.crc32c, other.generation) for e in manifest.entries)
    forged = json.dumps({"entries": [vars(entry) for entry in entries]})
    blob_of(client, manifest.uri, "manifest.json").upload_from_string(forged)
    with pytest.raises(RegistryError, match=r"saved_model\.pb of gs://.* has SHA-256 .*, not .*: do not use it"):
        pull_folder(client, manifest.uri, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_a_folder_without_a_manifest_is_not_taken_for_whole(client: storage.Client, push: Callable[..., Manifest], tmp_path: Path) -> None:
    manifest = push()
    blob_of(client, manifest.uri, "manifest.json").delete()
    message = f"{manifest.uri} has no manifest.json: it is half-written or gone; push the model again"
    with pytest.raises(RegistryError, match=message):
        pull_folder(client, manifest.uri, tmp_path / "pulled")


def test_nothing_is_written_over_a_local_folder(client: storage.Client, push: Callable[..., Manifest], folder: Path) -> None:
    with pytest.raises(RegistryError, match=f"{folder} exists: name a folder that does not, or delete it"):
        pull_folder(client, push().uri, folder)


@pytest.mark.parametrize(
    "uri", ["", "models/churn", "gs://", "gs://bucket", "gs://bucket/", "gs://bucket/models/", "https://bucket/models"]
)
def test_an_address_of_another_form_is_refused(client: storage.Client, uri: str) -> None:
    with pytest.raises(RegistryError, match=f"'{uri}' is not the address of a pushed folder: give one like gs://"):
        read_manifest(client, uri)


def test_a_bucket_keeps_versions_and_can_be_ensured_again(client: storage.Client) -> None:
    name = f"models-{uuid4().hex[:8]}"
    for _ in range(2):
        ensure_bucket(client, name, "EU")
    bucket = client.get_bucket(name)
    assert (bucket.location, bucket.versioning_enabled) == ("EU", True)
    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    bucket.versioning_enabled = False
    bucket.patch()
    ensure_bucket(client, name, "EU")
    assert client.get_bucket(name).versioning_enabled


def test_a_missing_bucket_is_named(client: storage.Client, folder: Path) -> None:
    with pytest.raises(RegistryError, match=r"bucket no-such-bucket does not exist or lacks what is asked for .*: run `perennial up`"):
        push_folder(client, "no-such-bucket", model="churn", folder=folder, metadata={})
