"""Which columns the gate before training would object to in a first run, so that a new model begins without them."""

from components.checks.labels import check_labels
from components.checks.source import check_source
from components.cloud import Cloud
from components.examples.read import read_span_profiles
from components.looks.data_check import DataCheck
from components.model.folder import Model
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.source import cluster_column, profile_source
from components.snapshot.document import Snapshot

UNUSED = (DataCheck.NULLS, DataCheck.CONSTANT, DataCheck.FROZEN, DataCheck.RANGE)
"""What is found in a column that nobody fills any more, or that is rarely anything but zero. Anything else, such as text in numbers, is a
fault to be mended."""


def find_objections(cloud: Cloud, model: Model, snapshot: Snapshot) -> dict[str, str]:
    """Why the gate would block a first run, by column of the table or by feature; only what leaving it out resolves.

    Raises:
        SourceError: the pinned rows are gone.
        AccessError: BigQuery refuses or does not answer.
    """
    days = profiles_by_day(profile_source(cloud, snapshot, {}, cluster=cluster_column(model, snapshot)), SOURCE_TABLE)
    rows = read_span_profiles(cloud.settings, model, snapshot)
    names = {name for table in rows.values() for name in table} - {model.rows.label}
    found = [finding for finding in check_source(model, days, {}) if finding.check in UNUSED]
    found += [finding for finding in check_labels(model, snapshot, rows, {}, sorted(names)) if finding.check == DataCheck.LEAK]
    return {one.column: f"it {one.what}" for one in reversed(found) if one.blocks and one.column not in ("", model.rows.label)}
