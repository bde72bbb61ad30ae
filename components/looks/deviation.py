"""Deviations: what a look finds wrong with a column in one partition or span, and the bounds that all looks share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.looks.data_check import DataCheck, Severity
from components.wording import legible

NEGLIGIBLE_PROBABILITY = 1e-9
"""Low enough that daily runs over hundreds of columns give no false alarm in ten years."""
EXPECTED_ROWS = 20.0
"""A value that was expected in so many rows and is in none is missing: chance does this once in 500 million times."""
LEAST_ROWS = 20
"""A partition with fewer rows is judged for values of the wrong type only."""
LEAST_WRONG_ROWS = 5
"""Fewer wrong rows may be an accident. Values of the wrong type always count."""
CHANCE_FACTOR = 4.0
"""A divergence counts only above this multiple of what chance explains."""
QUOTED_CHARACTERS = 60
LISTED_NAMES = 4


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """What is wrong with a column in one partition or span."""

    check: DataCheck
    measure: float
    threshold: float
    rows: int
    """How many rows are wrong."""
    what: str
    remedy: str
    before: str = ""
    """What the column was like before, for the end of a sentence; may be empty."""
    severity: Severity = Severity.BLOCKS
    chance: float = 0.0
    """The probability of it where nothing is wrong; 0 for what is never chance."""
    lasting: int = 1
    """So many such days in a row block, or that of the next week with it. Fewer only warn, as short days before a holiday, or a storm."""
    is_total: bool = False
    """Whether the column is of no use any more, which little history suffices to tell."""

    @property
    def blocks(self) -> bool:
        """Whether the run ends here."""
        return self.severity == Severity.BLOCKS


def quoted(text: str) -> str:
    """A value in quotation marks, for a sentence: cut to one short line, unprintable characters spelled out."""
    shown = legible(text, QUOTED_CHARACTERS).replace("\n", "\\n")
    return f'"{shown}"'


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are: `a, b, c, d and 3 more`."""
    more = f" and {len(names) - LISTED_NAMES} more" if len(names) > LISTED_NAMES else ""
    return ", ".join(names[:LISTED_NAMES]) + more


def chance(share: float, rows: int, deviations: float = 5.0) -> float:
    """By how much a share may exceed `share` in a sample of `rows` by chance, at so many standard deviations."""
    return deviations * math.sqrt(max(share * (1 - share), 0.0) / max(rows, 1))
