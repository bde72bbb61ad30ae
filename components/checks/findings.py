"""Findings of the gate before training: what is wrong, where, since when, how much of it, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from components.looks.data_check import DataCheck, Severity


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
    accepted: str = ""
    """Why it does not block although it would; empty if nobody accepted it."""

    @property
    def name(self) -> str:
        """What it is accepted by: `source/NULLs/price`."""
        return "/".join(filter(None, (self.level, self.check.replace(" ", "-"), self.column)))

    @property
    def sentence(self) -> str:
        """What is wrong, where and since when."""
        return f"column {self.column} {self.what}" if self.column else self.what

    @property
    def blocks(self) -> bool:
        """Whether the run ends here."""
        return self.severity == Severity.BLOCKS and not self.accepted


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
