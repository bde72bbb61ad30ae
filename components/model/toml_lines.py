"""Find the line of model.toml that a value stands on: the library that parses it does not tell."""

import re
import tomllib
from collections.abc import Iterator, Sequence

TABLE = re.compile(r"\s*\[\[?\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?")
KEY = re.compile(r"\s*([\w-]+)\s*=")

PLACE = re.compile(r"\(at line (\d+), column \d+\)")
SLIPS = (
    (re.compile(r"=\s*\[*\s*(True|False)\b"), "write true or false, in small letters"),
    (re.compile(r"=\s*[+-]?[\d_]+,\d"), "write a decimal point"),
    (re.compile("[\u201c\u201d\u201e\u2018\u2019]"), "write straight quotes"),
    (re.compile(r"""=\s*("[^"]*|'[^']*)$"""), "close the quotes"),
    (re.compile(r"^[\w.-]+\s*:"), "write NAME = VALUE"),
    (re.compile(r"=\s*\[*\s*(?!(true|false|inf|nan)\b)[A-Za-z_]"), "write texts between quotes"),
)
"""What people write that is no TOML, by the line that it is refused at, and what to write instead."""


def find_line(text: str, place: Sequence[int | str]) -> int | None:
    """The line, from 1, of a key or of its section; None where neither is written so.

    Args:
        text: of the file, which is TOML.
        place: the names and positions that lead to the value, such as `("evaluation", "thresholds", 0, "metric")`.
    """
    section: list[int | str] = []
    seen: dict[str, int] = {}
    best, depth = None, 0
    for number, line in _statements(text):
        if header := TABLE.fullmatch(line):
            section = [*header[1].split(".")]
            if line.lstrip().startswith("[["):
                seen[header[1]] = seen.get(header[1], -1) + 1
                section.append(seen[header[1]])
            found = section
        elif key := KEY.match(line):
            found = [*section, key[1]]
        else:
            continue
        if len(found) > depth and found == [*place[: len(found)]]:
            best, depth = number, len(found)
    return best


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The first line of each statement, with its number: a value may go on for some lines, which look like a header or a key themselves."""
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        begun.append(line)
        try:
            tomllib.loads("\n".join(begun))
        except tomllib.TOMLDecodeError:
            continue
        yield number + 1 - len(begun), begun[0]
        begun = []


def no_toml(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Why a text is no TOML: what the library says, the line, and what was most likely meant."""
    place = PLACE.search(str(error))
    lines = text.split("\n")
    line = lines[int(place[1]) - 1].strip() if place and int(place[1]) <= len(lines) else ""
    hint = next((told for pattern, told in SLIPS if pattern.search(line)), None)
    return f"{error}" + (f", `{line[:80]}`: {hint}" if hint else "")
