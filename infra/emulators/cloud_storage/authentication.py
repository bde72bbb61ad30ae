"""Requests need an access token of this machine's token endpoint, or a signed URL."""

from urllib.parse import parse_qs

from identity.tokens import InvalidToken, verify_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_storage.errors import ServiceError, UnauthorizedError, json_response, xml_response

JSON_PATHS = ("/storage/", "/upload/", "/download/", "/resumable/", "/batch/", "/_emulator/")


def is_json_api(path: str) -> bool:
    """Whether a path belongs to the JSON API; all others are buckets of the XML API."""
    return path.startswith(JSON_PATHS)


class Authentication:
    """Lets through who has a good token."""

    def __init__(self, app: ASGIApp, key: bytes) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        error = self._refusal(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
            return
        # Read the body first: a client that is still sending would see a broken connection instead of the answer.
        while (await receive()).get("more_body"):
            pass
        response = (json_response if is_json_api(scope["path"]) else xml_response)(error)
        await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServiceError | None:
        if not is_json_api(scope["path"]) and "X-Goog-Signature" in parse_qs(scope["query_string"].decode()):
            return None  # signed; the XML API looks at its expiry
        authorization = Headers(scope=scope).get("authorization")
        try:
            verify_header(self._key, authorization)
        except InvalidToken as error:
            return UnauthorizedError(f"Invalid Credentials: {error}", reason="authError" if authorization else "required")
        return None
