"""The XML API of the Cloud Storage emulator: plain paths, listings, uploads in parts."""

from xml.etree import ElementTree as ET

import requests
from google.cloud import storage

TIMEOUT_SECONDS = 10


def test_a_plain_path_reads_a_range(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.blob("folder/a").upload_from_string("hello", content_type="text/x-note")

    answer = requests.get(f"{storage_url}/{bucket.name}/folder/a", headers={"Range": "bytes=0-2"}, timeout=TIMEOUT_SECONDS)

    assert (answer.status_code, answer.content) == (206, b"hel")
    assert answer.headers["Content-Range"] == "bytes 0-2/5"
    assert answer.headers["Content-Type"] == "text/x-note"


def test_headers_keep_the_case_that_tensorflow_looks_for(bucket: storage.Bucket, storage_url: str) -> None:
    answer = requests.post(
        f"{storage_url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name=a", json={}, timeout=TIMEOUT_SECONDS
    )

    assert "Location" in list(answer.headers)


def test_a_head_request_tells_the_size_and_sends_nothing(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.blob("a").upload_from_string("hello")

    answer = requests.head(f"{storage_url}/{bucket.name}/a", timeout=TIMEOUT_SECONDS)

    assert (answer.headers["Content-Length"], answer.content) == ("5", b"")


def test_a_put_keeps_metadata_and_holds_its_precondition(bucket: storage.Bucket, storage_url: str) -> None:
    headers = {"x-goog-meta-run": "42", "x-goog-if-generation-match": "0", "Content-Type": "text/x-note"}

    first = requests.put(f"{storage_url}/{bucket.name}/a", data=b"first", headers=headers, timeout=TIMEOUT_SECONDS)
    second = requests.put(f"{storage_url}/{bucket.name}/a", data=b"second", headers=headers, timeout=TIMEOUT_SECONDS)

    assert (first.status_code, second.status_code) == (200, 412)
    assert ET.fromstring(second.text).findtext("Code") == "PreconditionFailed"
    found = bucket.get_blob("a")
    assert found is not None
    assert (found.metadata, found.content_type, found.download_as_bytes()) == ({"run": "42"}, "text/x-note", b"first")


def test_a_deleted_object_is_missing_in_the_shape_of_the_xml_api(bucket: storage.Bucket, storage_url: str) -> None:
    bucket.blob("a").upload_from_string("a")

    deleted = requests.delete(f"{storage_url}/{bucket.name}/a", timeout=TIMEOUT_SECONDS)
    missing = requests.get(f"{storage_url}/{bucket.name}/a", timeout=TIMEOUT_SECONDS)

    assert (deleted.status_code, missing.status_code) == (204, 404)
    assert ET.fromstring(missing.text).findtext("Code") == "NoSuchKey"


def test_a_listing_goes_on_where_its_page_ended(bucket: storage.Bucket, storage_url: str) -> None:
    names = ["a&b", "c/1", "c/2", "d"]
    for name in names:
        bucket.blob(name).upload_from_string(name)

    found: list[str | None] = []
    query = {"list-type": "2", "max-keys": "3"}
    while True:
        answer = requests.get(f"{storage_url}/{bucket.name}/", params=query, timeout=TIMEOUT_SECONDS)
        page = ET.fromstring(answer.text)
        found += [key.text for key in page.iterfind("{*}Contents/{*}Key")]
        token = page.findtext("{*}NextContinuationToken")
        if token is None:
            break
        query["continuation-token"] = token

    assert found == names
