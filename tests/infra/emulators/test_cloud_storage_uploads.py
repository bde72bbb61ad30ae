"""Uploads to the Cloud Storage emulator: in one request, in many, composed by hand, cut short."""

import io
import os
import socket
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from google.cloud import storage
from google.cloud.storage import transfer_manager

MEGABYTE = 1 << 20


@pytest.mark.parametrize("checksum", ["md5", "crc32c", None])
def test_content_is_checked_on_its_way_up_and_down(bucket: storage.Bucket, checksum: str | None) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string(b"z" * 1000, checksum=checksum)

    assert blob.download_as_bytes(checksum=checksum) == b"z" * 1000


@pytest.mark.parametrize("size", [0, 1, 5 * MEGABYTE, 5 * MEGABYTE + 1])
def test_a_resumable_upload_in_chunks_arrives_whole(bucket: storage.Bucket, size: int) -> None:
    content = os.urandom(size)
    blob = bucket.blob("a")
    blob.chunk_size = MEGABYTE

    blob.upload_from_file(io.BytesIO(content), size=size, content_type="application/x-model")

    found = bucket.get_blob("a")
    assert found is not None
    assert found.content_type == "application/x-model"
    assert found.download_as_bytes() == content


@pytest.mark.parametrize("pieces", [5, 4 * 256])
def test_an_upload_of_unknown_size_arrives_whole(bucket: storage.Bucket, pieces: int) -> None:
    content = os.urandom(1024 * pieces)

    with bucket.blob("a").open("wb", chunk_size=256 * 1024, ignore_flush=True) as file:
        for start in range(0, len(content), 1024):
            file.write(content[start : start + 1024])

    assert bucket.blob("a").download_as_bytes() == content


def test_an_interrupted_resumable_upload_goes_on_where_it_stood(bucket: storage.Bucket) -> None:
    address = bucket.blob("a").create_resumable_upload_session(size=10)

    first = requests.put(address, data=b"01234", headers={"Content-Range": "bytes 0-4/10"}, timeout=10)
    asked = requests.put(address, headers={"Content-Range": "bytes */10"}, timeout=10)
    beyond = requests.put(address, data=b"89", headers={"Content-Range": "bytes 8-9/10"}, timeout=10)
    assert not bucket.blob("a").exists()
    repeated = requests.put(address, data=b"3456789", headers={"Content-Range": "bytes 3-9/10"}, timeout=10)
    again = requests.put(address, headers={"Content-Range": "bytes */10"}, timeout=10)

    assert [answer.status_code for answer in (first, asked, beyond, repeated, again)] == [308, 308, 308, 200, 200]
    assert first.headers["Range"] == asked.headers["Range"] == beyond.headers["Range"] == "bytes=0-4"
    assert again.json() == repeated.json()
    assert bucket.blob("a").download_as_bytes() == b"0123456789"


def test_a_cancelled_resumable_upload_is_unknown(bucket: storage.Bucket) -> None:
    address = bucket.blob("a").create_resumable_upload_session()

    assert requests.delete(address, timeout=10).status_code == 499
    answer = requests.put(address, data=b"a", timeout=10)

    assert answer.status_code == 404
    assert "it was cancelled, has expired, or the emulator was restarted since" in answer.json()["error"]["message"]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("content", [b"", b"\r\n--", b"\n\n--X-\r\n", b"--X", os.urandom(3 * MEGABYTE)], ids=range(5))
def test_a_multipart_body_may_hold_anything_but_its_boundary(
    bucket: storage.Bucket, storage_url: str, newline: bytes, content: bytes
) -> None:
    head = [b"a preamble", b"--XYZ", b"Content-Type: application/json", b"", b'{"name": "a"}', b"--XYZ", b"content-type: text/x-note", b""]
    body = newline.join([*head, content, b"--XYZ--", b"an epilogue"])

    answer = upload(storage_url, bucket, body, boundary="'XYZ'")

    assert answer.json()["contentType"] == "text/x-note"
    assert bucket.blob("a").download_as_bytes() == content


def test_a_client_that_goes_away_leaves_nothing(bucket: storage.Bucket, storage_url: str) -> None:
    where = urlsplit(storage_url)
    request = f"POST /upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
        connection.sendall(request.encode() + b"half")

    assert not bucket.blob("a").exists()
    bucket.blob("a").upload_from_string("whole")
    assert bucket.blob("a").download_as_bytes() == b"whole"


def test_the_transfer_manager_moves_parts_at_once(bucket: storage.Bucket, tmp_path: Path) -> None:
    content = os.urandom(3 * MEGABYTE)
    (tmp_path / "up").write_bytes(content)

    transfer_manager.upload_chunks_concurrently(
        str(tmp_path / "up"), bucket.blob("a"), chunk_size=MEGABYTE, worker_type=transfer_manager.THREAD
    )
    transfer_manager.download_chunks_concurrently(
        bucket.blob("a"), str(tmp_path / "down"), chunk_size=MEGABYTE, worker_type=transfer_manager.THREAD
    )

    assert (tmp_path / "down").read_bytes() == content


def test_the_transfer_manager_uploads_many_files(bucket: storage.Bucket, tmp_path: Path) -> None:
    names = [f"{uuid.uuid4().hex}.txt" for _ in range(10)]
    for name in names:
        (tmp_path / name).write_text(name)

    results = transfer_manager.upload_many_from_filenames(
        bucket, names, source_directory=str(tmp_path), worker_type=transfer_manager.THREAD
    )

    assert results == [None] * 10
    assert [blob.name for blob in bucket.list_blobs()] == sorted(names)


def upload(storage_url: str, bucket: storage.Bucket, body: bytes, boundary: str = "X") -> requests.Response:
    return requests.post(
        f"{storage_url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart",
        headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        data=body,
        timeout=10,
    )
