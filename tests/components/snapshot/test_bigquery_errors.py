"""What is said when BigQuery refuses whoever asks, does not answer, or fails."""

import socket

import google.api_core.exceptions as api
import pytest
import requests
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import RefreshError, TransportError
from google.cloud import bigquery

from components.errors import AccessError, PerennialError, SourceError
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors

REFUSED = "correct PERENNIAL_CREDENTIALS_FILE or grant the account roles/bigquery.dataViewer and roles/bigquery.jobUser"


class Stranger(Credentials):  # type: ignore[misc]
    """Gives tokens that another machine signed."""

    def refresh(self, _request: object) -> None:
        self.token = "ya29.local.e30.c2lnbmF0dXJl"


def client(settings: Settings, credentials: Credentials) -> bigquery.Client:
    return bigquery.Client(settings.project, credentials, client_options={"api_endpoint": settings.bigquery_endpoint})


def said(settings: Settings, error: Exception) -> PerennialError:
    with pytest.raises(PerennialError) as explained:
        with bigquery_errors(settings, "rows of x", remedy="correct x"):
            raise error
    assert explained.value.__cause__ is error
    assert "\n" not in str(explained.value)
    return explained.value


def from_http(status: int, reason: str, message: str) -> Exception:
    """What the client makes of an answer."""
    response = requests.Response()
    response.status_code = status
    response._content = b""
    errors = [{"reason": reason, "message": message}]
    error: Exception = api.from_http_status(status, f"POST http://x/y: {message}\n\nJob ID: 1\n", errors=errors, response=response)
    return error


def test_a_token_of_another_machine_is_refused(cloud: Settings) -> None:
    with pytest.raises(AccessError) as error:
        with bigquery_errors(cloud, "source table x", remedy="correct x"):
            client(cloud, Stranger()).get_table("a.b.c")
    start = f"{cloud.bigquery_endpoint} refuses the credentials {cloud.credentials_file} for source table x: "
    assert str(error.value).startswith(start)
    assert str(error.value).endswith(f"; {REFUSED}")
    assert isinstance(error.value.__cause__, api.Unauthorized)


def test_nobody_is_refused(cloud: Settings) -> None:
    with pytest.raises(AccessError, match="refuses the credentials"):
        with bigquery_errors(cloud, "source table x", remedy="correct x"):
            client(cloud, AnonymousCredentials()).get_table("a.b.c")


def test_default_credentials_are_named_as_such(cloud: Settings) -> None:
    error = said(cloud.model_copy(update={"credentials_file": None, "bigquery_endpoint": None}), api.Forbidden("Access Denied: Table x"))
    assert str(error) == f"BigQuery refuses the credentials (application default) for rows of x: Access Denied: Table x; {REFUSED}"


def test_a_client_that_is_left_alone_is_told_so(cloud: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    gone = cloud.model_copy(update={"bigquery_endpoint": f"http://127.0.0.1:{port}"})
    with pytest.raises(AccessError) as error:
        with bigquery_errors(gone, "source table x", remedy="correct x"):
            client(gone, AnonymousCredentials()).get_table("a.b.c", retry=Retry(timeout=0.1))
    assert str(error.value) == f"http://127.0.0.1:{port} does not answer: run `perennial up`"


@pytest.mark.parametrize(
    "error",
    [
        api.ServiceUnavailable("failed to connect to all addresses"),
        api.RetryError("Timeout of 600.0s exceeded", cause=None),
        TransportError("Max retries exceeded"),
        requests.ConnectionError("refused"),
        requests.Timeout("read timed out"),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
def test_a_service_that_cannot_be_reached_does_not_answer(cloud: Settings, error: Exception) -> None:
    explained = said(cloud, error)
    assert isinstance(explained, AccessError)
    assert str(explained) == f"{cloud.bigquery_endpoint} does not answer: run `perennial up`"


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (from_http(404, "notFound", "Not found: Table a:b.c"), SourceError, "rows of x: Not found: Table a:b.c; correct x"),
        (from_http(400, "invalidQuery", "Unrecognized name: y"), SourceError, "rows of x: Unrecognized name: y; correct x"),
        (from_http(409, "duplicate", "Already Exists: Table x"), SourceError, "rows of x: Already Exists: Table x; correct x"),
        (
            from_http(500, "bytesBilledLimitExceeded", "Query exceeded limit."),
            SourceError,
            "rows of x: Query exceeded limit. Narrow the window, or raise PERENNIAL_MAXIMUM_BYTES_BILLED",
        ),
        (from_http(500, "backendError", "Backend"), AccessError, "BigQuery failed at rows of x: Backend; run the same command again"),
        (from_http(403, "quotaExceeded", "Quota"), AccessError, "BigQuery failed at rows of x: Quota; run the same command again"),
        (from_http(403, "accessDenied", "Denied"), AccessError, "BigQuery refuses the credentials "),
        (from_http(429, "quotaExceeded", "Quota"), AccessError, "BigQuery failed at rows of x: Quota; run the same command again"),
        (RefreshError("invalid_grant: x", {"error": "invalid_grant"}), AccessError, "BigQuery refuses the credentials "),
    ],
)
def test_what_bigquery_says_is_told_without_its_address_and_job(
    cloud: Settings, error: Exception, kind: type[PerennialError], sentence: str
) -> None:
    explained = said(cloud.model_copy(update={"bigquery_endpoint": None}), error)
    assert isinstance(explained, kind)
    assert str(explained).startswith(sentence)
    assert "http://" not in str(explained)


def test_other_errors_are_left_alone(cloud: Settings) -> None:
    with pytest.raises(ZeroDivisionError):
        with bigquery_errors(cloud, "rows of x", remedy="correct x"):
            raise ZeroDivisionError
    with pytest.raises(SourceError, match=r"^ours$"):
        with bigquery_errors(cloud, "rows of x", remedy="correct x"):
            raise SourceError("ours")


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("bigquery.jobs.create", "jobUser"),
        ("bigquery.readsessions.create", "readSessionUser"),
        ("bigquery.tables.create", "dataEditor"),
        ("bigquery.tables.delete", "dataEditor"),
        ("bigquery.tables.deleteSnapshot", "dataOwner"),
    ],
)
def test_the_role_that_is_named_has_the_permission(cloud: Settings, permission: str, role: str) -> None:
    error = said(cloud, from_http(403, "accessDenied", f"Access Denied: Table a:b.c: Permission {permission} denied on table a:b.c"))
    assert str(error).endswith(f"grant the account roles/bigquery.{role}")
