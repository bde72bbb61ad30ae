"""What Cloud Storage refuses, in sentences."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import Forbidden, RetryError, ServiceUnavailable, TooManyRequests, Unauthorized
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from google.oauth2.credentials import Credentials

from components.errors import AccessError, PerennialError, RegistryError, StorageFullError
from components.settings import Settings
from components.storage import objects
from components.storage.errors import storage_errors
from components.storage.objects import ensure_bucket, read_manifest


@pytest.mark.parametrize(
    ("refusal", "error", "message"),
    [
        (Unauthorized, AccessError, "Cloud Storage refuses these credentials for bucket models: no"),
        (Forbidden, AccessError, "Cloud Storage refuses these credentials for bucket models: no"),
        (ServiceUnavailable, AccessError, "Cloud Storage cannot be reached for bucket models .*no.*: run `perennial status`"),
        (TooManyRequests, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (RetryError, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (requests.ReadTimeout, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (DataCorruption, RegistryError, "bucket models serves bytes that differ from their own checksum"),
    ],
)
def test_a_refusal_is_a_sentence(refusal: Callable[..., Exception], error: type[PerennialError], message: str) -> None:
    with pytest.raises(error, match=message), storage_errors("models"):
        raise refusal("no", ())


def test_a_bug_stays_what_it_is() -> None:
    with pytest.raises(FileNotFoundError), storage_errors("models"):
        Path("/no/such/file").read_bytes()


def test_credentials_that_do_not_work_say_so(cloud: Settings) -> None:
    wrong = Credentials("ya29.wrong")
    with (
        closing(storage.Client(cloud.project, wrong, client_options={"api_endpoint": cloud.storage_endpoint})) as stranger,
        pytest.raises(AccessError, match=r"the credentials for bucket models do not work .*: correct PERENNIAL_CREDENTIALS_FILE"),
    ):
        read_manifest(stranger, "gs://models/models/churn/abc")


def test_a_service_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "RETRY", objects.RETRY.with_timeout(0.5))
    anonymous = AnonymousCredentials()
    with (
        closing(storage.Client("nobody", anonymous, client_options={"api_endpoint": "http://127.0.0.1:1"})) as nobody,
        pytest.raises(AccessError, match=r"Cloud Storage cannot be reached for bucket models .*: run `perennial status`"),
    ):
        ensure_bucket(nobody, "models", "EU")


def test_a_full_disk_says_so() -> None:
    with (
        pytest.raises(StorageFullError, match=r"no room on the disk .*No space left.*: free some and run the command again"),
        storage_errors("models"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
