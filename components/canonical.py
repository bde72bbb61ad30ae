"""Equal JSON values as one text, and so with one SHA-256."""

import hashlib
import json


def canonical_json(value: object) -> str:
    """Write a value as JSON in ASCII with sorted keys and no spaces. Infinity and NaN, which JSON lacks, are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(value: object) -> str:
    """The SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
