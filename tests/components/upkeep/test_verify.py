"""What is wrong in the bucket is named, whoever did it and however."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.registry.versions import NewVersion, register_version
from components.settings import Settings
from components.storage.manifest import NAME
from components.upkeep.inventory import Scope, count_versions, stored_versions
from components.upkeep.leftovers import Origin, leftovers
from components.upkeep.verify import Kind, Reads, of_leftover, verify_version
from tests.components.upkeep.keeping import Shelf, file_with, flip


@pytest.fixture
def shelf(engine: sa.Engine, client: storage.Client, bucket: str, name: str, new_version: Callable[..., NewVersion]) -> Shelf:
    return Shelf(engine, client, bucket, name, new_version)


def test_nothing_is_wrong_with_a_version_that_nobody_touched(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    for reads in Reads:
        assert verify_version(shelf.client, shelf.bucket, version, reads=reads) == []
    assert list(leftovers(shelf.engine, shelf.client, shelf.bucket, model=shelf.model)) == []


def test_a_version_that_cannot_be_served_is_named_until_it_is_retired(shelf: Shelf, folder: Path) -> None:
    (folder / "weights").write_bytes(uuid4().bytes)
    old = shelf.keep(folder)
    (finding,) = verify_version(shelf.client, shelf.bucket, old, reads=Reads.NONE)
    assert (finding.kind, finding.uri) == (Kind.UNSERVABLE, old.manifest.uri)
    assert finding.text == "version 1 has no assets.extra/signatures.json: it was made before versions ran in TensorFlow Serving"
    again = f"run `perennial train {shelf.model} --force`, deploy that version"
    assert finding.remedy == f"{again}, and `perennial retire {shelf.model} 1`"
    assert verify_version(shelf.client, shelf.bucket, replace(old, retired=True), reads=Reads.NONE) == []


CHANGES: dict[str, tuple[Callable[[storage.Blob], object], Kind, str]] = {
    "other bytes": (lambda blob: blob.upload_from_string(b"x" * 1_600), Kind.CHANGED, "weights has CRC32C "),
    "truncated": (lambda blob: blob.upload_from_string(b"x"), Kind.CHANGED, "weights has 1 bytes, not 1600"),
    "deleted": (lambda blob: blob.delete(), Kind.MISSING, "weights is missing"),
}


@pytest.mark.parametrize(("change", "kind", "text"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("place", ["pushed", "published"])
def test_a_change_behind_our_back_is_named(
    shelf: Shelf, folder: Path, place: str, change: Callable[[storage.Blob], object], kind: Kind, text: str
) -> None:
    version = shelf.keep(folder)
    blob = shelf.published(version.number, "weights") if place == "published" else shelf.pushed(version, "weights")
    change(blob)
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.NONE)
    assert (finding.kind, finding.uri) == (kind, f"gs://{shelf.bucket}/{blob.name}")
    assert finding.text.startswith(text)
    assert finding.remedy == f"run `perennial restore {shelf.model} {version.number}`"


ON_DISK: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte flipped": (flip, "weights has bytes that differ from its own CRC32C"),
    "truncated": (lambda file: file.write_bytes(b""), "weights is listed, but its bytes are not there"),
    "deleted": (lambda file: file.unlink(), "weights is listed, but its bytes are not there"),
}


@pytest.mark.parametrize(("change", "text"), ON_DISK.values(), ids=ON_DISK)
def test_a_change_on_the_disk_below_is_named(
    cloud: Settings, shelf: Shelf, folder: Path, change: Callable[[Path], object], text: str
) -> None:
    version = shelf.keep(folder)
    change(file_with(cloud, (folder / "weights").read_bytes()))
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.NONE) == []
    findings = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    uris = [version.manifest.uri, f"gs://{shelf.bucket}/models/{shelf.model}/{version.number}"]  # here a copy shares the file
    assert [(finding.kind, finding.uri) for finding in findings] == [(Kind.CHANGED, f"{uri}/weights") for uri in uris]
    assert all(finding.text.startswith(text) for finding in findings)


def test_bytes_of_cold_classes_are_read_when_asked_for(cloud: Settings, shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    for blob in (shelf.pushed(version, "weights"), shelf.published(version.number, "weights")):
        blob.update_storage_class("NEARLINE")
    flip(file_with(cloud, (folder / "weights").read_bytes()))
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE) == []
    assert len(verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL)) == 2


def test_other_bytes_with_the_same_crc32c_are_named_by_their_sha256(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    forged = bytearray((folder / "weights").read_bytes())
    for offset, byte in enumerate(CRC32C_NEUTRAL):
        forged[offset] ^= byte
    blob = shelf.published(version.number, "weights")
    blob.upload_from_string(bytes(forged))
    assert blob.crc32c == version.entries["weights"].crc32c
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    assert finding.text.startswith("weights has SHA-256 ")


CRC32C_NEUTRAL = bytes.fromhex("0103836bf2")
"""CRC32C's polynomial: where these bits are flipped, it stays the same."""


@pytest.mark.parametrize("damage", ["deleted", "not JSON", "of another version", "other checksums"])
def test_a_manifest_that_is_not_the_versions_is_named(shelf: Shelf, folder: Path, damage: str) -> None:
    version = shelf.keep(folder)
    blob = shelf.pushed(version, NAME)
    text = blob.download_as_text()
    match damage:
        case "deleted":
            blob.delete()
        case "not JSON":
            blob.upload_from_string("{")
        case "of another version":
            blob.upload_from_string('{"entries": []}')
        case _:
            blob.upload_from_string(text.replace(version.entries["weights"].crc32c, "AAAAAA=="))
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.NONE)
    assert finding.uri == f"{version.manifest.uri}/{NAME}"
    assert finding.kind == (Kind.MISSING if damage == "deleted" else Kind.CHANGED)


def test_a_version_whose_folder_is_gone_is_one_finding(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    for path in [*version.entries, NAME]:
        shelf.pushed(version, path).delete()
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    assert (finding.kind, finding.uri, finding.text) == (Kind.MISSING, version.manifest.uri, "all 6 objects are missing")


def test_a_version_whose_bucket_is_gone_is_named(shelf: Shelf) -> None:
    with shelf.engine.begin() as connection:
        register_version(connection, shelf.new_version(connection))  # into a bucket that nobody made
    unservable, gone, unpublished = verify_version(shelf.client, shelf.bucket, shelf.version(1), reads=Reads.FREE)
    assert gone.kind == Kind.MISSING
    assert gone.text.startswith("bucket models does not exist or lacks what is asked for")
    assert (unservable.kind, unpublished.kind) == (Kind.UNSERVABLE, Kind.UNPUBLISHED)


def test_a_version_that_is_not_published_is_named(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder, published=False)
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    assert (finding.kind, finding.text) == (Kind.UNPUBLISHED, f"0 of 6 objects are there, and no {NAME}")
    assert finding.remedy == f"run `perennial verify {shelf.model} --repair`"


def test_what_no_version_refers_to_is_named(shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    version, place = shelf.keep(folder), shelf.client.bucket(shelf.bucket)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    push = shelf.push(unfinished)
    strangers = {
        f"content/{shelf.model}/notes.txt": Origin.STRANGER,
        f"models/{shelf.model}/notes.txt": Origin.STRANGER,
        f"models/{shelf.model}/latest/saved_model.pb": Origin.STRANGER,
        f"models/{shelf.model}/{version.number + 1}/saved_model.pb": Origin.FUTURE,
        f"models/{shelf.model}/{'0' * 64}/saved_model.pb": Origin.STRANGER,
    }
    for stranger in strangers:
        place.blob(stranger).upload_from_string("x")
    found = list(leftovers(shelf.engine, shelf.client, shelf.bucket, model=shelf.model))
    expected = {f"gs://{shelf.bucket}/{path.removesuffix('/saved_model.pb')}": origin for path, origin in strangers.items()}
    assert {leftover.uri: leftover.origin for leftover in found} == {push.uri: Origin.PUSH, **expected}
    finding = next(of_leftover(leftover) for leftover in found if leftover.uri == push.uri)
    assert finding.kind == Kind.UNREFERENCED
    assert finding.text.startswith("2 objects, ")
    assert finding.text.endswith("UTC: a push that is under way, or that no run recorded")


def test_an_object_too_many_in_a_versions_folder_is_named(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    shelf.pushed(version, "assets/extra.py").upload_from_string("import os")
    shelf.published(version.number, "extra").upload_from_string("x")
    findings = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    assert [finding.text for finding in findings] == [f"assets/extra.py is not in {NAME}", f"extra is not in {NAME}"]
    assert {finding.kind for finding in findings} == {Kind.UNREFERENCED}


def test_objects_of_models_that_the_registry_does_not_know_are_somebody_elses(shelf: Shelf) -> None:
    model = f"other_{uuid4().hex[:8]}"
    for top in ("content", "models"):
        shelf.client.bucket(shelf.bucket).blob(f"{top}/{model}/1/saved_model.pb").upload_from_string("x")
    found = [leftover for leftover in leftovers(shelf.engine, shelf.client, shelf.bucket) if f"/{model}/" in leftover.uri]
    assert [leftover.origin for leftover in found] == [Origin.OTHER_MODEL] * 2
    assert of_leftover(found[0]).remedy == "look where it is from: it is never removed"


def test_versions_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, folder: Path) -> None:
    monkeypatch.setattr("components.upkeep.inventory.PAGE", 2)
    for _ in range(5):
        shelf.keep(folder, published=False)
    assert [version.number for version in stored_versions(shelf.engine, Scope(shelf.model))] == [1, 2, 3, 4, 5]
    assert count_versions(shelf.engine, Scope(shelf.model)) == 5
    everything = [(version.model, version.number) for version in stored_versions(shelf.engine, Scope())]
    assert everything == sorted(set(everything))
