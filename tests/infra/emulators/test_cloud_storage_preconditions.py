"""Preconditions of the Cloud Storage emulator: who writes, deletes or reads only what he saw."""

from concurrent.futures import ThreadPoolExecutor

import requests
from google.api_core.exceptions import PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

NOT_HELD = "pre-conditions you specified did not hold"


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
