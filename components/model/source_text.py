"""The text of source.sql, looked at before BigQuery sees it: one query, which reads `{source}`, and numbers classes as model.toml does."""

import re
from collections.abc import Iterator, Sequence
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


WORD = re.compile(
    r"""
    (?P<quoted> '{3} .*? '{3} | "{3} .*? "{3} | ' (?: \\. | [^'\\\n] )* ' | " (?: \\. | [^"\\\n] )* " )
    | (?P<begin> \bCASE\b )
    | (?P<end> \bEND\b (?: \s+ (?: AS \s+ )? `? (?P<name> \w+ ) `? )? )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
"""Where a CASE begins and ends, and what its value is called."""
BRANCH = re.compile(
    r"\bWHEN\s+(?:[\w.`()]+\s*=\s*)?'(?P<name>[^'\n]*)'\s*THEN\s+(?P<position>\d+)(?=\s+(?:WHEN|ELSE|END)\b)", re.IGNORECASE
)
"""What makes a whole number of a text: WHEN 'gold' THEN 2."""
LOOK_BACK = re.compile(
    r"(?<![\w`])`?(?P<field>\w+)`?\s*\)?\s*(?P<sign>BETWEEN|>=|>)\s*(?:(?:TIMESTAMP|DATETIME)\(\s*)?"
    r"DATE_SUB\(\s*(?:`?\w+`?\.)?`?(?P<span>\w+)`?\s*,\s*INTERVAL\s+(?P<number>\d+)\s+(?P<unit>DAY|WEEK)\s*\)",
    re.IGNORECASE,
)
"""Which days a row may be of: day BETWEEN DATE_SUB(as_of, INTERVAL 29 DAY) AND …"""
SPANS = re.compile(r"UNNEST\(\s*@spans\s*\)\s+(?:AS\s+)?`?(?P<name>\w+)", re.IGNORECASE)


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


def check_class_order(path: Path, text: str, classes: Sequence[str], *, label: str) -> None:
    """Refuse a query that numbers the classes otherwise than `rows.classes` does: each would be called by another's name.

    Only a CASE that is the label, and numbers texts which are called like classes, is understood; anything else is left alone.

    Raises:
        ModelFolderError: a class has another number; the text says where, and the right one.
    """
    positions = {name.casefold(): position for position, name in enumerate(classes)}
    for start, end in _cases(text, label) if positions else ():
        branches = [(each, re.sub(r"\W", "_", each["name"].casefold())) for each in BRANCH.finditer(_without_comments(text), start, end)]
        if {name for _, name in branches} != positions.keys():
            continue
        for each, name in branches:
            if int(each["position"]) != positions[name]:
                raise ModelFolderError(
                    f"{path} makes {each['position']} of {each['name']!r} ({_place(text, each.start())}), which has position "
                    f"{positions[name]} in rows.classes = {list(classes)}: write THEN {positions[name]}, or sort the classes"
                )


def check_look_back(path: Path, text: str, *, field: str, span: str, days: int) -> None:
    """Refuse a query that reads more days before a span than are told: the first spans would lack them, and kept examples be out of date.

    Only a comparison of the partition field with DATE_SUB of the span is understood, `day BETWEEN DATE_SUB(as_of, INTERVAL 29 DAY) AND …`
    or with >= or >. Of several the one that reads least counts: the others may be conditions of a single value.

    Args:
        path: of the file.
        text: of the query.
        field: the partition field.
        span: the column of the span.
        days: `source.history_days`.

    Raises:
        ModelFolderError: it reads more; the text says where, and how many.
    """
    plain = _without_comments(text)
    spans = {span.casefold(), *(each["name"].casefold() for each in SPANS.finditer(plain))}
    reads = [
        (int(each["number"]) * (7 if each["unit"].upper() == "WEEK" else 1) + (each["sign"] != ">"), each.start())
        for each in LOOK_BACK.finditer(plain)
        if each["field"].casefold() == field.casefold() and each["span"].casefold() in spans
    ]
    read, place = min(reads, default=(0, 0))
    if read > days:
        raise ModelFolderError(
            f"{path} reads {read} days for a span ({_place(text, place)}), and source.history_days of model.toml is {days}: "
            f"write history_days = {read}, or read less"
        )


def _cases(text: str, label: str) -> Iterator[tuple[int, int]]:
    """Where each CASE … END that is called `label` begins and ends, but for those with another one inside."""
    open_cases: list[tuple[int, bool]] = []
    for word in WORD.finditer(_without_comments(text)):
        if word["begin"]:
            open_cases = [(start, True) for start, _ in open_cases] + [(word.start(), False)]
        elif word["end"] and open_cases:
            start, has_inner = open_cases.pop()
            if not has_inner and (word["name"] or "").casefold() == label.casefold():
                yield start, word.end()


def _without_comments(text: str) -> str:
    """The text with spaces for comments, so that all else keeps its place."""
    return PART.sub(lambda part: re.sub(r"[^\n]", " ", part[0]) if part["comment"] else part[0], text)


def _statements(path: Path, text: str, end: int) -> ModelFolderError:
    place = _place(text, end)
    if PART.sub(lambda part: "" if part["comment"] else part[0], text[end + 1 :]).strip():
        return ModelFolderError(f"{path} goes on after the end of a statement ({place}): keep one query, without DECLARE, SET and the like")
    return ModelFolderError(f"{path} ends with a semicolon ({place}): remove it, the query becomes a part of another one")


def _place(text: str, offset: int) -> str:
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - text.rfind(chr(10), 0, offset)}"
