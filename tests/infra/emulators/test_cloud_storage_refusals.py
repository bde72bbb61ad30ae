"""What the Cloud Storage emulator refuses, told as Google's unmodified client and the JSON API tell it; a refusal changes nothing."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import storage

NO_BUCKET = "The specified bucket does not exist"
NO_OBJECT = "No such object"
NOT_HELD = "pre-conditions you specified did not hold"


class Stored(NamedTuple):
    """A bucket with one object, which was written twice: `stale` is its first generation."""

    bucket: storage.Bucket
    blob: storage.Blob
    stale: int


Act = Callable[[Stored], object]


def label_at_metageneration_7(s: Stored) -> None:
    s.bucket.labels = {"a": "b"}
    s.bucket.patch(if_metageneration_match=7)


def delete_twice(s: Stored) -> None:
    s.bucket.blob("b").upload_from_string("b")
    s.bucket.blob("b").delete()
    s.bucket.blob("b").delete()


CALLS: dict[str, tuple[Act, type[Exception], str]] = {
    "a bucket that is there": (lambda s: s.bucket.client.create_bucket(s.bucket.name), Conflict, "you already own it"),
    "a bucket of a bad name": (lambda s: s.bucket.client.create_bucket("Bad_Name"), BadRequest, "Invalid bucket name: 'Bad_Name'"),
    "a bucket that is not there": (lambda s: s.bucket.client.get_bucket("no-such-bucket"), NotFound, NO_BUCKET),
    "an upload to no bucket": (
        lambda s: s.bucket.client.bucket("no-such-bucket").blob("a").upload_from_string("a"),
        NotFound,
        NO_BUCKET,
    ),
    "another metageneration of the bucket": (label_at_metageneration_7, PreconditionFailed, NOT_HELD),
    "a page token that was never given out": (
        lambda s: list(s.bucket.list_blobs(page_token="nonsense")),
        BadRequest,
        "Invalid value for pageToken: 'nonsense'",
    ),
    "an object that is not there": (lambda s: s.bucket.blob("missing").download_as_bytes(), NotFound, NO_OBJECT),
    "a generation that was overwritten": (
        lambda s: s.bucket.blob("a", generation=s.stale).download_as_bytes(),
        NotFound,
        NO_OBJECT,
    ),
    "a deletion of what is gone": (delete_twice, NotFound, NO_OBJECT),
    "a deletion of what never was": (
        lambda s: s.bucket.blob("missing").delete(if_generation_match=0),
        NotFound,
        NO_OBJECT,
    ),
    "a range beyond the end": (lambda s: s.blob.download_as_bytes(start=10), Exception, "416"),
    "nothing new to read": (lambda s: s.blob.reload(if_generation_not_match=s.blob.generation), Exception, "304"),
    "an upload if there is none": (
        lambda s: s.bucket.blob("a").upload_from_string("x", if_generation_match=0),
        PreconditionFailed,
        NOT_HELD,
    ),
    "an upload over another generation": (
        lambda s: s.bucket.blob("a").upload_from_string("x", if_generation_match=s.stale),
        PreconditionFailed,
        NOT_HELD,
    ),
    "a resumable upload, before its bytes are sent": (
        lambda s: s.bucket.blob("a").create_resumable_upload_session(if_generation_match=0),
        PreconditionFailed,
        NOT_HELD,
    ),
    "delete": (lambda s: s.blob.delete(if_generation_match=s.blob.generation + 1), PreconditionFailed, NOT_HELD),
    "patch": (lambda s: s.blob.patch(if_metageneration_match=99), PreconditionFailed, NOT_HELD),
    "download": (lambda s: s.blob.download_as_bytes(if_generation_match=s.blob.generation + 1), PreconditionFailed, NOT_HELD),
    "get": (lambda s: s.blob.reload(if_generation_match=s.blob.generation + 1), PreconditionFailed, NOT_HELD),
    "rewrite": (lambda s: s.blob.rewrite(s.blob, if_source_generation_match=s.blob.generation + 1), PreconditionFailed, NOT_HELD),
    "compose": (lambda s: s.blob.compose([s.blob], if_generation_match=s.blob.generation + 1), PreconditionFailed, NOT_HELD),
}


@pytest.mark.parametrize(("act", "error", "message"), CALLS.values(), ids=CALLS)
def test_a_call_is_refused_and_changes_nothing(bucket: storage.Bucket, act: Act, error: type[Exception], message: str) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("first")
    stale = blob.generation
    blob.upload_from_string("second")
    assert blob.generation > stale
    with pytest.raises(error, match=message):
        act(Stored(bucket, blob, stale))
    assert {blob.name: blob.download_as_bytes() for blob in bucket.list_blobs()} == {"a": b"second"}
    assert bucket.client.get_bucket(bucket.name).labels == {}


MD5 = 'Provided MD5 hash "AAAAAAAAAAAAAAAAAAAAAA==" doesn\'t match calculated MD5 hash "SfaKXIST7CwL9ImCHCH8Ow==".'
WRONG_MD5 = '--X\r\n\r\n{"name": "bad", "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}\r\n--X\r\nContent-Type: text/plain\r\n\r\nhi\r\n--X--'
NO_END = '--X\r\nContent-Type: application/json\r\n\r\n{"name": "a"}\r\n--X\r\nContent-Type: text/plain\r\n\r\nhi'
UPLOAD = "POST /upload/storage/v1/b/{bucket}/o?uploadType="
REQUESTS: tuple[tuple[str, str, int, str, str], ...] = (
    ("GET /storage/v1/b/{bucket}/o/missing", "", 404, "notFound", "No such object: {bucket}/missing"),
    ("GET /storage/v2/b", "", 404, "notFound", "GET /storage/v2/b is no call that this emulator knows."),
    (f"{UPLOAD}media", "a", 400, "required", "Required parameter: name"),
    (f"{UPLOAD}multipart", WRONG_MD5, 400, "invalid", MD5),
    (f"{UPLOAD}multipart", NO_END, 400, "invalid", "The multipart body ends before its last boundary."),
)


@pytest.mark.parametrize(("request_line", "body", "status", "reason", "message"), REQUESTS)
def test_a_request_is_refused_in_the_shape_of_the_json_api(
    bucket: storage.Bucket, storage_url: str, request_line: str, body: str, status: int, reason: str, message: str
) -> None:
    method, path = request_line.format(bucket=bucket.name).split(" ")
    headers = {"Content-Type": "multipart/related; boundary=X"} if path.endswith("multipart") else {}
    answer = requests.request(method, f"{storage_url}{path}", data=body, headers=headers, timeout=10)
    message = message.format(bucket=bucket.name)
    errors = [{"message": message, "domain": "global", "reason": reason}]
    assert (answer.status_code, answer.json()) == (status, {"error": {"code": status, "message": message, "errors": errors}})
    assert list(bucket.list_blobs()) == []
