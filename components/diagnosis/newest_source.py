"""The newest data of the source, held against what a version was trained on as the gate would."""

from collections.abc import Sequence
from datetime import date, timedelta

from components.checks.findings import Finding, ranked
from components.checks.rows import known_days
from components.checks.source import check_source
from components.model.folder import Model
from components.profiles.profile import SOURCE_TABLE, Profiles, profiles_by_day

STILL_DAYS = 3
"""A finding of a partition that is older is over."""


def gate_findings(model: Model, trained: Profiles, newest: Profiles, last: date) -> Sequence[Finding]:
    """What the gate finds in the newest partitions of the source, and is still so; first what it would not let through, the likely culprit
    before the others."""
    days, past = profiles_by_day(newest, SOURCE_TABLE), profiles_by_day(trained, SOURCE_TABLE)
    found = ranked(check_source(model, days, past, known_days(newest, trained)))
    still = last - timedelta(days=STILL_DAYS)
    return [one for one in found if one.column and one.since and one.since + timedelta(days=one.days - 1) >= still]
