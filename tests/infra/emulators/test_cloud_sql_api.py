"""The Admin API and the token endpoint of the Cloud SQL emulator, asked by Google's own clients where there is one."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from google.auth import crypt, jwt
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

from infra.emulators.identity import tokens
from tests.infra.emulators.cloud_sql_process import PASSWORD, SERVER, TRAINER, CloudSqlProcess

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(autouse=True)
def whole(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [])
    cloud_sql.control("DELETE", "/calls")


def connect(cloud_sql: CloudSqlProcess, connection_name: str | None = None, credentials: Any = None, **options: str) -> Any:
    with cloud_sql.connector(credentials) as connector:
        arguments = {"user": "postgres", "password": PASSWORD, "db": "postgres"} | options
        connector.connect(connection_name or cloud_sql.connection_name, "pg8000", **arguments).close()


def token(cloud_sql: CloudSqlProcess, *scopes: str, lifetime_seconds: float = 60) -> str:
    key = tokens.read_key(cloud_sql.folder / "token.key")
    return tokens.issue(key, TRAINER, frozenset(scopes), lifetime_seconds)


def assertion(cloud_sql: CloudSqlProcess, **claims: object) -> str:
    """What a service account signs to get a token; claims may be changed."""
    fields = json.loads(cloud_sql.credentials_file.read_text())
    now = int(time.time())
    usual = {"iss": TRAINER, "aud": fields["token_uri"], "scope": SCOPE, "iat": now, "exp": now + 3600}
    signer = crypt.RSASigner.from_service_account_info(fields)
    return str(jwt.encode(signer, usual | claims).decode())


def grant(cloud_sql: CloudSqlProcess, assertion: str, grant_type: str = GRANT_TYPE) -> tuple[int, Any]:
    answer = requests.post(f"{cloud_sql.endpoint}/token", data={"grant_type": grant_type, "assertion": assertion}, timeout=5)
    return answer.status_code, answer.json()


# The token endpoint


def test_a_service_account_gets_a_token_for_what_it_signs(cloud_sql: CloudSqlProcess) -> None:
    status, answer = grant(cloud_sql, assertion(cloud_sql))

    identity = tokens.verify(tokens.read_key(cloud_sql.folder / "token.key"), answer["access_token"])
    assert status == 200
    assert (identity.email, identity.scopes) == (TRAINER, frozenset({SCOPE}))
    assert (answer["expires_in"], answer["token_type"]) == (3600, "Bearer")


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"iss": SERVER}, "Invalid JWT Signature."),
        ({"iss": "stranger@perennial-test.iam.gserviceaccount.com"}, "Invalid grant: account not found"),
        ({"iss": "../token.key"}, "Invalid grant: account not found"),
        ({"exp": 1}, "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."),
        ({"aud": "https://example.com"}, "Invalid JWT: audience https://example.com is another service."),
        ({"exp": "soon"}, "Bad Request: the assertion is no JSON Web Token with iss, aud and exp."),
    ],
)
def test_an_assertion_that_does_not_hold_gets_no_token(cloud_sql: CloudSqlProcess, claims: dict[str, object], description: str) -> None:
    assert grant(cloud_sql, assertion(cloud_sql, **claims)) == (400, {"error": "invalid_grant", "error_description": description})


def test_a_service_account_may_not_act_for_somebody_else(cloud_sql: CloudSqlProcess) -> None:
    assert grant(cloud_sql, assertion(cloud_sql, sub=TRAINER))[0] == 200
    assert grant(cloud_sql, assertion(cloud_sql, sub="ann@example.com"))[1]["error"] == "unauthorized_client"


@pytest.mark.parametrize("text", ["", "a.b.c", "no token", "e30.e30.e30"])
def test_text_that_is_no_assertion_gets_no_token(cloud_sql: CloudSqlProcess, text: str) -> None:
    status, answer = grant(cloud_sql, text)
    assert (status, answer["error"]) == (400, "invalid_grant")


def test_a_changed_assertion_gets_no_token(cloud_sql: CloudSqlProcess) -> None:
    head, _, signature = assertion(cloud_sql).split(".")
    body = assertion(cloud_sql, scope="https://www.googleapis.com/auth/everything").split(".")[1]
    assert grant(cloud_sql, f"{head}.{body}.{signature}")[1]["error_description"] == "Invalid JWT Signature."


def test_another_kind_of_grant_is_refused(cloud_sql: CloudSqlProcess) -> None:
    assert grant(cloud_sql, "", "refresh_token") == (
        400,
        {"error": "unsupported_grant_type", "error_description": "Invalid grant_type: refresh_token"},
    )


def test_a_key_that_was_not_made_here_gives_a_refresh_error(cloud_sql: CloudSqlProcess) -> None:
    other = crypt.RSASigner.from_service_account_info(json.loads((cloud_sql.folder / f"data/service-accounts/{SERVER}.json").read_text()))
    forged = service_account.Credentials(other, TRAINER, f"{cloud_sql.endpoint}/token", scopes=[SCOPE])
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        forged.refresh(Request())


# Who may ask


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "the request has no access token"),
        ({"Authorization": "Bearer ya29.other"}, "the access token is malformed"),
        ({"Authorization": "Basic abc"}, "the request authenticates by Basic, not by an access token"),
    ],
)
def test_a_request_without_a_token_of_ours_is_refused(cloud_sql: CloudSqlProcess, headers: dict[str, str], reason: str) -> None:
    answer = requests.get(f"{cloud_sql.endpoint}{cloud_sql.instance_path}", headers=headers, timeout=5)
    message = f"Request had invalid authentication credentials: {reason}."
    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "code": 401,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": "authError"}],
    }


def test_an_expired_token_is_refused(cloud_sql: CloudSqlProcess) -> None:
    expired = Credentials(token(cloud_sql, SCOPE, lifetime_seconds=-1))
    with pytest.raises(aiohttp.ClientResponseError, match="the access token has expired") as error:
        connect(cloud_sql, credentials=expired)
    assert error.value.status == 401


def test_a_token_that_is_good_only_for_logging_in_does_not_open_the_api(cloud_sql: CloudSqlProcess) -> None:
    narrow = Credentials(token(cloud_sql, "https://www.googleapis.com/auth/sqlservice.login"))
    with pytest.raises(aiohttp.ClientResponseError, match="insufficient authentication scopes") as error:
        connect(cloud_sql, credentials=narrow)
    assert error.value.status == 403


FORBIDDEN = (
    ("GET", "/databases", None, "cloudsql.databases.list"),
    ("POST", "/databases", {"name": "own"}, "cloudsql.databases.create"),
    ("GET", "/users", None, "cloudsql.users.list"),
    ("POST", "/users", {"name": "mallory", "password": "x"}, "cloudsql.users.create"),
    ("POST", "/users", {"name": "mallory@example.com", "type": "CLOUD_IAM_USER"}, "cloudsql.users.create"),
    ("PUT", "/users?name=postgres", {"password": "x"}, "cloudsql.users.update"),
    ("POST", "/restart", None, "cloudsql.instances.restart"),
)


@pytest.mark.parametrize(("method", "path", "body", "permission"), FORBIDDEN)
def test_who_may_only_connect_makes_nobody_an_administrator(
    cloud_sql: CloudSqlProcess, method: str, path: str, body: object, permission: str
) -> None:
    key = tokens.read_key(cloud_sql.folder / "token.key")
    for email in (SERVER, "stranger@elsewhere.iam.gserviceaccount.com"):
        headers = {"Authorization": f"Bearer {tokens.issue(key, email, frozenset({SCOPE}), 60)}"}
        answer = requests.request(method, f"{cloud_sql.endpoint}{cloud_sql.instance_path}{path}", headers=headers, json=body, timeout=15)

        error = answer.json()["error"]
        assert (answer.status_code, error["errors"][0]["reason"]) == (403, "notAuthorized")
        assert error["message"] == (
            "boss::NOT_AUTHORIZED: Not authorized to access resource. "
            f"Possibly missing permission {permission} on resource instances/registry."
        )


def test_a_stranger_with_a_token_gets_no_certificate(cloud_sql: CloudSqlProcess) -> None:
    key = tokens.read_key(cloud_sql.folder / "token.key")
    stranger = Credentials(tokens.issue(key, "stranger@elsewhere.iam.gserviceaccount.com", frozenset({SCOPE}), 60))
    with pytest.raises(aiohttp.ClientResponseError, match=r"cloudsql\.instances\.(get|connect)") as error:
        connect(cloud_sql, credentials=stranger)
    assert error.value.status == 403


# What the connector meets


@pytest.mark.parametrize("name", ["perennial-test:europe-west1:nothing", "elsewhere:europe-west1:registry"])
def test_an_instance_that_does_not_exist_is_not_found(cloud_sql: CloudSqlProcess, name: str) -> None:
    with pytest.raises(aiohttp.ClientResponseError, match="The Cloud SQL instance does not exist") as error:
        connect(cloud_sql, name)
    assert error.value.status == 404


def test_another_region_is_refused_by_the_connector(cloud_sql: CloudSqlProcess) -> None:
    with pytest.raises(ValueError, match="region was mismatched"):
        connect(cloud_sql, "perennial-test:us-central1:registry")


def test_a_fault_that_passes_is_not_seen(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "connectSettings", "status": 503, "count": 2}])
    connect(cloud_sql)
    assert sum("connectSettings" in call for call in cloud_sql.control("GET", "/calls")) == 3


def test_too_many_requests_are_not_tried_again(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "generateEphemeralCert", "status": 429}])
    with pytest.raises(aiohttp.ClientResponseError) as error:
        connect(cloud_sql)
    assert error.value.status == 429
    connect(cloud_sql)


def test_a_public_key_that_is_none_is_refused(cloud_sql: CloudSqlProcess) -> None:
    for body in ({}, {"public_key": "none"}):
        with pytest.raises(requests.HTTPError) as error:
            cloud_sql.admin("POST", ":generateEphemeralCert", body)
        assert error.value.response.json()["error"]["message"] == "Invalid request: public_key is no PEM encoded key."


# Databases, users, instances


def test_databases_are_made_and_listed(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.admin("POST", "/databases", {"name": "of; many -- words"})
    names = [item["name"] for item in cloud_sql.admin("GET", "/databases")["items"]]
    assert names == ["of; many -- words", "postgres", "registry"]
    connect(cloud_sql, db="of; many -- words")
    with pytest.raises(requests.HTTPError) as error:
        cloud_sql.admin("POST", "/databases", {"name": "registry"})
    assert error.value.response.json()["error"]["message"] == 'Invalid request: database "registry" already exists.'


def test_users_are_made_and_listed_with_their_type(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.admin("POST", "/users", {"name": "ann", "password": "it's ann"})
    cloud_sql.admin("POST", "/users", {"name": "bob@example.com", "type": "CLOUD_IAM_USER"})
    types = {item["name"]: item["type"] for item in cloud_sql.admin("GET", "/users")["items"]}
    assert types == {
        "ann": "BUILT_IN",
        "bob@example.com": "CLOUD_IAM_USER",
        "postgres": "BUILT_IN",
        "server@perennial-test.iam": "CLOUD_IAM_SERVICE_ACCOUNT",
        "trainer@perennial-test.iam": "CLOUD_IAM_SERVICE_ACCOUNT",
    }
    connect(cloud_sql, user="ann", password="it's ann")
    cloud_sql.set_password("ann")
    connect(cloud_sql, user="ann")


def test_the_instance_is_described(cloud_sql: CloudSqlProcess) -> None:
    instance = cloud_sql.admin("GET", "")
    assert (instance["connectionName"], instance["databaseVersion"]) == (cloud_sql.connection_name, "POSTGRES_18")
    assert instance["ipAddresses"] == [{"type": "PRIMARY", "ipAddress": cloud_sql.address}]
    assert instance["settings"]["databaseFlags"] == [{"name": "cloudsql.iam_authentication", "value": "on"}]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_lists_instances_and_makes_users(cloud_sql: CloudSqlProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(token(cloud_sql, SCOPE))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "perennial-test")
    monkeypatch.setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL", f"{cloud_sql.endpoint}/")

    def gcloud(*arguments: str) -> str:
        return subprocess.run(["gcloud", "sql", *arguments], check=True, capture_output=True, text=True).stdout.strip()

    assert gcloud("instances", "list", "--format=value(name,region)").split() == ["registry", "europe-west1"]
    gcloud("users", "create", "carol", "--instance=registry", f"--password={PASSWORD}")
    connect(cloud_sql, user="carol")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_is_no_http_is_refused_and_leaves_nothing_in_the_log(cloud_sql: CloudSqlProcess, sent: bytes) -> None:
    said = len(cloud_sql.output)
    with socket.create_connection(("127.0.0.1", cloud_sql.port), timeout=15) as connection:
        connection.sendall(sent)
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.") and b" 400 " in answer[:20]
    assert cloud_sql.output[said:] == ""
