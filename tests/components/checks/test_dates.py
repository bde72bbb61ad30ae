"""Rows whose date keeps them out of every window are told: many without a date block, single wrong dates only warn."""

from datetime import date

import pytest
from google.cloud import bigquery

from components.checks.dates import check_source_dates
from components.looks.data_check import DataCheck, Severity
from tests.components.visits import Site, day, visits


@pytest.mark.parametrize(("undated", "severity", "share"), [(0, None, ""), (1, Severity.WARNS, "0.6%"), (35, Severity.BLOCKS, "17.9%")])
def test_rows_without_a_date_are_told(empty_site: Site, undated: int, severity: Severity | None, share: str) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(field="day"))
    empty_site.load([*(row for number in range(1, 9) for row in visits(number)), *({**visits(1)[0], "day": None} for _ in range(undated))])
    findings = check_source_dates(empty_site.cloud, empty_site.model())
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    for finding in findings:
        assert (finding.check, finding.threshold) == (DataCheck.NULLS, 0.05)
        assert (
            finding.sentence
            == f"column day of {empty_site.name} is NULL in {undated} rows ({share} of the table), which are in no partition"
        )


def test_wrong_dates_are_told(empty_site: Site) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(field="day"))
    odd = ["0001-01-01", "1970-01-01", "9998-12-31", "9999-12-28", "9999-12-29", "9999-12-30", "9999-12-31"]
    empty_site.load([*(row for number in range(1, 9) for row in visits(number)), *({**visits(1)[0], "day": one} for one in odd)])
    findings = check_source_dates(empty_site.cloud, empty_site.model())
    assert [(finding.check, finding.severity, finding.since, finding.days) for finding in findings] == [
        (DataCheck.DATE, Severity.WARNS, date(9998, 12, 31), 5),
        (DataCheck.DATE, Severity.WARNS, date(1, 1, 1), 2),
    ]
    used = f"the window uses {day(1)} to {day(8)}"
    assert [finding.sentence for finding in findings] == [
        f"column day of {empty_site.name} is 9998-12-31, 9999-12-28, 9999-12-29 and 2 more days, after today; {used}",
        f"column day of {empty_site.name} is 0001-01-01, 1970-01-01, far from all others; {used}",
    ]
