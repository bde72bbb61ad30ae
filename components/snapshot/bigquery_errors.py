"""Turn exceptions of BigQuery's clients into PerennialErrors, each with one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import google.api_core.exceptions as api
import requests
from google.auth.exceptions import GoogleAuthError, TransportError

from components.errors import AccessError, PerennialError, SourceError
from components.google_errors import does_not_answer
from components.settings import Settings

TOO_MANY_BYTES = "bytesBilledLimitExceeded"
LIMITS = ("quotaExceeded", "rateLimitExceeded", "responseTooLarge", "billingNotEnabled")
"""Reasons of a 403 that have nothing to do with the caller's permissions."""
ROLES = {
    "bigquery.jobs.": "roles/bigquery.jobUser",
    "bigquery.readsessions.": "roles/bigquery.readSessionUser",
    "bigquery.datasets.create": "roles/bigquery.dataOwner",
    "bigquery.tables.create": "roles/bigquery.dataEditor",
    "bigquery.tables.update": "roles/bigquery.dataEditor",
    "bigquery.tables.deleteSnapshot": "roles/bigquery.dataOwner",
    "bigquery.tables.delete": "roles/bigquery.dataEditor",
}
"""The role to grant, by the beginning of the permission that is missing."""
READER_ROLES = "roles/bigquery.dataViewer and roles/bigquery.jobUser"


@contextmanager
def bigquery_errors(settings: Settings, what: str, *, remedy: str) -> Iterator[None]:
    """Turn exceptions of BigQuery's clients, raised inside the block, into PerennialErrors.

    Args:
        settings: name the service and the credentials.
        what: what the block asks for, to begin the sentence.
        remedy: what to do if BigQuery refuses the request itself.

    Raises:
        SourceError: what the block asks for does not exist, or is not possible.
        AccessError: BigQuery refuses the credentials, does not answer, or fails.
    """
    try:
        yield
    except (api.GoogleAPIError, GoogleAuthError, requests.RequestException, ConnectionError, TimeoutError) as error:
        raise _explained(error, settings, what, remedy) from error


def _explained(error: Exception, settings: Settings, what: str, remedy: str) -> PerennialError:
    where = settings.bigquery_endpoint or "BigQuery"
    reason, sentence = _reason(error)
    match error:
        case api.Unauthorized() | api.Forbidden() | GoogleAuthError() if not isinstance(error, TransportError) and reason not in LIMITS:
            account = settings.credentials_file or "(application default)"
            return AccessError(
                f"{where} refuses the credentials {account} for {what}: {sentence}; "
                f"correct PERENNIAL_CREDENTIALS_FILE or grant the account {_role(sentence)}"
            )
        case api.GoogleAPIError() if reason == TOO_MANY_BYTES:
            return SourceError(f"{what}: {sentence} Narrow the window, or raise PERENNIAL_MAXIMUM_BYTES_BILLED")
        case api.NotFound() | api.BadRequest() | api.Conflict():
            return SourceError(f"{what}: {sentence}; {remedy}")
        case api.MethodNotImplemented():
            return SourceError(f"{what}: {sentence}; write it otherwise, or use BigQuery itself")
        case api.GoogleAPICallError() if not isinstance(error, api.ServiceUnavailable):
            return AccessError(f"{where} failed at {what}: {sentence}; run the same command again")
    errors = getattr(getattr(error, "cause", None) or error, "errors", ())
    is_storage = any(hasattr(one, "trailing_metadata") for one in errors)  # an error of gRPC, over which only the Storage API is called
    return does_not_answer(settings, (is_storage and settings.bigquery_storage_endpoint) or where)


def _role(sentence: str) -> str:
    """The least of Google's roles that has the permission which BigQuery says is missing."""
    return next((role for permission, role in ROLES.items() if permission in sentence), READER_ROLES)


def _reason(error: Exception) -> tuple[str, str]:
    """The name of the reason, and BigQuery's sentence without the address that was called and the job's number."""
    details = next(iter(getattr(error, "errors", ())), None)
    if isinstance(details, dict):
        return str(details.get("reason", "")), _first_line(str(details.get("message", "")))
    message = getattr(error, "message", None) or (error.args[0] if error.args else "")
    return "", _first_line(str(message)) or type(error).__name__


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
