"""Requests to the Cloud Storage emulator that are broken on purpose."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from google.api_core.exceptions import TooManyRequests
from google.cloud import storage

from tests.infra.emulators.cloud_storage_process import CloudStorageProcess

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStorageProcess]:
    with CloudStorageProcess(tmp_path_factory.mktemp("cloud_storage")).running() as process:
        yield process


@pytest.fixture
def bucket(process: CloudStorageProcess) -> Iterator[storage.Bucket]:
    process.break_next()
    with closing(process.client()) as client:
        yield client.create_bucket(f"bucket-{uuid.uuid4().hex}")


def test_so_many_requests_are_refused_and_the_next_is_served(process: CloudStorageProcess, bucket: storage.Bucket) -> None:
    process.break_next({"path": "/o?uploadType", "method": "POST", "status": 429, "count": 2})
    for _ in range(2):
        with pytest.raises(TooManyRequests, match="injected fault"):
            bucket.blob("a").upload_from_string("a", retry=None)
    assert bucket.get_blob("a") is None
    bucket.blob("a").upload_from_string("a", retry=None)
    assert len([call for call in process.calls() if call.startswith("POST /upload/storage/v1/b/")]) == 3


def test_a_request_is_slow(process: CloudStorageProcess, bucket: storage.Bucket) -> None:
    process.break_next({"path": f"/b/{bucket.name}", "delay_seconds": 0.3})
    began = time.monotonic()
    bucket.reload()
    assert time.monotonic() - began > 0.3
    bucket.reload()
    assert time.monotonic() - began < 1


def test_a_connection_is_cut_and_what_had_arrived_of_a_resumable_upload_stays(process: CloudStorageProcess, bucket: storage.Bucket) -> None:
    address = bucket.blob("a").create_resumable_upload_session()
    process.break_next({"path": "upload_id", "cut_bytes": MEGABYTE})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.put(address, data=bytes(4 * MEGABYTE), timeout=10)
    answer = requests.put(address, headers={"Content-Range": "bytes */*"}, timeout=10)
    assert (answer.status_code, answer.headers["Range"]) == (308, f"bytes=0-{MEGABYTE - 1}")
    assert bucket.get_blob("a") is None


def test_nothing_can_be_broken_unless_it_is_asked_for(storage_url: str) -> None:
    assert requests.put(f"{storage_url}/_faults", json=[{"path": "/"}], timeout=10).status_code == 405
