"""What pydantic refuses, for one sentence."""

from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def refusals(error: ValidationError, *, spell: Callable[[str], str] = str) -> str:
    """Each value that was refused, and why.

    Args:
        error: of parsing a file or the environment.
        spell: how the name of a value is written there.
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
            return f"{name} = {details['input']!r}: {details['msg']}"
