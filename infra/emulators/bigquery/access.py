"""Bearer tokens over REST: nobody gets in without one that our token endpoint issued."""

from identity.tokens import InvalidToken, verify_header
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

DISCOVERY = ("/$discovery/", "/discovery/")
"""The description of the API is public."""
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
MISSING = f"Request is missing required authentication credential. {EXPECTED}"
INVALID = f"Request had invalid authentication credentials. {EXPECTED}"


class BearerTokens:
    """An ASGI application in front of another, which sees only requests with a valid token."""

    def __init__(self, application: ASGIApp, key: bytes) -> None:
        self.application = application
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.application)(scope, receive, send)

    def _refusal(self, request: Request) -> JSONResponse | None:
        header = request.headers.get("authorization")
        if request.url.path.startswith(DISCOVERY):
            return None
        try:
            verify_header(self.key, header)
        except InvalidToken:
            return _unauthenticated("authError", INVALID) if header else _unauthenticated("required", MISSING)
        return None


def _unauthenticated(reason: str, message: str) -> JSONResponse:
    detail = {"message": message, "domain": "global", "reason": reason, "location": "Authorization", "locationType": "header"}
    error = {"code": 401, "message": message, "errors": [detail], "status": "UNAUTHENTICATED"}
    return JSONResponse({"error": error}, status_code=401, headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'})
