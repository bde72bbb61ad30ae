"""What pydantic refuses, as part of a sentence."""

import reprlib
from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHORT = reprlib.Repr(maxstring=100, maxother=100)
"""A value may be as long as a file."""


def refusals(error: ValidationError, *, spell: Callable[[str], str] = str) -> str:
    """List each value that was refused, and why.

    Args:
        error: was raised when a file or the environment was parsed.
        spell: makes the name of a value as it is written there.
    """
    return "; ".join(_refusal(details, spell(".".join(map(str, details["loc"])))) for details in error.errors(include_url=False))


def _refusal(details: ErrorDetails, name: str) -> str:
    match details["type"]:
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"{name} is unknown"
        case "value_error":
            return f"{name}: ".removeprefix(": ") + details["msg"].removeprefix("Value error, ")
        case _:
            return f"{name} = {SHORT.repr(details['input'])}: {details['msg']}"
