"""HTTP for Google's clients that ends: every request has a deadline, and a service that stays silent is named.

The libraries try again for ten minutes, some for forty, without a word.
"""

import logging
import time
from typing import Any

import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import TransportError
from google.auth.transport.requests import AuthorizedSession

from components.google_errors import does_not_answer
from components.settings import Settings

NO_ANSWER = (requests.codes.bad_gateway, requests.codes.service_unavailable, requests.codes.gateway_timeout)
"""Statuses that the service itself does not answer with while it works."""

log = logging.getLogger(__name__)


class PatientSession(AuthorizedSession):  # type: ignore[misc]  # google-auth does not tell its types
    """A session with one service, which stops asking again when nothing has answered for twice `answer_timeout_seconds`."""

    def __init__(self, account: Credentials, settings: Settings, service: str) -> None:
        super().__init__(account)
        self._settings = settings
        self._service = service
        self._silent_since: float | None = None

    def request(self, method: str, url: str, *arguments: Any, timeout: Any = None, **options: Any) -> requests.Response:
        """Send a request.

        Raises:
            AccessError: the service has not answered for too long.
        """
        began = time.monotonic()
        try:
            response: requests.Response = super().request(method, url, *arguments, timeout=self._bounded(timeout), **options)
        except (requests.ConnectionError, requests.Timeout, TransportError) as error:  # the last is of the token's endpoint
            self._wait_no_longer_than(began, error)
            raise
        if response.status_code in NO_ANSWER:
            self._wait_no_longer_than(began, None)
        else:
            self._silent_since = None
        return response

    def _wait_no_longer_than(self, began: float, error: Exception | None) -> None:
        self._silent_since = self._silent_since or began
        silent = time.monotonic() - self._silent_since
        if silent >= 2 * self._settings.answer_timeout_seconds:
            raise does_not_answer(self._settings, self._service) from error
        log.warning("waiting for a service that does not answer", extra={"service": self._service, "seconds": round(silent)})

    def _bounded(self, timeout: Any) -> Any:
        """What the caller allows, if it is less; a pair is of connecting and answering."""
        if isinstance(timeout, tuple):
            return tuple(self._bounded(part) for part in timeout)
        most = self._settings.answer_timeout_seconds
        return min(timeout, most) if isinstance(timeout, int | float) else most
