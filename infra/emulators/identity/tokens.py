"""Access tokens that the token endpoint signs and every emulator verifies, so that credentials matter on one machine too."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

PREFIX = "ya29.local."  # Google's access tokens begin with ya29., and some tools look for it
KEY_BYTES = 32


class InvalidToken(Exception):
    """The token is missing, malformed, signed with another key, or expired. The text says which."""


@dataclass(frozen=True)
class Identity:
    """Whom a token stands for, what it may be used for, and until when (seconds since 1970)."""

    email: str
    scopes: frozenset[str]
    expiry: float


def read_key(path: Path) -> bytes:
    """The signing key that all emulators of one machine share; whoever comes first makes it.

    Raises:
        ValueError: the file holds something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is no token key: it holds {len(key)} bytes instead of {KEY_BYTES}; delete it and restart all emulators")
    return key


def _make_key(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(KEY_BYTES))
        os.link(draft, path)  # unlike a rename, this fails when another emulator was faster
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def issue(key: bytes, email: str, scopes: frozenset[str], lifetime_seconds: float) -> str:
    """A token for `email` that lasts `lifetime_seconds`; with a negative lifetime it is expired from the start."""
    claims = {"email": email, "scopes": sorted(scopes), "expiry": time.time() + lifetime_seconds}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"{PREFIX}{body}.{_signature(key, body)}"


def verify(key: bytes, token: str) -> Identity:
    """The identity that a token stands for.

    Raises:
        InvalidToken: it is missing, malformed, of another key, or expired.
    """
    if not token:
        raise InvalidToken("the request has no access token")
    body, _, signature = token.removeprefix(PREFIX).partition(".")
    if not token.startswith(PREFIX) or not signature:
        raise InvalidToken("the access token is malformed")
    if not hmac.compare_digest(signature.encode(), _signature(key, body).encode()):
        raise InvalidToken("the access token was signed with another key")
    identity = _parse(body)
    if identity.expiry <= time.time():
        raise InvalidToken("the access token has expired")
    return identity


def verify_header(key: bytes, authorization: str | None) -> Identity:
    """The identity behind an `Authorization: Bearer ...` header.

    Raises:
        InvalidToken: as `verify`, or there is no header, or it is of another kind.
    """
    kind, _, token = (authorization or "").partition(" ")
    if kind and kind.lower() != "bearer":
        raise InvalidToken(f"the request authenticates by {kind}, not by an access token")
    return verify(key, token.strip())


def _parse(body: str) -> Identity:
    try:
        claims = json.loads(base64.urlsafe_b64decode(body))
        return Identity(str(claims["email"]), frozenset(claims["scopes"]), float(claims["expiry"]))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise InvalidToken("the access token is malformed") from error


def _signature(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
