"""Objects of Cloud Storage that jobs load from gs:// and extract to it, with an access token, as BigQuery has one of its own."""

import contextlib
import json
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import duckdb
from identity.tokens import issue
from local_bigquery.errors import BigQueryError, not_found

ACCOUNT = "bigquery@system.gserviceaccount.com"
SCOPES = frozenset({"https://www.googleapis.com/auth/devstorage.read_write"})
TOKEN_SECONDS = 600
TIMEOUT_SECONDS = 300


_fetched: ContextVar[Path] = ContextVar("fetched")


@contextlib.contextmanager
def fetching() -> Iterator[None]:
    """A job that may fetch objects. They are deleted when it is over."""
    with tempfile.TemporaryDirectory() as folder:
        token = _fetched.set(Path(folder))
        try:
            yield
        finally:
            _fetched.reset(token)


@dataclass(frozen=True)
class CloudStorage:
    """Where the objects are, and the key to sign tokens for it with."""

    endpoint: str | None
    key: bytes | None

    def paths(self, _cursor: duckdb.DuckDBPyConnection, uri: str) -> list[str]:
        """Files with the content of the objects that a URI names, in which `*` stands for anything.

        Raises:
            BigQueryError: there are none.
        """
        bucket, name = _parse(uri)
        names = [name] if "*" not in name else self._matching(bucket, name)
        if not names:
            raise not_found("URI", uri)
        return [self._fetch(bucket, name) for name in names]

    @contextlib.contextmanager
    def written(self, uri: str) -> Iterator[str]:
        """A path to write to; what is there in the end becomes the object."""
        bucket, name = _parse(uri)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            yield str(path)
            query = urllib.parse.urlencode({"uploadType": "media", "name": name})
            self._request(f"/upload/storage/v1/b/{bucket}/o?{query}", uri, path.read_bytes())

    def _matching(self, bucket: str, pattern: str) -> list[str]:
        prefix = pattern.split("*")[0]
        matches = re.compile(".*".join(map(re.escape, pattern.split("*")))).fullmatch
        names: list[str] = []
        token: str | None = ""
        while token is not None:
            query = urllib.parse.urlencode({"prefix": prefix, "pageToken": token} if token else {"prefix": prefix})
            page = json.loads(self._request(f"/storage/v1/b/{bucket}/o?{query}", f"gs://{bucket}/{pattern}"))
            names += [item["name"] for item in page.get("items", [])]
            token = page.get("nextPageToken")
        return [name for name in names if matches(name)]

    def _fetch(self, bucket: str, name: str) -> str:
        content = self._request(f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media", f"gs://{bucket}/{name}")
        path = _fetched.get() / f"{uuid.uuid4()}{Path(name).suffix}"
        path.write_bytes(content)
        return str(path)

    def _request(self, path: str, uri: str, content: bytes | None = None) -> bytes:
        if self.endpoint is None:
            raise BigQueryError("invalid", f"Cannot reach {uri}: the emulator was started without --storage-endpoint")
        headers = {"Authorization": f"Bearer {issue(self.key, ACCOUNT, SCOPES, TOKEN_SECONDS)}"} if self.key else {}
        request = urllib.request.Request(self.endpoint + path, content, headers)  # noqa: S310 - an address of this machine
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return response.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise not_found("URI", uri) from error
            raise BigQueryError("invalid", f"Cannot reach {uri}: Cloud Storage answers {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise BigQueryError("invalid", f"Cannot reach {uri}: {error.reason}") from error


def _parse(uri: str) -> tuple[str, str]:
    match = re.fullmatch(r"gs://([^/]+)/(.+)", uri)
    if match is None:
        raise BigQueryError("invalid", f"Invalid URI {uri}: only gs://BUCKET/OBJECT is supported")
    return match[1], match[2]
