"""JSON in which an object has a key twice: readers take the first or the last of them, and nobody knows which was meant."""

import json


def keys_differ(text: bytes) -> bool:
    """Whether it is JSON that Python reads, and no object of it has a key twice."""

    def check(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) < len(pairs):
            raise LookupError

    try:
        json.loads(text, object_pairs_hook=check)
    except (LookupError, ValueError, RecursionError):
        return False
    return True
