"""MLflow's REST API, as far as an export needs it: no package of MLflow's has to be installed, and any server of version 2 or 3 will do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from components.errors import AccessError, RegistryError, SettingsError
from components.settings import Settings
from components.wording import legible

Json = dict[str, Any]

READ_SECONDS = 60
BUSY = Retry(total=4, connect=0, read=0, status_forcelist=(429, 503), allowed_methods=None, backoff_factor=0.5, raise_on_status=False)
"""The server says that it has done nothing. An answer that was lost is no reason to ask for the same again: the next export looks first."""
MISSING = "RESOURCE_DOES_NOT_EXIST"
REFUSED = (401, 403)


class MlflowClient:
    """A tracking server, with the credentials of the settings."""

    def __init__(self, settings: Settings, uri: str) -> None:
        self.uri = checked_uri(uri)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=BUSY))
        self._timeout = (settings.connect_timeout_seconds, READ_SECONDS)
        if settings.mlflow_token:
            self._session.auth = _bearer(settings.mlflow_token.get_secret_value())
        elif settings.mlflow_username and settings.mlflow_password:
            self._session.auth = (settings.mlflow_username.encode(), settings.mlflow_password.get_secret_value().encode())

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def find(self, what: str, **query: str) -> Json | None:
        """GET a resource; None where the server does not have it."""
        answer = self._send("GET", what, params=query)
        return None if answer.get("error_code") == MISSING else self._checked(what, answer)

    def pages(self, method: str, what: str, items: str, **request: object) -> Iterator[Json]:
        """Yield all that a search finds, page by page."""
        token = ""
        while True:
            values = {**request, **({"page_token": token} if token else {})}
            body = {"params": values} if method == "GET" else {"json": values}
            answer = self._checked(what, self._send(method, what, **body))
            yield from answer.get(items, ())
            token = answer.get("next_page_token", "")
            if not token:
                return

    def post(self, what: str, **body: object) -> Json:
        """Make or change something."""
        return self._checked(what, self._send("POST", what, json=body))

    def delete(self, what: str, **body: object) -> None:
        """Delete something."""
        self._checked(what, self._send("DELETE", what, json=body))

    def _send(self, method: str, what: str, **request: Any) -> Json:
        """The answer, be it an error in MLflow's own form, which has an `error_code`."""
        try:
            answer = self._session.request(
                method, f"{self.uri}/api/2.0/mlflow/{what}", timeout=self._timeout, allow_redirects=False, **request
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise AccessError(f"the MLflow server {self.uri} does not answer: start it, or correct --tracking-uri") from error
        if answer.status_code in REFUSED:
            variables = "PERENNIAL_MLFLOW_USERNAME and PERENNIAL_MLFLOW_PASSWORD, or PERENNIAL_MLFLOW_TOKEN"
            raise AccessError(f"the MLflow server {self.uri} refuses these credentials ({answer.status_code}): correct {variables}")
        try:
            document = answer.json()
        except requests.JSONDecodeError:
            document = None
        if not isinstance(document, dict) or not (answer.ok or "error_code" in document):
            kind = answer.headers.get("Content-Type", "nothing")
            raise AccessError(f"{self.uri} is no MLflow server, or it is ill: it answers {what} with {answer.status_code} ({kind})")
        return document

    def _checked(self, what: str, answer: Json) -> Json:
        if code := answer.get("error_code"):
            said = legible(" ".join(str(answer.get("message", "")).split()), 500)
            raise RegistryError(f"the MLflow server {self.uri} refuses {what} ({code}): {said}")
        return answer


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Sends the token. A mere header would give way to what a .netrc says of the host."""

    def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorise


def checked_uri(uri: str) -> str:
    """The address without a slash at its end.

    Raises:
        SettingsError: it is not one of a tracking server that this can speak to.
    """
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - it is parsed when it is asked for
    except ValueError as error:
        raise SettingsError(f"MLflow's address {uri!r} is none ({error}): give --tracking-uri http(s)://HOST") from error
    if parts.username or parts.password:
        raise SettingsError("MLflow's address holds credentials: put them in PERENNIAL_MLFLOW_USERNAME and PERENNIAL_MLFLOW_PASSWORD")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or not uri.isprintable() or " " in uri:
        raise SettingsError(f"MLflow's address {uri[:200]!r} is not that of a tracking server: give --tracking-uri http(s)://HOST")
    return uri.rstrip("/")


def tags(values: Mapping[str, str]) -> list[Json]:
    """Tags or parameters in the form in which MLflow takes them."""
    return [{"key": key, "value": value} for key, value in values.items()]
