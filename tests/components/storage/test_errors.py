"""What Cloud Storage refuses, in sentences."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import Forbidden, NotFound, RetryError, ServiceUnavailable, TooManyRequests, Unauthorized
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from google.oauth2.credentials import Credentials

from components.errors import AccessError, CorruptObjectError, PerennialError, StorageFullError
from components.settings import Settings
from components.storage import objects
from components.storage.errors import storage_errors
from components.storage.objects import ensure_bucket, read_manifest


@pytest.mark.parametrize(
    ("refusal", "error", "message"),
    [
        (
            Unauthorized,
            AccessError,
            "Cloud Storage does not know these credentials for bucket models: no; correct PERENNIAL_CRE",
        ),
        (
            ServiceUnavailable,
            AccessError,
            "Cloud Storage cannot be reached for bucket models .*no.*: check the network and run",
        ),
        (TooManyRequests, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (RetryError, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (requests.ReadTimeout, AccessError, "Cloud Storage cannot be reached for bucket models .*no"),
        (DataCorruption, CorruptObjectError, "bucket models serves bytes that differ from their own checksum"),
    ],
)
def test_a_refusal_is_a_sentence(refusal: Callable[..., Exception], error: type[PerennialError], message: str) -> None:
    with pytest.raises(error, match=message), storage_errors("models"):
        raise refusal("no", ())


OBJECT = "does not have storage.objects.{} access to the Google Cloud Storage object. Permission 'storage.objects.{}' denied on resource"
REFUSALS = {
    "read": (OBJECT.format("get", "get"), "roles/storage.objectViewer"),
    "list": (OBJECT.format("list", "list"), "roles/storage.objectViewer"),
    "write": (OBJECT.format("create", "create"), "roles/storage.objectUser"),
    "replace": (OBJECT.format("delete", "delete"), "roles/storage.objectUser"),
    "bucket": ("Permission 'storage.buckets.get' denied on resource (or it may not exist).", "roles/storage.admin"),
    "nothing known": ("Access denied.", "roles/storage.objectUser"),
    "hold": ("Object 'models/a' is under active Event-Based hold and cannot be deleted, overwritten or archived", "--no-event-based-hold"),
    "scope": ("Request had insufficient authentication scopes.", "the scope https://www.googleapis.com/auth/cloud-platform"),
    "billing": ("The billing account for the owning project is disabled in state absent", "enable billing for the project of the bucket"),
    "organization": (
        "Request is prohibited by organization's policy",
        "ask whoever sets the policies",
    ),
}


@pytest.mark.parametrize(("said", "remedy"), REFUSALS.values(), ids=REFUSALS)
def test_a_403_says_what_google_said_and_what_lets_it_happen(said: str, remedy: str) -> None:
    with pytest.raises(AccessError) as caught, storage_errors("models"):
        raise Forbidden("GET https://storage.googleapis.com/storage/v1/b/models: x", errors=({"message": said},))
    start, _, end = str(caught.value).partition("; ")
    assert start == f"Cloud Storage refuses this in bucket models: {said.rstrip('.')}"
    assert remedy in end
    assert "perennial up" not in end


@pytest.mark.parametrize("refusal", [Unauthorized, Forbidden, NotFound, ServiceUnavailable])
def test_in_the_cloud_nobody_is_told_to_start_emulators(refusal: Callable[..., Exception]) -> None:
    for host, is_here in (("https://storage.googleapis.com", False), ("http://127.0.0.1:20001", refusal is not Forbidden)):
        with pytest.raises(PerennialError) as caught, storage_errors("models"):
            raise refusal(f"GET {host}/storage/v1/b/models: no")
        assert ("`perennial up`" in str(caught.value) or "`perennial status`" in str(caught.value)) is is_here


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
