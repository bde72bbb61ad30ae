"""A repeated write must equal the one on record; otherwise it is refused."""

from collections.abc import Mapping

from components.errors import ConflictError


def require_same(what: str, recorded: Mapping[str, object], tried: Mapping[str, object], *, except_for: tuple[str, ...] = ()) -> None:
    """Compare what is recorded with what is tried now, name by name.

    Raises:
        ConflictError: a value differs; the text names the first that does, with both values.
    """
    for name, was in recorded.items():
        if name not in except_for and was != (now := tried.get(name)):
            raise ConflictError(f"{what} is already recorded with {name} {was!r}, not {now!r}: what is recorded does not change")
