"""The Cloud Storage emulator as a process: killed, restarted, started twice, without room, without token, by gcloud."""

import contextlib
import http.client
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError, Unauthorized
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2.credentials import Credentials

from tests.infra.emulators.emulator_process import free_port
from tests.waiting import wait_until

MEGABYTE = 1 << 20
Start = Callable[..., "subprocess.Popen[str]"]


@contextlib.contextmanager
def client_of(port: int, credentials: object = None) -> Iterator[storage.Client]:
    client = storage.Client(
        "a-project",
        credentials or AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
    )
    with contextlib.closing(client):
        yield client


def files_of(folder: Path) -> int:
    return sum(1 for name in ("objects", "incoming") for _ in (folder / name).iterdir())


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


def test_a_kill_during_uploads_leaves_no_half_object(start_cloud_storage: Start, tmp_path: Path) -> None:
    port = free_port()
    process = start_cloud_storage(port, tmp_path)
    with client_of(port) as client:
        bucket = client.create_bucket("a-bucket")
        bucket.versioning_enabled = True
        bucket.patch()
        bucket.blob("kept").upload_from_string("kept")
        address = bucket.blob("resumable").create_resumable_upload_session()
        requests.put(address, data=bytes(MEGABYTE), headers={"Content-Range": f"bytes 0-{MEGABYTE - 1}/*"}, timeout=10)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.putrequest("POST", "/upload/storage/v1/b/a-bucket/o?uploadType=media&name=kept")
        connection.putheader("Content-Length", str(100 * MEGABYTE))
        connection.endheaders(bytes(8 * MEGABYTE))
        wait_until(lambda: files_of(tmp_path) >= 3, "the upload did not begin")
        kill(process)
        connection.close()

    start_cloud_storage(port, tmp_path)

    with client_of(port) as client:
        assert {blob.name: blob.download_as_bytes() for blob in client.list_blobs("a-bucket")} == {"kept": b"kept"}
        assert client.get_bucket("a-bucket").versioning_enabled
    assert files_of(tmp_path) == 1


def test_a_kill_amid_many_writes_loses_nothing_that_was_answered(start_cloud_storage: Start, tmp_path: Path) -> None:
    port = free_port()
    process = start_cloud_storage(port, tmp_path)
    answered: dict[str, int] = {}
    uploads: list[str] = []

    def write(index: int) -> None:
        with client_of(port) as client, contextlib.suppress(Exception):  # the one that the kill interrupts
            while True:
                for name in (f"{index}/a", f"{index}/b"):
                    blob = client.bucket("a-bucket").blob(name)
                    blob.upload_from_string(os.urandom(50_000), retry=None)
                    answered[name] = blob.generation
                    uploads.append(name)

    with client_of(port) as client:
        client.create_bucket("a-bucket")
    writers = [threading.Thread(target=write, args=(index,)) for index in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: len(uploads) > 40, "too few uploads were answered")
    kill(process)
    for writer in writers:
        writer.join()

    start_cloud_storage(port, tmp_path)

    with client_of(port) as client:
        found = list(client.list_blobs("a-bucket"))
        assert len(answered) >= 4
        assert all(blob.generation >= answered.get(blob.name, 0) for blob in found)
        assert answered.keys() <= {blob.name for blob in found}
        assert {len(blob.download_as_bytes(checksum="md5")) for blob in found} == {50_000}
    assert files_of(tmp_path) == len(found)


def test_a_stop_is_clean_and_keeps_everything(start_cloud_storage: Start, tmp_path: Path) -> None:
    port = free_port()
    process = start_cloud_storage(port, tmp_path)
    with client_of(port) as client:
        blob = client.create_bucket("a-bucket").blob("a")
        blob.upload_from_string("a")
        process.terminate()
        _, errors = process.communicate(timeout=10)

    assert (process.returncode, errors) == (0, "")
    start_cloud_storage(port, tmp_path)
    with client_of(port) as client:
        found = client.bucket("a-bucket").get_blob("a")
        assert found is not None
        assert found.generation == blob.generation


def test_a_full_disk_is_told_and_nothing_is_lost(start_cloud_storage: Start, tmp_path: Path) -> None:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MEGABYTE, 8 * MEGABYTE))

    port = free_port()
    start_cloud_storage(port, tmp_path, preexec_fn=limit_files)
    with client_of(port) as client:
        bucket = client.create_bucket("a-bucket")
        bucket.blob("a").upload_from_string("before")

        for chunk_bytes in (None, MEGABYTE):
            blob = bucket.blob("a")
            blob.chunk_size = chunk_bytes
            with pytest.raises(GoogleAPICallError, match="The emulator's disk is full") as refusal:
                blob.upload_from_string(bytes(9 * MEGABYTE))
            assert refusal.value.code == 507

        assert bucket.blob("a").download_as_bytes() == b"before"
        bucket.blob("b").upload_from_string("after")
        assert bucket.blob("b").download_as_bytes() == b"after"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process's memory is read from /proc")
def test_memory_does_not_grow_with_the_object(start_cloud_storage: Start, tmp_path: Path) -> None:
    port = free_port()
    process = start_cloud_storage(port, tmp_path)
    content = os.urandom(100 * MEGABYTE)
    with client_of(port) as client:
        bucket = client.create_bucket("a-bucket")
        for chunk_bytes in (None, 16 * MEGABYTE):
            blob = bucket.blob("a")
            blob.chunk_size = chunk_bytes
            blob.upload_from_string(content)
            assert blob.download_as_bytes() == content

    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < 80 * 1024


def test_a_taken_port_is_told_in_one_sentence(start_cloud_storage: Start, tmp_path: Path) -> None:
    port = free_port()
    start_cloud_storage(port, tmp_path / "first")

    second = start_cloud_storage(port, tmp_path / "second")
    _, errors = second.communicate(timeout=10)

    assert second.returncode == 1
    assert errors == f"cloud_storage: cannot listen on 127.0.0.1:{port} (Address already in use): stop what does, or choose another port\n"


def test_a_folder_belongs_to_one_emulator(start_cloud_storage: Start, tmp_path: Path) -> None:
    start_cloud_storage(free_port(), tmp_path)

    second = start_cloud_storage(free_port(), tmp_path)
    _, errors = second.communicate(timeout=10)

    assert (second.returncode, errors) == (1, f"cloud_storage: {tmp_path} is in use by another Cloud Storage emulator\n")


def test_a_damaged_folder_is_told_in_one_sentence(start_cloud_storage: Start, tmp_path: Path) -> None:
    (tmp_path / "metadata.db").write_text("this is no database " * 100)

    process = start_cloud_storage(free_port(), tmp_path)
    _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    told = "holds no state of this emulator (file is not a database): choose another folder, or move it away"
    assert errors == f"cloud_storage: {tmp_path} {told}\n"


@pytest.fixture
def guarded(start_cloud_storage: Start, tmp_path: Path) -> int:
    """The port of an emulator that asks for tokens."""
    port = free_port()
    start_cloud_storage(port, tmp_path / "data", "--token-key", str(tmp_path / "token.key"))
    return port


def issue(tmp_path: Path, lifetime_seconds: int = 60) -> str:
    """A token as the token endpoint gives them, signed with the emulator's key."""
    python = Path(__file__).parents[3] / "infra/emulators/.venv/bin/python"
    code = (
        "import sys, pathlib; from identity.tokens import issue, read_key;"
        "print(issue(read_key(pathlib.Path(sys.argv[1])), 'a@b', frozenset(), float(sys.argv[2])))"
    )
    command = [str(python), "-c", code, str(tmp_path / "token.key"), str(lifetime_seconds)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def credentials(token: str) -> Credentials:
    """Credentials that are stubborn: refreshed, they give the same token again."""

    def refresh(*_: object, **__: object) -> tuple[str, datetime]:
        return token, datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - Google's library wants it naive

    return Credentials(token, refresh_handler=refresh)


def test_a_good_token_is_let_through(guarded: int, tmp_path: Path) -> None:
    with client_of(guarded, credentials(issue(tmp_path))) as client:
        client.create_bucket("a-bucket").blob("a").upload_from_string("a")

        with client.batch():
            client.bucket("a-bucket").blob("a").delete()

        assert list(client.list_blobs("a-bucket")) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: "nonsense", "the access token is malformed"),
        (lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"), "the access token was signed with another key"),
    ],
    ids=["malformed", "of another key"],
)
def test_a_bad_token_is_unauthorized(guarded: int, tmp_path: Path, damage: Callable[[str], str], message: str) -> None:
    with client_of(guarded, credentials(damage(issue(tmp_path)))) as client:
        with pytest.raises(Unauthorized, match=f"Invalid Credentials: {message}"):
            client.create_bucket("a-bucket")
        with pytest.raises(Unauthorized, match=f"Invalid Credentials: {message}"):
            client.bucket("a-bucket").blob("a").upload_from_string(bytes(20 * MEGABYTE))


def test_an_expired_token_is_unauthorized(guarded: int, tmp_path: Path) -> None:
    expired = credentials(issue(tmp_path, lifetime_seconds=-1))
    with client_of(guarded, expired) as client, pytest.raises(Unauthorized, match="the access token has expired"):
        client.create_bucket("a-bucket")


def test_no_token_at_all_is_unauthorized(guarded: int) -> None:
    answer = requests.get(f"http://127.0.0.1:{guarded}/storage/v1/b", timeout=10)

    message = "Invalid Credentials: the request has no access token"
    errors = [{"message": message, "domain": "global", "reason": "required"}]
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": 401, "message": message, "errors": errors}}


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_storage_works(guarded: int, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(issue(tmp_path))
    (tmp_path / "up.bin").write_bytes(os.urandom(20 * MEGABYTE))
    environment = os.environ | {
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_PROJECT": "a-project",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"http://127.0.0.1:{guarded}/storage/v1/",
        "CLOUDSDK_STORAGE_USE_GRPC_IF_AVAILABLE": "false",
    }

    def gcloud(*arguments: str) -> str:
        command = ["gcloud", "storage", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout

    gcloud("buckets", "create", "gs://a-bucket", "--location=EU")
    gcloud("cp", str(tmp_path / "up.bin"), "gs://a-bucket/folder/a")
    gcloud("cp", "gs://a-bucket/folder/a", str(tmp_path / "down.bin"))
    gcloud("mv", "gs://a-bucket/folder/a", "gs://a-bucket/folder/b")
    gcloud("buckets", "update", "gs://a-bucket", "--versioning")
    gcloud("objects", "update", "gs://a-bucket/folder/b", "--storage-class=NEARLINE")

    assert (tmp_path / "down.bin").read_bytes() == (tmp_path / "up.bin").read_bytes()
    assert gcloud("ls", "-r", "gs://a-bucket/**").split() == ["gs://a-bucket/folder/b"]
    assert gcloud("objects", "describe", "gs://a-bucket/folder/b", "--format=value(storage_class)").strip() == "NEARLINE"
