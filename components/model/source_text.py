"""The text of source.sql, looked at before BigQuery sees it: one query, which reads `{source}`, and numbers classes as model.toml does."""

import re
from collections.abc import Sequence
from pathlib import Path

from components.errors import ModelFolderError

SOURCE = "{source}"
"""Stands in source.sql for the pinned snapshot of the source table."""
BYTE_ORDER_MARK = "\ufeff"
PART = re.compile(
    r"""
    (?P<comment> (?: -- | \# ) [^\n]* | /\* .*? \*/ )
    | (?P<quoted> '{3} (?: \\. | [^\\] )*? '{3} | "{3} (?: \\. | [^\\] )*? "{3}
        | ' (?: \\. | [^'\\\n] )* ' | " (?: \\. | [^"\\\n] )* " | ` (?: \\. | [^`\\\n] )* ` )
    | (?P<source> \{source\} )
    | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What decides here; the rest is for BigQuery to judge."""


CASE = re.compile(r"\bWHEN\b[^'\n]*'(?P<name>[^'\n]*)'\s*THEN\s*(?P<position>\d+)\b", re.IGNORECASE)
"""A line that makes a number of a text: WHEN 'gold' THEN 2."""


def check_text(path: Path, text: str, *, table: str) -> None:
    """Refuse what can be no part of a larger query, or reads anything but the snapshot.

    Raises:
        ModelFolderError: it begins with a byte order mark, has a semicolon, or does not read `{source}`.
    """
    if text.startswith(BYTE_ORDER_MARK):
        raise ModelFolderError(f"{path} begins with a byte order mark (line 1, column 1): save it as UTF-8 without one")
    parts = list(PART.finditer(text))
    for part in parts:
        if part["end"]:
            raise _statements(path, text, part.start())
        if part["quoted"] and SOURCE in part["quoted"]:
            place = _place(text, part.start() + part["quoted"].index(SOURCE))
            raise ModelFolderError(f"{path} has {SOURCE} between quotes ({place}): write it without, it becomes a quoted name")
    if not any(part["source"] for part in parts):
        raise ModelFolderError(f"{path} does not read {SOURCE}, the pinned snapshot of {table}: select from it")


def check_class_order(path: Path, text: str, classes: Sequence[str]) -> None:
    """Refuse a query that numbers the classes otherwise than `rows.classes` does: each would be called by another's name.

    Only a CASE that numbers texts which are called like classes is understood; anything else is left alone.

    Raises:
        ModelFolderError: a class has another number; the text says where, and the right one.
    """
    positions = {name.casefold(): position for position, name in enumerate(classes)}
    cases = [(case, re.sub(r"\W", "_", case["name"].casefold())) for case in CASE.finditer(text)]
    if not positions or {name for _, name in cases} != positions.keys():
        return
    for case, name in cases:
        if int(case["position"]) != positions[name]:
            raise ModelFolderError(
                f"{path} makes {case['position']} of {case['name']!r} ({_place(text, case.start())}), which has position {positions[name]} "
                f"in rows.classes = {list(classes)}: write THEN {positions[name]}, or sort the classes"
            )


def _statements(path: Path, text: str, end: int) -> ModelFolderError:
    place = _place(text, end)
    if PART.sub(lambda part: "" if part["comment"] else part[0], text[end + 1 :]).strip():
        return ModelFolderError(f"{path} goes on after the end of a statement ({place}): keep one query, without DECLARE, SET and the like")
    return ModelFolderError(f"{path} ends with a semicolon ({place}): remove it, the query becomes a part of another one")


def _place(text: str, offset: int) -> str:
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - text.rfind(chr(10), 0, offset)}"
