"""What is wrong with a column in a partition, as one look at it says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.checks.findings import DataCheck, Severity
from components.wording import legible

NEGLIGIBLE_PROBABILITY = 1e-9
"""A probability that no false alarm in a decade of daily partitions and hundreds of columns has."""
EXPECTED_ROWS = 20.0
"""A value that should have had so many rows, and has none, is missing: chance does so once in 500 million."""
LEAST_ROWS = 20
"""Of fewer rows nothing is said but that they are of the wrong kind."""
LEAST_WRONG_ROWS = 5
"""As few may be an accident; values of the wrong kind are none."""
QUOTED_CHARACTERS = 60
LISTED_NAMES = 4


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """What is wrong with a column in a partition."""

    check: DataCheck
    measure: float
    threshold: float
    rows: int
    """That it touches."""
    what: str
    remedy: str
    before: str = ""
    """What the column was before."""
    severity: Severity = Severity.BLOCKS

    @property
    def blocks(self) -> bool:
        """Whether the run ends here."""
        return self.severity == Severity.BLOCKS


def quoted(text: str) -> str:
    """A value in a sentence: short, on one line, whatever it holds."""
    shown = legible(text, QUOTED_CHARACTERS).replace("\n", "\\n")
    return f'"{shown}"'


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - LISTED_NAMES} more" if len(names) > LISTED_NAMES else ""
    return ", ".join(names[:LISTED_NAMES]) + more


def chance(share: float, rows: int, deviations: float = 5.0) -> float:
    """How much more than `share` of the rows chance may have, so many standard deviations away."""
    return deviations * math.sqrt(max(share * (1 - share), 0.0) / max(rows, 1))
