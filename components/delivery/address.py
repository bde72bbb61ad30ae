"""Addresses of receivers, which are secrets: what is said of a wrong one has nothing of it, unlike what Python says (`urlsplit`)."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

VISIBLE = re.compile(r"[!-~]+")


def require_web_address(address: str) -> None:
    """Refuse an address that nothing can be posted to.

    Raises:
        ValueError: it is no https://… or http://…, or not written as such.
    """
    parts = _parts(address)
    if parts is None or parts.scheme not in ("https", "http") or "#" in address:
        raise ValueError("is no https://HOST/… of visible ASCII characters without #: correct it, or percent-encode what is none")


def require_mail_server(address: str) -> None:
    """Refuse an address by which no mail can be submitted.

    Raises:
        ValueError: it is no smtps://USER:PASSWORD@HOST:PORT or smtp://…, or mail servers do not take such a user and password.
    """
    parts = _parts(address)
    if parts is None or not re.fullmatch(r"smtps?://[^/?#]+/?", address):
        raise ValueError(
            "is no smtps://USER:PASSWORD@HOST:PORT or smtp://…: correct it, and write # ? / @ and % of a password as %23 %3F %2F %40 %25"
        )
    if not unquote(parts.netloc).isascii():
        raise ValueError("has a user or password with characters that are not ASCII, which mail servers do not take: choose another one")


def host_of(address: str) -> str:
    """The host of an address; empty where it has none."""
    parts = _parts(address)
    return parts.hostname or "" if parts else ""


def _parts(address: str) -> SplitResult | None:
    """The parts of an address; None if it has none, such as a port that is no number."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0 and VISIBLE.fullmatch(address) is not None
    except ValueError:
        return None
    return parts if is_whole else None
