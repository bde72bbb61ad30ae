"""What the gate before training found: where, since when, how bad, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path


class Check(StrEnum):
    """What was looked for. The first ones name a cause most closely, and so come first."""

    MISSING_PARTITION = "missing partition"
    MISSING_COLUMN = "missing column"
    TEXT = "text in numbers"
    TYPE = "type"
    NOT_FINITE = "NaN or infinity"
    ENCODING = "encoding"
    FROZEN = "frozen"
    CONSTANT = "constant"
    NULLS = "NULLs"
    LENGTH = "length"
    LEAK = "leak"
    LABEL = "label"
    TIME_ZONE = "time zone"
    COVERAGE = "coverage"
    SWAPPED = "swapped columns"
    UNSEEN = "unseen values"
    RANGE = "range"
    ROWS = "rows"
    DRIFT = "drift"
    SKEW = "skew"
    SCHEMA = "schema"
    LATE = "late data"


class Severity(StrEnum):
    """What a finding does."""

    BLOCKS = "blocks"
    WARNS = "warns"
    """The run goes on, and tells."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with the data."""

    check: Check
    severity: Severity
    level: str
    """`source`: the table's columns by partition. `rows`: source.sql's by span."""
    column: str
    """Empty: the rows as a whole."""
    since: date | None
    """The first partition, or span, in which it is so."""
    days: int
    """In how many of them it is so."""
    measure: float
    threshold: float
    touched: float
    """The share of the values since then that it touches, from 0 to 1."""
    what: str
    """The rest of a sentence that begins with the column."""
    remedy: str

    @property
    def sentence(self) -> str:
        """What, where and since when."""
        return f"column {self.column} {self.what}" if self.column else self.what

    @property
    def blocks(self) -> bool:
        """Whether the run ends here."""
        return self.severity == Severity.BLOCKS


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The likely culprit first: what blocks, then what names a cause most closely, then what touches most."""
    order = list(Check)
    return tuple(sorted(findings, key=lambda f: (not f.blocks, order.index(f.check), -f.touched, f.since or date.max, f.column)))


def refusal(findings: Sequence[Finding], good: str = "") -> str | None:
    """The sentence that ends a run, or None if nothing blocks.

    Args:
        findings: ranked.
        good: which version was trained on good data, as the end of the sentence.
    """
    blocking = [finding for finding in findings if finding.blocks]
    if not blocking:
        return None
    more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return f"blocked: {blocking[0].sentence}{more}; {good}{'; ' if good else ''}{blocking[0].remedy}"


def write_findings(findings: Sequence[Finding], path: Path) -> None:
    """As JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(finding) for finding in findings], default=str))


def read_findings(path: Path) -> tuple[Finding, ...]:
    """What `write_findings` wrote."""
    return tuple(
        Finding(
            **item
            | {
                "check": Check(item["check"]),
                "severity": Severity(item["severity"]),
                "since": date.fromisoformat(item["since"]) if item["since"] else None,
            }
        )
        for item in json.loads(path.read_text())
    )
