"""Published versions: complete copies that TensorFlow Serving can read, made by whoever comes first."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud import storage

from components.errors import RegistryError
from components.registry.publish import publish_version, published_uri
from components.storage.manifest import NAME, Manifest
from components.storage.objects import blobs_by_path, split_uri


@pytest.fixture
def publish(client: storage.Client, bucket: str, name: str) -> Callable[..., dict[str, storage.Blob]]:
    """Publishes version 1 of a model of the test's own, and gives its objects."""

    def publish(manifest: Manifest) -> dict[str, storage.Blob]:
        uri = publish_version(client, bucket, model=name, number=1, uri=manifest.uri, metadata={"run": "run-1"})
        assert uri == published_uri(bucket, name, 1) == f"gs://{bucket}/models/{name}/1"
        return blobs_by_path(client, *split_uri(uri))

    return publish


def test_a_published_version_is_a_copy_that_tells_what_it_is(
    client: storage.Client, name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    copies = publish(manifest)
    assert {path: (blob.size, blob.crc32c) for path, blob in copies.items() if path != NAME} == {
        entry.path: (entry.size, entry.crc32c) for entry in manifest.entries
    }
    assert copies[NAME].download_as_bytes() == storage.Blob.from_uri(f"{manifest.uri}/{NAME}", client=client).download_as_bytes()
    assert all(blob.metadata == {"run": "run-1", "model": name, "version": "1"} for blob in copies.values())
    assert copies[NAME].content_type == "application/json"
    *_, before_last, last = sorted(copies.values(), key=lambda blob: int(blob.generation))
    assert [before_last.name, last.name] == [f"models/{name}/1/{path}" for path in ("saved_model.pb", NAME)]


def test_publishing_again_or_at_once_changes_no_object(
    name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda _: publish(manifest), range(8)))
    assert {tuple(sorted((path, blob.generation) for path, blob in copies.items())) for copies in (*published, publish(manifest))} == {
        tuple(sorted((path, blob.generation) for path, blob in published[0].items()))
    }


@pytest.mark.parametrize("missing", ["variables/variables.index", "saved_model.pb", NAME])
def test_what_is_missing_is_completed(
    missing: str, name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    before = publish(manifest)
    before.pop(missing).delete()
    after = publish(manifest)
    assert missing in after
    assert {path: after[path].generation for path in before} == {path: blob.generation for path, blob in before.items()}


@pytest.mark.parametrize("changed", ["saved_model.pb", NAME])
def test_an_object_with_other_bytes_is_named_and_left(
    changed: str, bucket: str, name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    copies = publish(manifest)
    copies[changed].upload_from_string(b"{}")
    with pytest.raises(RegistryError, match=f"gs://{bucket}/models/{name}/1/{changed} is no"):
        publish(manifest)


def test_a_pushed_folder_that_is_damaged_is_not_copied_from(
    client: storage.Client, name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    object_ = storage.Blob.from_uri(f"{manifest.uri}/saved_model.pb", client=client)
    object_.upload_from_string(b"x")
    with pytest.raises(RegistryError, match=f"saved_model.pb has 1 bytes, not 16000, in .*: run `perennial restore {name} 1`"):
        publish(manifest)


def test_a_pushed_folder_is_not_needed_once_it_is_published(
    client: storage.Client, name: str, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    manifest = push(model=name)
    copies = publish(manifest)
    for blob in blobs_by_path(client, *split_uri(manifest.uri)).values():
        blob.delete()
    assert publish(manifest).keys() == copies.keys()


def test_large_objects_are_copied_in_several_calls(
    client: storage.Client, name: str, folder: Path, push: Callable[..., Manifest], publish: Callable[..., dict[str, storage.Blob]]
) -> None:
    (folder / "variables" / "variables.data").write_bytes(os.urandom(40 << 20))
    manifest = push(model=name)
    storage.Blob.from_uri(f"{manifest.uri}/variables/variables.data", client=client).update_storage_class("NEARLINE")
    copies = publish(manifest)
    assert copies["variables/variables.data"].size == 40 << 20
    assert {blob.storage_class for blob in copies.values()} == {"STANDARD"}


@pytest.mark.parametrize("model", ["", "../x", "a/b", "Churn", "a'; DROP TABLE x; --", "a\n", "x" * 10_000, "ä"], ids=range(8))
def test_a_hostile_name_is_refused_before_anything_is_written(client: storage.Client, model: str, folder: Path) -> None:
    with pytest.raises(RegistryError, match=r"is not the name of a model: use a-z, 0-9 and _, at most 63, a letter first") as refusal:
        published_uri("bucket", model, 1)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_no_version_has_is_refused(number: int) -> None:
    with pytest.raises(RegistryError, match=f"{number} is not the number of a version: the first is 1"):
        published_uri("bucket", "churn", number)
