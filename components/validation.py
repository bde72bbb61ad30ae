"""What pydantic refuses, as part of a sentence."""

import reprlib
from collections.abc import Callable, Mapping
from datetime import date, time

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails


class _Shown(reprlib.Repr):
    """Values as TOML has them: truths in small letters, days and times as they are written. A value may be as long as a file."""

    def repr_bool(self, value: bool, _: int) -> str:
        return str(value).lower()

    def repr_date(self, value: date | time, _: int) -> str:
        return value.isoformat()

    repr_time = repr_datetime = repr_date


SHORT = _Shown(maxstring=100, maxother=100)
SAID = {
    "string_type": "write a text, between quotes",
    "bool_type": "write true or false",
    "dict_type": "write a section",
    "model_type": "write a section",
    "date_type": "write a day, such as 2026-12-31",
    "time_type": 'write a time of day, such as "05:00"',
    "time_parsing": 'write a time of day, such as "05:00"',
}
"""What to do about a value, by what pydantic calls the error, where its own sentence does not say it."""

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
            return f"{name} = {SHORT.repr(details['input'])}: {SAID.get(details['type'], details['msg'])}"


def one_of(choices: str) -> WrapValidator:
    """Says in one sentence what a value may be that is of one of several types. pydantic has a sentence for each."""

    def validate(value: object, check: ValidatorFunctionWrapHandler) -> object:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError(f"{SHORT.repr(value)} is no such value: write {choices}") from error

    return WrapValidator(validate)
