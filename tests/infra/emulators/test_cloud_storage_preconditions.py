"""Preconditions of the Cloud Storage emulator: who writes, deletes or reads only what he saw."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

NOT_HELD = "pre-conditions you specified did not hold"


def test_an_object_is_made_only_if_there_is_none(bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string("first", if_generation_match=0)

    with pytest.raises(PreconditionFailed, match=NOT_HELD):
        bucket.blob("a").upload_from_string("second", if_generation_match=0)

    assert bucket.blob("a").download_as_bytes() == b"first"


def test_a_stale_generation_is_not_overwritten(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("first")
    stale = blob.generation
    bucket.blob("a").upload_from_string("second")

    with pytest.raises(PreconditionFailed, match=NOT_HELD):
        bucket.blob("a").upload_from_string("third", if_generation_match=stale)

    assert bucket.blob("a").download_as_bytes() == b"second"


def test_a_resumable_upload_is_refused_before_its_bytes_are_sent(bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string("first")

    with pytest.raises(PreconditionFailed, match=NOT_HELD):
        bucket.blob("a").create_resumable_upload_session(if_generation_match=0)


def test_a_resumable_upload_is_refused_at_its_end_if_somebody_was_faster(bucket: storage.Bucket) -> None:
    address = bucket.blob("a").create_resumable_upload_session(if_generation_match=0)
    bucket.blob("a").upload_from_string("faster")

    answer = requests.put(address, data=b"slower", timeout=10)

    assert answer.status_code == 412
    assert NOT_HELD in answer.json()["error"]["message"]
    assert bucket.blob("a").download_as_bytes() == b"faster"


def test_of_16_racing_writers_one_wins(bucket: storage.Bucket, storage_url: str) -> None:
    def write(index: int) -> str | None:
        options = {"api_endpoint": storage_url}
        client = storage.Client("a-project", AnonymousCredentials(), client_options=options)
        try:
            client.bucket(bucket.name).blob("race").upload_from_string(str(index), if_generation_match=0)
        except PreconditionFailed:
            return None
        finally:
            client.close()
        return str(index)

    with ThreadPoolExecutor(16) as pool:
        winners = [winner for winner in pool.map(write, range(16)) if winner is not None]

    assert len(winners) == 1
    assert bucket.blob("race").download_as_text() == winners[0]


@pytest.mark.parametrize(
    "action",
    [
        lambda blob: blob.delete(if_generation_match=blob.generation + 1),
        lambda blob: blob.patch(if_metageneration_match=99),
        lambda blob: blob.download_as_bytes(if_generation_match=blob.generation + 1),
        lambda blob: blob.reload(if_generation_match=blob.generation + 1),
        lambda blob: blob.rewrite(blob, if_source_generation_match=blob.generation + 1),
        lambda blob: blob.compose([blob], if_generation_match=blob.generation + 1),
    ],
    ids=["delete", "patch", "download", "get", "rewrite", "compose"],
)
def test_everything_that_names_another_generation_is_refused(bucket: storage.Bucket, action: Callable[[storage.Blob], object]) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("a")

    with pytest.raises(PreconditionFailed, match=NOT_HELD):
        action(blob)

    assert bucket.blob("a").download_as_bytes() == b"a"


def test_a_reader_is_told_that_nothing_is_new(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("a")

    with pytest.raises(Exception, match="304"):
        blob.reload(if_generation_not_match=blob.generation)


def test_a_deletion_needs_an_object_whatever_its_precondition(bucket: storage.Bucket) -> None:
    with pytest.raises(NotFound, match="No such object"):
        bucket.blob("missing").delete(if_generation_match=0)


def test_generations_grow_and_an_overwritten_one_is_gone(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("first")
    first = blob.generation
    blob.upload_from_string("second")

    assert blob.generation > first
    with pytest.raises(NotFound, match="No such object"):
        bucket.blob("a", generation=first).download_as_bytes()
