"""What was damaged comes back from wherever its bytes still are, and nothing else takes its place."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.errors import RegistryError
from components.registry.versions import NewVersion
from components.settings import Settings
from components.storage.manifest import NAME
from components.storage.objects import pull_folder
from components.upkeep.inventory import StoredVersion
from components.upkeep.restore import Restored, restore_version
from components.upkeep.verify import Reads, verify_version
from tests.components.upkeep.keeping import Shelf, file_with, flip

DAMAGES: dict[str, Callable[[storage.Blob], object]] = {
    "other bytes": lambda blob: blob.upload_from_string(b"x" * 1_600),
    "truncated": lambda blob: blob.upload_from_string(b""),
    "deleted": lambda blob: blob.delete(),
}


@pytest.fixture
def shelf(engine: sa.Engine, client: storage.Client, bucket: str, name: str, new_version: Callable[..., NewVersion]) -> Shelf:
    return Shelf(engine, client, bucket, name, new_version)


def restore(shelf: Shelf, version: StoredVersion) -> list[Restored]:
    return list(restore_version(shelf.client, shelf.bucket, version))


def purge(blob: storage.Blob) -> None:
    """Delete every generation, each of which stays soft-deleted for a while."""
    for generation in list(blob.client.list_blobs(blob.bucket, prefix=blob.name, versions=True)):
        generation.delete()


def test_a_whole_version_is_left_alone(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    before = {blob.id for blob in shelf.client.list_blobs(shelf.bucket, versions=True)}
    assert restore(shelf, version) == []
    assert {blob.id for blob in shelf.client.list_blobs(shelf.bucket, versions=True)} == before


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("place", ["pushed", "published"])
def test_an_object_comes_back_from_the_other_copy(
    shelf: Shelf, folder: Path, tmp_path: Path, place: str, damage: Callable[[storage.Blob], object]
) -> None:
    version = shelf.keep(folder)
    blobs = [shelf.pushed(version, "weights"), shelf.published(version.number, "weights")]
    blob, twin = blobs if place == "pushed" else reversed(blobs)
    damage(blob)
    (restored,) = restore(shelf, version)
    assert (restored.uri, (restored.source or "").partition("#")[0]) == tuple(f"gs://{shelf.bucket}/{b.name}" for b in (blob, twin))
    now = shelf.client.bucket(shelf.bucket).get_blob(blob.name)
    wanted = {"model": shelf.model, "run": version.run_id}
    assert now.metadata == (wanted if place == "pushed" else wanted | {"version": str(version.number)})
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []
    pull_folder(shelf.client, version.manifest.uri, tmp_path / "pulled")
    assert (tmp_path / "pulled" / "weights").read_bytes() == (folder / "weights").read_bytes()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_an_object_that_is_damaged_twice_comes_back_from_an_older_generation(
    shelf: Shelf, folder: Path, damage: Callable[[storage.Blob], object]
) -> None:
    version = shelf.keep(folder)
    for blob in (shelf.pushed(version, "weights"), shelf.published(version.number, "weights")):
        blob.upload_from_string(b"in between")
        damage(shelf.client.bucket(shelf.bucket).blob(blob.name))
    assert len(restore(shelf, version)) == 2
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


@pytest.mark.parametrize("left", ["pushed", "published"])
def test_an_object_all_of_whose_generations_were_deleted_comes_back_while_they_are_soft_deleted(
    shelf: Shelf, folder: Path, left: str
) -> None:
    version = shelf.keep(folder)
    other, last = (shelf.published(version.number, "weights"), shelf.pushed(version, "weights"))
    if left == "published":
        other, last = last, other
    policy = shelf.client.get_bucket(shelf.bucket)
    policy.soft_delete_policy.retention_duration_seconds = 0
    policy.patch()
    purge(other)
    policy.soft_delete_policy.retention_duration_seconds = 7 * 24 * 3600
    policy.patch()
    purge(last)
    restored = restore(shelf, version)
    assert any("which was deleted" in (it.source or "") or f"{last.name}#" in (it.source or "") for it in restored)
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


def test_what_is_lost_is_said_to_be(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    policy = shelf.client.get_bucket(shelf.bucket)
    policy.soft_delete_policy.retention_duration_seconds = 0
    policy.patch()
    for blob in (shelf.pushed(version, "weights"), shelf.published(version.number, "weights")):
        purge(blob)
    policy.soft_delete_policy.retention_duration_seconds = 7 * 24 * 3600
    policy.patch()
    shelf.pushed(version, "saved_model.pb").delete()
    restored = {it.uri: it.source for it in restore(shelf, version)}
    assert restored[f"{version.manifest.uri}/weights"] is None
    assert f"models/{shelf.model}/{version.number}/saved_model.pb#" in (restored[f"{version.manifest.uri}/saved_model.pb"] or "")
    lost = [finding.uri for finding in verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL)]
    assert lost == [f"gs://{shelf.bucket}/{blob.name}" for blob in (shelf.pushed(version, "weights"), shelf.published(1, "weights"))]


def test_what_is_lost_in_cloud_storage_comes_from_a_folder_that_has_it(cloud: Settings, shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    version = shelf.keep(folder)
    flip(file_with(cloud, (folder / "weights").read_bytes()))  # of which both copies consist here
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "a").write_bytes(bytes(1_600))
    assert [it.source for it in restore_version(shelf.client, shelf.bucket, version, folder=tmp_path / "backup")] == [None, None]
    (folder / "weights").rename(tmp_path / "backup" / "b")
    pushed, published = restore_version(shelf.client, shelf.bucket, version, folder=tmp_path / "backup")
    assert pushed.source == str(tmp_path / "backup" / "b")
    assert (published.source or "").startswith(f"{version.manifest.uri}/weights#")
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


@pytest.mark.parametrize("place", ["pushed", "published"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_manifest_comes_back(shelf: Shelf, folder: Path, place: str, damage: Callable[[storage.Blob], object]) -> None:
    version = shelf.keep(folder)
    damage(shelf.pushed(version, NAME) if place == "pushed" else shelf.published(version.number, NAME))
    (restored,) = restore(shelf, version)
    assert restored.uri.endswith(f"/{NAME}")
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


def test_a_version_that_was_never_published_is(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder, published=False)
    assert len(restore(shelf, version)) == 6
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


def test_other_bytes_of_the_right_size_are_never_put_in_place(shelf: Shelf, folder: Path) -> None:
    """Neither the twin nor an older generation counts for what it is called."""
    version = shelf.keep(folder)
    for blob in (shelf.pushed(version, "weights"), shelf.published(version.number, "weights")):
        purge(blob)
        for byte in (b"a", b"b"):
            shelf.client.bucket(shelf.bucket).blob(blob.name).upload_from_string(byte * 1_600)
    restored = restore(shelf, version)
    assert [(it.source or "").endswith("which was deleted") for it in restored] == [True, False]
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


def test_what_somebody_else_writes_meanwhile_is_not_overwritten(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    shelf.pushed(version, "weights").upload_from_string(b"x")
    rewrite = storage.Blob.rewrite

    def too_late(blob: storage.Blob, *arguments: object, **options: object) -> object:
        shelf.client.bucket(shelf.bucket).blob(blob.name).upload_from_string(b"y")
        return rewrite(blob, *arguments, **options)

    monkeypatch.setattr(storage.Blob, "rewrite", too_late)
    with pytest.raises(RegistryError, match=r"weights changed while it was restored: run the command again"):
        restore(shelf, version)
    assert shelf.pushed(version, "weights").download_as_bytes() == b"y"
