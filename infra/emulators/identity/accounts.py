"""Service accounts of this machine: a folder of key files, one an account, as the token endpoint makes them."""

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def key_file(folder: Path, email: str) -> Path:
    """Where an account's key is. An address holds no slash; one that does is forged, and must not lead out of the folder."""
    return folder / f"{email.replace('/', '_')}.json"


def read_public_key(folder: Path, email: str) -> rsa.RSAPublicKey | None:
    """What an account's signatures are verified with; None if there is no such account."""
    path = key_file(folder, email)
    if not path.is_file():
        return None
    key = serialization.load_pem_private_key(json.loads(path.read_text())["private_key"].encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey), f"{path} holds a key of another kind"
    return key.public_key()
