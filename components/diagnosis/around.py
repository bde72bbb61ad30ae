"""The days of a source before and after two windows: what tells which of the two is as it usually is."""

from collections.abc import Sequence
from datetime import date, timedelta

from components.cloud import Cloud
from components.diagnosis.sides import Operand, profile_partitions
from components.errors import PerennialError
from components.model.folder import Model
from components.profiles.profile import Profiles

AROUND = timedelta(days=28)
"""So many days before the first partition of both windows are looked at, and after the last: four of each weekday."""


def days_around(cloud: Cloud, model: Model, operands: Sequence[Operand]) -> Profiles:
    """The profiles of the source's partitions around some windows; none where the source cannot be read."""
    days = [part.day for operand in operands for part in operand.side.source]
    if not days:
        return {}
    one = timedelta(days=1)
    ranges = (min(days) - AROUND, min(days) - one), (max(days) + one, max(days) + AROUND)
    return {part: table for first, last in ranges for part, table in _profiles(cloud, model, first, last).items()}


def _profiles(cloud: Cloud, model: Model, first: date, last: date) -> Profiles:
    from components.snapshot.describe import describe_days  # brings BigQuery's client, two seconds

    try:
        snapshot, as_of = describe_days(cloud, model, first, last)
        return profile_partitions(cloud, model, snapshot, as_of=as_of)
    except PerennialError:  # there may be no such days, no such table any more, or nobody who may read it
        return {}
