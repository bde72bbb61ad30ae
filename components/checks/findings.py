"""Findings of the gate before training: what is wrong, where, since when, how much of it, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path


class DataCheck(StrEnum):
    """What the data are checked for. Checks that point at a cause most closely come first, also in a list of findings."""

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
    DATE = "date"
    SCHEMA = "schema"
    LATE = "late data"


class Severity(StrEnum):
    """What a finding does to the run."""

    BLOCKS = "blocks"
    WARNS = "warns"
    """The run goes on, and its report shows the finding."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with the data."""

    check: DataCheck
    severity: Severity = Severity.BLOCKS
    level: str
    """`source`: the source table, whose days are partitions. `rows`: the rows of source.sql, whose days are spans."""
    column: str = ""
    """Empty if the rows as a whole are wrong."""
    since: date | None = None
    """The first partition, or span, that is wrong."""
    days: int
    """How many partitions, or spans, are wrong."""
    measure: float = 1.0
    threshold: float = 0.0
    touched: float = 1.0
    """The share of the values since then that are wrong, from 0 to 1."""
    what: str
    """The rest of a sentence that begins with the column."""
    remedy: str

    @property
    def sentence(self) -> str:
        """What is wrong, where and since when."""
        return f"column {self.column} {self.what}" if self.column else self.what

    @property
    def blocks(self) -> bool:
        """Whether the run ends here."""
        return self.severity == Severity.BLOCKS


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The likely culprit first: what blocks, then what names a cause most closely, then what touches most."""
    order = list(DataCheck)
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
    """Write the findings as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(finding) for finding in findings], default=str))


def read_findings(path: Path) -> tuple[Finding, ...]:
    """Read what `write_findings` wrote."""
    return tuple(
        Finding(
            **item
            | {
                "check": DataCheck(item["check"]),
                "severity": Severity(item["severity"]),
                "since": date.fromisoformat(item["since"]) if item["since"] else None,
            }
        )
        for item in json.loads(path.read_text())
    )
