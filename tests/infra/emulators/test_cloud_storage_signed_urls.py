"""Signed URLs of the Cloud Storage emulator, made by Google's unmodified client with the key of a service account."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import service_account

from tests.infra.emulators.cloud_storage_process import CloudStorageProcess

TIMEOUT_SECONDS = 10
EMAIL = "signer@a-project.iam.gserviceaccount.com"
NAME = "folder/a b%41~ä+?.txt"


def make_account(email: str) -> dict[str, str]:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"private_key": key.decode(), "client_email": email, "token_uri": "http://127.0.0.1"}


@dataclass(frozen=True)
class Door:
    """A bucket of an emulator that asks for tokens, and a service account whose key it knows."""

    endpoint: str
    bucket: str
    account: dict[str, str]

    def url(self, name: str = NAME, account: dict[str, str] | None = None, **options: Any) -> str:
        """A signed URL of an object, or of the bucket where `name` is empty."""
        bucket = storage.Client("a-project", AnonymousCredentials()).bucket(self.bucket)
        signer = service_account.Credentials.from_service_account_info(account or self.account)
        given = {"version": "v4", "expiration": timedelta(minutes=5)} | options
        target = bucket.blob(name) if name else bucket
        return str(target.generate_signed_url(credentials=signer, api_access_endpoint=self.endpoint, **given))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("signed")
    account = make_account(EMAIL)
    (folder / f"{EMAIL}.json").write_text(json.dumps(account))
    name = f"bucket-{uuid.uuid4().hex}"
    data = folder / "data"
    with CloudStorageProcess(data).running() as process:
        process.client().create_bucket(name)
    options = ("--token-key", str(folder / "token.key"), "--service-accounts", str(folder))
    with CloudStorageProcess(data, options=options).running() as process:
        door = Door(process.endpoint, name, account)
        assert requests.put(door.url(method="PUT"), data=b"signed", timeout=TIMEOUT_SECONDS).status_code == 200
        yield door


def code_and_details(answer: requests.Response) -> tuple[int, str | None, str | None]:
    error = ET.fromstring(answer.text)
    return answer.status_code, error.findtext("Code"), error.findtext("Details")


def test_a_signed_url_reads_writes_and_deletes_without_a_token(door: Door) -> None:
    name = f"{NAME}-{uuid.uuid4().hex}"
    put = requests.put(
        door.url(name, method="PUT", content_type="text/x"), b"1", headers={"Content-Type": "text/x"}, timeout=TIMEOUT_SECONDS
    )
    got = requests.get(door.url(name), timeout=TIMEOUT_SECONDS)
    generation = got.headers["X-Goog-Generation"]
    old = requests.get(door.url(name, generation=generation, query_parameters={"empty": ""}), timeout=TIMEOUT_SECONDS)
    gone = requests.delete(door.url(name, method="DELETE"), timeout=TIMEOUT_SECONDS)

    assert (put.status_code, got.content, got.headers["Content-Type"], old.content, gone.status_code) == (200, b"1", "text/x", b"1", 204)
    assert requests.get(door.url(name), timeout=TIMEOUT_SECONDS).status_code == 404


def test_a_signed_url_lists_a_bucket(door: Door) -> None:
    answer = requests.get(door.url("", query_parameters={"prefix": "folder/", "max-keys": "1"}), timeout=TIMEOUT_SECONDS)

    assert answer.status_code == 200
    assert ET.fromstring(answer.text).findtext("{*}Contents/{*}Key") == NAME


def changed(url: str, **values: str | None) -> str:
    """The URL with other values in its query; None takes one away."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **{name.replace("_", "-"): value for name, value in values.items()}}
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value is not None})))


TAMPERED: dict[str, Callable[[str], str]] = {
    "another object": lambda url: url.replace("/folder/", "/other/"),
    "longer": lambda url: changed(url, X_Goog_Expires="600"),
    "one more parameter": lambda url: f"{url}&generation=1",
    "another signature": lambda url: changed(url, X_Goog_Signature="00" * 256),
    "a signature that is cut": lambda url: url[:-2],
    "another location": lambda url: url.replace("%2Fauto%2F", "%2Feu%2F"),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_url_is_refused(door: Door, tamper: Callable[[str], str]) -> None:
    answer = requests.get(tamper(door.url()), timeout=TIMEOUT_SECONDS)

    assert code_and_details(answer) == (
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.",
    )
    error = ET.fromstring(answer.text)
    assert error.findtext("Message") == "Access denied."
    assert str(error.findtext("StringToSign")).startswith("GOOG4-RSA-SHA256\n")
    assert str(error.findtext("CanonicalRequest")).startswith(f"GET\n/{door.bucket}/")


def test_a_url_for_reading_does_not_write(door: Door) -> None:
    for method in ("PUT", "DELETE", "HEAD"):
        answer = requests.request(method, door.url(), data=b"overwritten", timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 403, method

    assert requests.get(door.url(), timeout=TIMEOUT_SECONDS).content == b"signed"


def test_a_stranger_signs_in_vain(door: Door) -> None:
    same_name, unknown = make_account(EMAIL), make_account("nobody@a-project.iam.gserviceaccount.com")

    answers = [code_and_details(requests.get(door.url(account=account), timeout=TIMEOUT_SECONDS))[:2] for account in (same_name, unknown)]

    assert answers == [(403, "SignatureDoesNotMatch"), (403, "InvalidSecurity")]


def test_an_account_is_no_path(door: Door, tmp_path: Path) -> None:
    """A key that lies elsewhere, such as one that a caller put there himself, signs nothing."""
    (tmp_path / "key.json").write_text(json.dumps(make_account(EMAIL)))
    account = make_account(f"../../../../../../../../{tmp_path}/key")

    assert requests.get(door.url(account=account), timeout=TIMEOUT_SECONDS).status_code in (400, 403)


def test_an_expired_url_is_refused(door: Door) -> None:
    signed = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    url = changed(door.url(), X_Goog_Date=f"{signed:%Y%m%dT%H%M%SZ}", X_Goog_Expires="60")
    url = changed(url, X_Goog_Credential=f"{EMAIL}/{signed:%Y%m%d}/auto/storage/goog4_request")

    expired = (signed + timedelta(seconds=60)).isoformat()
    assert code_and_details(requests.get(url, timeout=TIMEOUT_SECONDS)) == (400, "ExpiredToken", f"Request signature expired at: {expired}")


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"X_Goog_Algorithm": None}, "x-goog-algorithm"),
        ({"X_Goog_Algorithm": "GOOG4-HMAC-SHA256"}, "x-goog-algorithm"),
        ({"X_Goog_Credential": EMAIL}, "x-goog-credential"),
        ({"X_Goog_Credential": f"{EMAIL}/20200101/auto/storage/goog4_request"}, "x-goog-credential"),
        ({"X_Goog_Date": "yesterday"}, "x-goog-credential"),
        ({"X_Goog_Expires": "0"}, "x-goog-expires"),
        ({"X_Goog_Expires": "604801"}, "x-goog-expires"),
        ({"X_Goog_Expires": "-1"}, "x-goog-expires"),
        ({"X_Goog_Expires": "١"}, "x-goog-expires"),
        ({"X_Goog_SignedHeaders": None}, "x-goog-signedheaders"),
        ({"X_Goog_SignedHeaders": "x-goog-meta-a"}, "x-goog-meta-a"),
        ({"X_Goog_SignedHeaders": "content-type"}, "content-type"),
        ({"X_Goog_Signature": ""}, "x-goog-signature"),
        ({"X_Goog_Signature": "xyz"}, "x-goog-signature"),
    ],
)
def test_a_malformed_url_names_the_parameter(door: Door, change: dict[str, str | None], parameter: str) -> None:
    answer = requests.get(changed(door.url(), **change), timeout=TIMEOUT_SECONDS)

    assert code_and_details(answer)[:2] == (400, "MalformedSecurityHeader")
    assert ET.fromstring(answer.text).findtext("ParameterName") == parameter


def test_a_header_of_cloud_storage_must_be_signed(door: Door) -> None:
    answer = requests.put(door.url(method="PUT"), b"x", headers={"x-goog-meta-a": "1"}, timeout=TIMEOUT_SECONDS)

    assert code_and_details(answer)[1:] == ("MalformedSecurityHeader", "Header was included in the request, but not in signedheaders.")


def test_the_words_signature_and_access_id_open_nothing(door: Door) -> None:
    """As they once did."""
    for path in ("", "folder/x", "o"):
        for query in ("X-Goog-Signature=x", "x-goog-signature=x", "Signature=x", "GoogleAccessId=a&Expires=9999999999&Signature=x"):
            for method in ("GET", "PUT", "DELETE"):
                answer = requests.request(method, f"{door.endpoint}/{door.bucket}/{path}?{query}", timeout=TIMEOUT_SECONDS)
                assert answer.status_code in (400, 401, 403), (method, path, query)
    for url in (f"{door.endpoint}/storage/v1/b?X-Goog-Signature=x", f"{door.endpoint}/storage/v1/b/{door.bucket}/o?X-Goog-Signature=x"):
        assert requests.get(url, timeout=TIMEOUT_SECONDS).status_code == 401


def test_version_two_is_refused_by_name(door: Door) -> None:
    answer = requests.get(door.url(version="v2"), timeout=TIMEOUT_SECONDS)

    assert code_and_details(answer) == (400, "InvalidArgument", "Signed URLs of version 2 are not emulated: sign with version 4.")


def test_without_accounts_no_signature_is_good(tmp_path: Path, door: Door) -> None:
    with CloudStorageProcess(tmp_path).running() as process:
        url = Door(process.endpoint, door.bucket, door.account).url()

        assert code_and_details(requests.get(url, timeout=TIMEOUT_SECONDS))[:2] == (403, "InvalidSecurity")
