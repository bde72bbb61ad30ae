"""Find the line of model.toml that a value stands on: the library that parses it does not tell."""

import re
from collections.abc import Sequence

TABLE = re.compile(r"\s*\[\[?\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?")
KEY = re.compile(r"\s*([\w-]+)\s*=")


def find_line(text: str, place: Sequence[int | str]) -> int | None:
    """The line, from 1, of a key or of its section; None where neither is written so.

    Args:
        text: of the file.
        place: the names and positions that lead to the value, such as `("evaluation", "thresholds", 0, "metric")`.
    """
    section: list[int | str] = []
    seen: dict[str, int] = {}
    best, depth = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
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
