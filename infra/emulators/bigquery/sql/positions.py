"""Places in a query, as ZetaSQL tells them (`line:column`, a tab reaching to the next multiple of eight), and as offsets."""

import re
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\r|\n")
TAB = 8


@dataclass(frozen=True)
class Insertion:
    """Text that stands in a rewritten query and not in the one that was sent: `length` characters before `offset` of that one."""

    offset: int
    length: int


def offset_of(text: str, line: int, column: int) -> int:
    """The offset of a place, in characters."""
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]
    offset, reached = starts[min(line, len(starts)) - 1], 1
    while reached < column and offset < len(text):
        reached = _next(reached, text[offset])
        offset += 1
    return offset


def place_of(text: str, offset: int) -> tuple[int, int]:
    """The line and the column of an offset, both counted from 1."""
    starts = [0, *(match.end() for match in LINE_END.finditer(text) if match.end() <= offset)]
    column = 1
    for character in text[starts[-1] : offset]:
        column = _next(column, character)
    return len(starts), column


def _next(column: int, character: str) -> int:
    return (column - 1) // TAB * TAB + TAB + 1 if character == "\t" else column + 1


def original_offset(offset: int, insertions: tuple[Insertion, ...]) -> int:
    """Where a character of a rewritten query stood before; of inserted text, where it was inserted."""
    for insertion in insertions:
        if offset < insertion.offset:
            break
        offset -= min(insertion.length, offset - insertion.offset)
    return offset
