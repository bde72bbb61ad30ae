"""The newest data of the source, held against what a version was trained on: by a comparison, and as the gate would."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from components.checks.findings import Finding, ranked
from components.checks.rows import known_days
from components.checks.source import check_source
from components.comparison.compare import DataComparison
from components.comparison.sentences import leading
from components.diagnosis.newest.source_changes import sharpen
from components.diagnosis.sides import Operand
from components.diagnosis.versions import compare_operands, unlabelled
from components.model.folder import Model
from components.profiles.profile import SOURCE_TABLE, Profiles, profiles_by_day

STILL_DAYS = 3
"""A finding of a partition that is older is over."""


def compare_sides(model: Model, before: Operand, after: Operand, around: Callable[[], Profiles]) -> tuple[DataComparison, date | None]:
    """Hold the newest partitions, and what was served, against what the version was trained on, from the day on which one broke.

    `around` gives the partitions before and after both.
    """
    whole = compare_operands(model, before, after, others=around)
    one, other = unlabelled(model, before.side, after.side)
    others, field = around() if leading(whole) else None, after.snapshot.partition_field if after.snapshot else None
    return sharpen(whole, one, other, partition_field=field, ignored=model.checks.ignore, others=others)


def gate_findings(model: Model, trained: Profiles, newest: Profiles, last: date) -> Sequence[Finding]:
    """What the gate finds in the newest partitions of the source, and is still so; first what it would not let through, the likely culprit
    before the others."""
    days, past = profiles_by_day(newest, SOURCE_TABLE), profiles_by_day(trained, SOURCE_TABLE)
    found = ranked(check_source(model, days, past, known_days(newest, trained)))
    still = last - timedelta(days=STILL_DAYS)
    return [one for one in found if one.column and one.since and one.since + timedelta(days=one.days - 1) >= still]
