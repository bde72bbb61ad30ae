"""Which columns the gate before training would object to in a first run, so that a new model begins without them."""

from collections.abc import Sequence
from dataclasses import replace

from components.checks.labels import check_labels
from components.checks.source import check_source
from components.cloud import Cloud
from components.examples.read import read_span_profiles
from components.looks.data_check import DataCheck
from components.model.folder import Model
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, profiles_by_day
from components.profiles.source import cluster_column, profile_source
from components.snapshot.document import Snapshot

UNUSED = (DataCheck.NULLS, DataCheck.CONSTANT, DataCheck.FROZEN)
"""What is found in a column that nobody fills any more. Anything else, such as text in numbers or another unit, is a fault to
be mended."""
MOSTLY = 0.5
"""A column of which a larger share is zero has too few other values to tell what is out of range."""


def _is_mostly_zero(days: Sequence[ColumnProfile]) -> bool:
    """Whether most numbers of a column, over all days, are zero."""
    zeros = sum(int(day.counts[day.keys == 0].sum()) for day in days)
    return zeros > MOSTLY * sum(day.numbers for day in days)


def find_objections(cloud: Cloud, model: Model, snapshot: Snapshot) -> dict[str, str]:
    """Why the gate would block a first run, by column of the table or by feature; only what leaving it out resolves.

    Raises:
        SourceError: the pinned rows are gone.
        AccessError: BigQuery refuses or does not answer.
    """
    days = profiles_by_day(profile_source(cloud, snapshot, {}, cluster=cluster_column(model, snapshot)), SOURCE_TABLE)
    rows = read_span_profiles(cloud.settings, model, snapshot)
    names = {name for table in rows.values() for name in table} - {model.rows.label}
    of_source = check_source(model, days, {})
    found = [finding for finding in of_source if finding.check in UNUSED]
    found += [
        replace(finding, what=f"{finding.what}, and is otherwise mostly zero")
        for finding in of_source
        if finding.check == DataCheck.RANGE
        and _is_mostly_zero([columns[finding.column] for columns in days.values() if finding.column in columns])
    ]
    found += [finding for finding in check_labels(model, snapshot, rows, {}, sorted(names)) if finding.check == DataCheck.LEAK]
    return {one.column: f"it {one.what}" for one in reversed(found) if one.blocks and one.column not in ("", model.rows.label)}
