"""What the commands print with --json."""

import json
import math
from datetime import date, datetime


def to_json(value: object) -> str:
    """The value as JSON: dates in ISO 8601; NaN and infinity, which JSON lacks, and everything else that is not JSON as text."""
    return json.dumps(_finite(value), indent=2, default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
