"""A finding that blocks, from which those of tests are made by replacing what matters to them."""

from datetime import date

from components.checks.findings import Finding
from components.looks.data_check import DataCheck, Severity

TEXT = Finding(
    check=DataCheck.TEXT,
    severity=Severity.BLOCKS,
    level="source",
    column="price",
    since=date(2026, 2, 19),
    days=11,
    measure=0.0096,
    threshold=0.0,
    touched=0.01,
    what='of partition 2026-02-19 is text in 6 of 622 values (most often "n/a")',
    remedy="mend the preparation of the data",
)
