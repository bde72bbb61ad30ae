"""The clients say at once when an emulator is not there, or does not want the credentials."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from components.errors import AccessError
from components.google import bigquery_client, bigquery_read_client, credentials, storage_client
from components.settings import Settings

NEXT = "does not answer: run `perennial up`"


@pytest.fixture
def silent_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def key(cloud: Settings) -> dict[str, str]:
    """A service account's key as the emulator wrote it."""
    assert cloud.credentials_file is not None
    document: dict[str, str] = json.loads(cloud.credentials_file.read_text())
    return document


def changed(cloud: Settings, folder: Path, text: str) -> Settings:
    (folder / "key.json").write_text(text)
    return cloud.model_copy(update={"credentials_file": folder / "key.json"})


def refused(make: Callable[[Settings], object], settings: Settings) -> str:
    """The sentence, which must come at once: left to themselves, BigQuery's clients try for ten minutes."""
    start = time.monotonic()
    with pytest.raises(AccessError) as error:
        make(settings)
    assert time.monotonic() - start < 5
    return str(error.value)


def test_clients_reach_the_emulators(cloud: Settings) -> None:
    assert [row[0] for row in bigquery_client(cloud).query("SELECT 1").result()] == [1]
    assert list(storage_client(cloud).list_buckets(prefix="nothing")) == []


def test_bigquery_that_is_not_up_is_named(cloud: Settings, silent_port: int) -> None:
    away = cloud.model_copy(update={"bigquery_endpoint": f"http://127.0.0.1:{silent_port}"})
    assert refused(bigquery_client, away) == f"http://127.0.0.1:{silent_port} {NEXT}"


def test_bigquerys_read_api_that_is_not_up_is_named(cloud: Settings, silent_port: int) -> None:
    away = cloud.model_copy(update={"bigquery_storage_endpoint": f"127.0.0.1:{silent_port}"})
    assert refused(bigquery_read_client, away) == f"127.0.0.1:{silent_port} {NEXT}"


def test_a_missing_credentials_file_is_named(cloud: Settings, tmp_path: Path) -> None:
    away = cloud.model_copy(update={"credentials_file": tmp_path / "key.json"})
    sentence = f"credentials file {tmp_path / 'key.json'} does not exist: run `perennial up`, or correct PERENNIAL_CREDENTIALS_FILE"
    assert refused(bigquery_client, away) == sentence


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[]", '{"type": "authorized_user"}', "\xff"])
def test_a_file_that_is_no_key_is_named(cloud: Settings, tmp_path: Path, text: str) -> None:
    sentence = f"credentials file {tmp_path / 'key.json'} is not a service account key: correct PERENNIAL_CREDENTIALS_FILE"
    assert refused(credentials, changed(cloud, tmp_path, text)) == sentence


def test_a_folder_is_no_key(cloud: Settings, tmp_path: Path) -> None:
    away = cloud.model_copy(update={"credentials_file": tmp_path})
    sentence = f"credentials file {tmp_path} cannot be read (Is a directory): correct PERENNIAL_CREDENTIALS_FILE"
    assert refused(credentials, away) == sentence


def test_a_key_that_is_cut_off_is_named(cloud: Settings, tmp_path: Path, key: dict[str, str]) -> None:
    cut = json.dumps(key | {"private_key": key["private_key"][:100]})
    assert "is not a service account key" in refused(credentials, changed(cloud, tmp_path, cut))


def test_the_key_of_another_machine_is_refused(cloud: Settings, tmp_path: Path, key: dict[str, str]) -> None:
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sentence = refused(bigquery_client, changed(cloud, tmp_path, json.dumps(key | {"private_key": private.decode()})))
    assert sentence.startswith(f"credentials file {tmp_path / 'key.json'} is refused (invalid_grant: ")
    assert sentence.endswith("): correct PERENNIAL_CREDENTIALS_FILE")


def test_a_key_whose_machine_is_gone_is_told_at_once(cloud: Settings, tmp_path: Path, key: dict[str, str], silent_port: int) -> None:
    away = changed(cloud, tmp_path, json.dumps(key | {"token_uri": f"http://127.0.0.1:{silent_port}/token"}))
    assert refused(bigquery_client, away) == f"the token endpoint of credentials file {tmp_path / 'key.json'} {NEXT}"


def test_without_a_file_the_default_credentials_are_asked_for(cloud: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    nobody = cloud.model_copy(update={"credentials_file": None})
    assert refused(credentials, nobody) == "no Google Cloud credentials: run `perennial up`"
    in_the_cloud = nobody.model_copy(update={"cloudsql_endpoint": None})
    assert refused(credentials, in_the_cloud) == "no Google Cloud credentials: run `gcloud auth application-default login`"
