"""What pydantic refuses, as part of a sentence."""

import reprlib
from collections.abc import Callable, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHORT = reprlib.Repr(maxstring=100, maxother=100)
"""A value may be as long as a file."""


Place = tuple[int | str, ...]
"""The names and positions that lead to a value."""


def refusals(
    error: ValidationError,
    *,
    spell: Callable[[str], str] = str,
    patterns: Mapping[str, str] | None = None,
    where: Callable[[Place], str] = lambda _: "",
) -> str:
    """List each value that was refused, and why.

    Args:
        error: was raised when a file or the environment was parsed.
        spell: makes the name of a value as it is written there.
        patterns: what to write instead of a text that does not match a pattern, by pattern.
        where: says where a value is written, to follow what is said of it.
    """
    found = error.errors(include_url=False)
    return "; ".join(
        _refusal(details, spell(".".join(map(str, details["loc"]))), patterns or {}) + where(details["loc"])
        for details in found
        if not any(_is_within(other["loc"], details["loc"]) for other in found)  # what is refused whole for the sake of a part
    )


def _is_within(place: Place, whole: Place) -> bool:
    return bool(whole) and len(place) > len(whole) and place[: len(whole)] == whole


def _refusal(details: ErrorDetails, name: str, patterns: Mapping[str, str]) -> str:
    match details["type"]:
        case "string_pattern_mismatch" if details["ctx"]["pattern"] in patterns:
            return f"{name} = {SHORT.repr(details['input'])}: {patterns[details['ctx']['pattern']]}"
        case "tuple_type":
            return f"{name} = {SHORT.repr(details['input'])}: write a list, [{SHORT.repr(details['input'])}]"
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"{name} is unknown"
        case "value_error":
            return f"{name}: ".removeprefix(": ") + details["msg"].removeprefix("Value error, ")
        case _:
            return f"{name} = {SHORT.repr(details['input'])}: {details['msg']}"
