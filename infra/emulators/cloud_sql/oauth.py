"""Google's OAuth token endpoint, for service accounts whose keys are made and kept here."""

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from identity import tokens
from identity.accounts import key_file, read_key_file, read_public_key

from cloud_sql.errors import GrantError
from cloud_sql.private_file import write_private

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"  # google-auth asserts this audience whatever the key file says
LIFETIME_SECONDS = 3600
CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True)
class ServiceAccounts:
    """The service accounts with a key in `folder`, and the tokens that they get for it (RFC 7523)."""

    folder: Path
    token_key: bytes
    token_uri: str

    def issue_key(self, email: str, project: str) -> str:
        """The content of the account's key file: the private key stays, unless the file is damaged; the token endpoint may move."""
        path = key_file(self.folder, email)
        fields = read_key_file(self.folder, email) or _make_key(email, project)
        content = json.dumps(fields | {"token_uri": self.token_uri}, indent=2)
        write_private(path, content)
        return content

    def grant(self, grant_type: str, assertion: str) -> dict[str, object]:
        """An access token for the account that signed `assertion`.

        Raises:
            GrantError: the grant is of another type, or the assertion is malformed, expired or not signed by the account's key.
        """
        if grant_type != GRANT_TYPE:
            raise GrantError("unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        claims = self._verify(assertion)
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise GrantError("invalid_scope", "Empty or missing scope not allowed.")
        token = tokens.issue(self.token_key, str(claims["iss"]), scopes, LIFETIME_SECONDS)
        return {"access_token": token, "expires_in": LIFETIME_SECONDS, "token_type": "Bearer", "scope": " ".join(sorted(scopes))}

    def _verify(self, assertion: str) -> dict[str, Any]:
        try:
            signed, _, signature = assertion.rpartition(".")
            claims = json.loads(_decode(signed.split(".")[1]))
            account, audience, expiry = str(claims["iss"]), str(claims["aud"]), float(claims["exp"])
            signature_bytes = _decode(signature)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise GrantError("invalid_grant", "Bad Request: the assertion is no JSON Web Token with iss, aud and exp.") from error
        try:
            self._public_key(account).verify(signature_bytes, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise GrantError("invalid_grant", "Invalid JWT Signature.") from error
        if expiry < time.time() - CLOCK_SKEW_SECONDS:
            raise GrantError("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
        if audience not in (self.token_uri, GOOGLE_TOKEN_URI):
            raise GrantError("invalid_grant", f"Invalid JWT: audience {audience} is another service.")
        if claims.get("sub", account) != account:
            raise GrantError("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method.")
        return dict(claims)

    def _public_key(self, email: str) -> rsa.RSAPublicKey:
        key = read_public_key(self.folder, email)
        if key is None:
            raise GrantError("invalid_grant", "Invalid grant: account not found")
        return key


def _make_key(email: str, project: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "local",
        "private_key": pem.decode(),
        "client_email": email,
        "client_id": "1",
        "universe_domain": "googleapis.com",
    }


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
