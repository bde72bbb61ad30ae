"""Signed URLs of version 4: who has one needs no token, as long as its signature and its time hold.

The algorithm: https://cloud.google.com/storage/docs/authentication/canonical-requests and .../signatures.
"""

import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from identity.accounts import read_public_key

from cloud_storage.errors import SignatureError

ALGORITHM = "GOOG4-RSA-SHA256"
SIGNATURE = "x-goog-signature"
OLD_SIGNATURE = "googleaccessid"
"""What a URL of version 2 has, which is not emulated."""
PARAMETERS = ("x-goog-algorithm", "x-goog-credential", "x-goog-date", "x-goog-expires", "x-goog-signedheaders", SIGNATURE)
NO_MATCH = "The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method."
LONGEST_SECONDS = 7 * 24 * 3600
CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True)
class SignedRequest:
    """A request whose URL is signed, or pretends to be."""

    method: str
    path: str
    """Percent-decoded."""
    query: list[tuple[str, str]]
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def parameters(self) -> dict[str, str]:
        """The query's values, by their names in lower case."""
        return {name.lower(): value for name, value in self.query}


def parse_query(query_string: bytes) -> list[tuple[str, str]]:
    """The names and values of a query, decoded."""
    return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)


def is_signed(query: Iterable[tuple[str, str]]) -> bool:
    """Whether a URL claims to be signed."""
    return any(name.lower() in (SIGNATURE, OLD_SIGNATURE) for name, _ in query)


def verify(request: SignedRequest, accounts: Path | None) -> str:
    """The account that signed exactly this URL, method and headers, if its time is not over.

    Raises:
        SignatureError: otherwise, as Cloud Storage says it.
    """
    given = request.parameters
    if OLD_SIGNATURE in given:
        raise SignatureError("InvalidArgument", "Invalid argument.", "Signed URLs of version 2 are not emulated: sign with version 4.")
    for name in PARAMETERS:
        if not given.get(name):
            raise malformed(name, "Required parameter is missing or empty.")
    if given["x-goog-algorithm"] != ALGORITHM:
        raise malformed("x-goog-algorithm", f"Only {ALGORITHM} is emulated.")
    email, scope = _credential(given)
    _check_time(given)
    _check_headers(request)
    canonical = canonical_request(request)
    text = "\n".join((ALGORITHM, given["x-goog-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = read_public_key(accounts, email) if accounts is not None else None
    if key is None:
        raise SignatureError(
            "InvalidSecurity", "The provided security credentials are not valid.", f"No key of {email} is known.", status=403
        )
    try:
        key.verify(binascii.unhexlify(given[SIGNATURE]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except binascii.Error as error:
        raise malformed(SIGNATURE, "Signature was not hex encoded.") from error
    except InvalidSignature as error:
        parts = {"StringToSign": text, "CanonicalRequest": canonical}
        raise SignatureError("SignatureDoesNotMatch", "Access denied.", NO_MATCH, status=403, parts=parts) from error
    return email


def _credential(given: dict[str, str]) -> tuple[str, str]:
    """Who signed, and the scope: DATE/LOCATION/storage/goog4_request."""
    email, _, scope = given["x-goog-credential"].partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != ["storage", "goog4_request"] or not parts[1] or parts[0] != given["x-goog-date"][:8]:
        raise malformed("x-goog-credential", "The credential is not of the form EMAIL/DATE/LOCATION/storage/goog4_request.")
    return email, scope


def _check_time(given: dict[str, str]) -> None:
    try:
        signed = datetime.strptime(given["x-goog-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise malformed("x-goog-date", "The date is not of the form YYYYMMDD'T'HHMMSS'Z'.") from error
    seconds = given["x-goog-expires"]
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 10 and 0 < int(seconds) <= LONGEST_SECONDS):
        raise malformed("x-goog-expires", f"The number of seconds must be from 1 to {LONGEST_SECONDS}.")
    moment = datetime.now(UTC)
    if signed > moment + CLOCK_SKEW:
        message = "The difference between the request time and the server's time is too large."
        raise SignatureError("RequestTimeTooSkewed", message, f"Request signed at: {signed.isoformat()}", status=403)
    expires = signed + timedelta(seconds=int(seconds))
    if moment > expires:
        raise SignatureError("ExpiredToken", "The provided token has expired.", f"Request signature expired at: {expires.isoformat()}")


def _check_headers(request: SignedRequest) -> None:
    """The host and all headers of Cloud Storage must be signed, and what is signed must be there."""
    signed = _signed_headers(request)
    for name in signed:
        if name not in request.headers:
            raise malformed(name, "Header was included in signedheaders, but not in the request.")
    for name in request.headers:
        if name not in signed and (name == "host" or name.startswith("x-goog-")):
            raise malformed(name, "Header was included in the request, but not in signedheaders.")


def _signed_headers(request: SignedRequest) -> list[str]:
    return request.parameters["x-goog-signedheaders"].lower().split(";")


def canonical_request(request: SignedRequest) -> str:
    """What the client has signed: method, path, query, headers and the digest of the content."""
    pairs = sorted(f"{_quote(name)}={_quote(value)}" for name, value in request.query if name.lower() != SIGNATURE)
    names = _signed_headers(request)
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
    digest = request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD") if "x-goog-content-sha256" in names else "UNSIGNED-PAYLOAD"
    return "\n".join((request.method, quote(request.path, safe="/~"), "&".join(pairs), headers, ";".join(names), digest))


def _quote(text: str) -> str:
    return quote(text, safe="~")


def malformed(name: str, details: str) -> SignatureError:
    """The refusal of a parameter or header."""
    return SignatureError("MalformedSecurityHeader", "Your request has a malformed header.", details, parts={"ParameterName": name})
