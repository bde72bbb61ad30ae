"""Requests need an access token of this machine's token endpoint, or a signed URL."""

from pathlib import Path

from identity.policy import Policy
from identity.tokens import InvalidToken, verify_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_storage import signatures
from cloud_storage.errors import ServiceError, UnauthorizedError
from cloud_storage.permissions import Access, access, is_json_api, refuse
from cloud_storage.signatures import SignedRequest


class Authentication:
    """Lets through who has a good token, and every URL that one of the service accounts has signed.

    Args:
        key: that of access tokens; None asks nobody for one.
        accounts: the folder of the service accounts' keys; None lets no signed URL through.
        policy: what each account may do.
    """

    def __init__(self, app: ASGIApp, key: bytes | None, accounts: Path | None, policy: Policy) -> None:
        self._app = app
        self._key = key
        self._accounts = accounts
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        try:
            email = self._email(scope) if scope["type"] == "http" else None
        except ServiceError as error:
            await refuse(error, scope, receive, send)
            return
        access.set(None if email is None else Access(self._policy, email))
        await self._app(scope, receive, send)

    def _email(self, scope: Scope) -> str | None:
        """The account that asks; None where nobody is asked who he is.

        Raises:
            SignatureError: the URL is signed, and not well.
            UnauthorizedError: there is no good token.
        """
        headers = Headers(scope=scope)
        query = signatures.parse_query(scope["query_string"])
        if not is_json_api(scope["path"]) and signatures.is_signed(query):
            folded = {name: ",".join(headers.getlist(name)) for name in headers}
            return signatures.verify(SignedRequest(scope["method"], scope["path"], query, folded), self._accounts)
        if self._key is None:
            return None
        authorization = headers.get("authorization")
        try:
            return verify_header(self._key, authorization).email
        except InvalidToken as error:
            raise UnauthorizedError(f"Invalid Credentials: {error}", reason="authError" if authorization else "required") from error
