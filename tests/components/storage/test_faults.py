"""Cloud Storage that refuses, stalls and breaks off, and processes that are killed: every push ends whole, or is finished by the next."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.errors import AccessError
from components.registry import publish
from components.registry.publish import publish_missing, publish_version, published_uri
from components.registry.versions import NewVersion, register_version
from components.settings import Settings
from components.storage import objects
from components.storage.manifest import NAME, content_sha256, scan_folder
from components.storage.objects import CHUNK_BYTES, blobs_by_path, ensure_bucket, push_folder, split_uri
from components.upkeep.inventory import Scope, stored_versions
from components.upkeep.leftovers import Origin, leftovers
from components.upkeep.verify import Kind, Reads, verify_version
from tests.components.storage.whole import assert_whole
from tests.components.upkeep.keeping import Shelf
from tests.infra.emulators.cloud_storage_process import CloudStorageProcess

PUSHES = 50


@pytest.fixture(scope="module")
def breakable_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStorageProcess]:
    with CloudStorageProcess(tmp_path_factory.mktemp("cloud_storage")).running() as process:
        yield process


@pytest.fixture(scope="module")
def broken(breakable_storage: CloudStorageProcess) -> Iterator[storage.Client]:
    """A client of an emulator that breaks as it is told."""
    with closing(breakable_storage.client()) as client:
        ensure_bucket(client, "models", "EU")
        yield client


@pytest.fixture
def shelf(engine: sa.Engine, client: storage.Client, bucket: str, name: str, new_version: Callable[..., NewVersion]) -> Shelf:
    return Shelf(engine, client, bucket, name, new_version)


FAULTS: dict[str, dict[str, object]] = {
    "refused as too many": {"status": 429, "count": 2},
    "unavailable": {"status": 503, "count": 2},
    "slow": {"delay_seconds": 0.5},
    "cut": {"cut_bytes": 20},
    "done, but the answer is lost": {"cut_bytes": 1 << 30},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", ["POST /upload/", "GET /o?", "POST /rewriteTo/"])
def test_a_call_that_fails_for_a_while_is_made_again(
    breakable_storage: CloudStorageProcess, broken: storage.Client, folder: Path, name: str, call: str, fault: dict[str, object]
) -> None:
    method, path = call.split(" ")
    breakable_storage.break_next({"method": method, "path": path, **fault})
    manifest = push_folder(broken, "models", model=name, folder=folder, metadata={})
    uri = publish_version(broken, "models", model=name, number=1, uri=manifest.uri, metadata={})
    assert_whole(broken, manifest.uri)
    assert len(blobs_by_path(broken, *split_uri(uri))) == len(manifest.entries) + 1
    assert len(list(broken.list_blobs("models", prefix=f"content/{name}/", versions=True))) == len(manifest.entries) + 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("path", ["/upload/", "/rewriteTo/"])
def test_a_service_that_stays_away_says_so_and_leaves_nothing_that_counts(
    monkeypatch: pytest.MonkeyPatch,
    breakable_storage: CloudStorageProcess,
    broken: storage.Client,
    folder: Path,
    name: str,
    path: str,
    status: int,
) -> None:
    def push_and_publish() -> None:
        publish_version(broken, "models", model=name, number=1, uri=push(broken, folder, name), metadata={})

    for module in (objects, publish):
        monkeypatch.setattr(module, "RETRY", objects.RETRY.with_timeout(0.5))
    breakable_storage.break_next({"path": path, "status": status, "count": 1_000})
    with pytest.raises(AccessError, match=r"Cloud Storage cannot be reached for bucket models .*: run `perennial status`"):
        push_and_publish()
    uri = f"gs://models/content/{name}/{content_sha256(scan_folder(folder))}"
    assert (NAME in blobs_by_path(broken, *split_uri(uri))) == (path == "/rewriteTo/")
    assert blobs_by_path(broken, "models", f"models/{name}/1") == {}
    breakable_storage.break_next()
    push_and_publish()
    assert_whole(broken, uri)
    assert NAME in blobs_by_path(broken, "models", f"models/{name}/1")


def push(client: storage.Client, folder: Path, model: str) -> str:
    return push_folder(client, "models", model=model, folder=folder, metadata={}).uri


def test_a_large_upload_that_is_cut_in_the_middle_goes_on_from_there(
    breakable_storage: CloudStorageProcess, broken: storage.Client, folder: Path, name: str
) -> None:
    (folder / "weights").write_bytes(os.urandom(CHUNK_BYTES * 2 + 1))
    breakable_storage.break_next({"path": "upload_id", "cut_bytes": CHUNK_BYTES // 2, "count": 1})
    uri = push(broken, folder, name)
    chunks = [call for call in breakable_storage.calls() if "upload_id" in call]
    assert len(chunks) == 4, "three chunks, one of them twice"
    assert_whole(broken, uri)


PUBLISH_AND_DIE = """
from google.cloud.storage import Blob
from components.google import storage_client
from components.registry.publish import publish_version
bucket, model, uri, left = arguments
rewrite = Blob.rewrite

def die(blob, *given, **named):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return rewrite(blob, *given, **named)

Blob.rewrite = die
publish_version(storage_client(settings), bucket, model=model, number=1, uri=uri, metadata={})
"""


@pytest.mark.parametrize("copies", [0, 2, 4], ids=["before it", "between two objects", "between objects and manifest"])
def test_publishing_that_was_killed_is_found_and_completed(
    cloud: Settings, shelf: Shelf, folder: Path, child: Callable[..., subprocess.Popen[str]], copies: int
) -> None:
    version = shelf.keep(folder, published=False)
    killed = child(PUBLISH_AND_DIE, cloud, shelf.bucket, shelf.model, version.manifest.uri, copies)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output
    left = blobs_by_path(shelf.client, *split_uri(published_uri(shelf.bucket, shelf.model, 1)))
    assert len(left) <= copies
    (finding,) = verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE)
    assert (finding.kind, finding.text) == (Kind.UNPUBLISHED, f"{len(left)} of 6 objects are there, and no {NAME}")
    assert publish_missing(shelf.engine, shelf.client, shelf.bucket, shelf.model) == [1]
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE) == []
    now = blobs_by_path(shelf.client, *split_uri(published_uri(shelf.bucket, shelf.model, 1)))
    assert all(now[path].generation == blob.generation for path, blob in left.items()), "what was there already is kept"
    assert publish_missing(shelf.engine, shelf.client, shelf.bucket, shelf.model) == []


REGISTER_AND_DIE = """
from components.database.engine import make_engine
from components.registry.versions import register_version
(new, after_commit) = arguments

with make_engine(settings).begin() as connection:
    register_version(connection, new)
    if not after_commit:
        os.kill(os.getpid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("after_commit", [False, True], ids=["between bytes and row", "between row and copies"])
def test_a_run_that_was_killed_is_found_and_completed_by_the_next(
    cloud: Settings, shelf: Shelf, folder: Path, child: Callable[..., subprocess.Popen[str]], after_commit: bool
) -> None:
    earlier = shelf.keep(folder)
    (folder / "weights").unlink()
    with shelf.engine.begin() as connection:
        new = shelf.new_version(connection, manifest=shelf.push(folder))
    killed = child(REGISTER_AND_DIE, cloud, new, after_commit)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output

    unreferenced = [(leftover.uri, leftover.origin) for leftover in leftovers(shelf.engine, shelf.client, shelf.bucket, model=shelf.model)]
    versions = list(stored_versions(shelf.engine, Scope(shelf.model)))
    if after_commit:
        assert (unreferenced, [version.number for version in versions]) == ([], [1, 2])
        (finding,) = verify_version(shelf.client, shelf.bucket, versions[1], reads=Reads.FREE)
        assert finding.kind == Kind.UNPUBLISHED
    else:
        assert (unreferenced, versions) == ([(new.manifest.uri, Origin.PUSH)], [earlier])

    with shelf.engine.begin() as connection:
        assert shelf.push(folder) == new.manifest
        assert register_version(connection, new) == 2
    assert publish_missing(shelf.engine, shelf.client, shelf.bucket, shelf.model) == [2]
    assert list(leftovers(shelf.engine, shelf.client, shelf.bucket, model=shelf.model)) == []
    assert verify_version(shelf.client, shelf.bucket, shelf.version(2), reads=Reads.FREE) == []


def test_fifty_pushes_at_once_give_fifty_versions(shelf: Shelf, tmp_path: Path) -> None:
    def push(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(uuid4().bytes)
        version = shelf.keep(folder)
        return version.number

    with ThreadPoolExecutor(PUSHES) as pool:
        numbers = list(pool.map(push, range(PUSHES)))
    assert sorted(numbers) == list(range(1, PUSHES + 1))
    versions = list(stored_versions(shelf.engine, Scope(shelf.model)))
    assert [version.number for version in versions] == list(range(1, PUSHES + 1))
    assert len({version.manifest.sha256 for version in versions}) == PUSHES
    assert not [finding for version in versions for finding in verify_version(shelf.client, shelf.bucket, version, reads=Reads.NONE)]
