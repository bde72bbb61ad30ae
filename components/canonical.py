"""One text, and so one SHA-256, for equal JSON values."""

import hashlib
import json


def canonical_json(value: object) -> str:
    """The value as JSON with sorted keys, no spaces, in ASCII. Infinity and NaN are refused: JSON has neither."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(value: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
