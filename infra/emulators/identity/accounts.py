"""Service accounts of this machine: a folder of key files, one an account, as the token endpoint makes them."""

import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def key_file(folder: Path, email: str) -> Path:
    """Where an account's key is. An address holds no slash; one that does is forged, and must not lead out of the folder."""
    return folder / f"{email.replace('/', '_')}.json"


def read_key_file(folder: Path, email: str) -> dict[str, str] | None:
    """The content of an account's key file; None if there is no such account, or if its file is damaged."""
    try:
        fields = json.loads(key_file(folder, email).read_bytes())
        return dict(fields) if _private_key(fields) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def read_public_key(folder: Path, email: str) -> rsa.RSAPublicKey | None:
    """What an account's signatures are verified with; None if there is no such account, or if its file is damaged."""
    fields = read_key_file(folder, email)
    key = None if fields is None else _private_key(fields)
    return None if key is None else key.public_key()


def _private_key(fields: Mapping[str, str]) -> rsa.RSAPrivateKey | None:
    key = serialization.load_pem_private_key(fields["private_key"].encode(), password=None)
    return key if isinstance(key, rsa.RSAPrivateKey) else None
