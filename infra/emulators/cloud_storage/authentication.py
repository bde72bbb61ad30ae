"""Requests need an access token of this machine's token endpoint, or a signed URL."""

from pathlib import Path

from identity.tokens import InvalidToken, verify_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_storage import signatures
from cloud_storage.errors import ServiceError, SignatureError, UnauthorizedError, json_response, xml_response
from cloud_storage.signatures import SignedRequest

JSON_PATHS = ("/storage/", "/upload/", "/download/", "/resumable/", "/batch/", "/_emulator/")


def is_json_api(path: str) -> bool:
    """Whether a path belongs to the JSON API; all others are buckets of the XML API."""
    return path.startswith(JSON_PATHS)


class Authentication:
    """Lets through who has a good token, and every URL that one of the service accounts has signed.

    Args:
        key: that of access tokens; None asks nobody for one.
        accounts: the folder of the service accounts' keys; None lets no signed URL through.
    """

    def __init__(self, app: ASGIApp, key: bytes | None, accounts: Path | None) -> None:
        self._app = app
        self._key = key
        self._accounts = accounts

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
        headers = Headers(scope=scope)
        query = signatures.parse_query(scope["query_string"])
        if not is_json_api(scope["path"]) and signatures.is_signed(query):
            try:
                folded = {name: ",".join(headers.getlist(name)) for name in headers}
                signatures.verify(SignedRequest(scope["method"], scope["path"], query, folded), self._accounts)
            except SignatureError as error:
                return error
            return None
        if self._key is None:
            return None
        authorization = headers.get("authorization")
        try:
            verify_header(self._key, authorization)
        except InvalidToken as error:
            return UnauthorizedError(f"Invalid Credentials: {error}", reason="authError" if authorization else "required")
        return None
