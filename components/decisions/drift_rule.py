"""The rule of others, "train when drift is above 0.1", on what profiles of past partitions are kept: for holding a policy against it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import sqlalchemy as sa

from components.cloud import Cloud
from components.model.folder import Model
from components.profiles.distance import cells, jensen_shannon
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, profiles_by_day, sum_profiles
from components.profiles.record import ProfileKind, read_kept_profiles
from components.registry.history import list_versions
from components.snapshot.window import span_history_start

BOUND = 0.1
"""Jensen-Shannon distance of any column, as Evidently's default for a column of many rows."""
RULE = "when drift is above 0.1"
MOST_SNAPSHOTS = 40

Columns = Mapping[str, ColumnProfile]


@dataclass(frozen=True, eq=False)
class PastDrift:
    """Whether a day's data drifted from those that a training had."""

    model: Model
    settle_days: int
    partitions: Mapping[date, Columns]
    """The profiles of the source by partition, as far as a version's snapshot kept them."""
    _references: dict[date, Columns] = field(default_factory=dict)

    def drifted(self, day: date, trained_on: date) -> bool:
        """Whether any column of the last whole partition is further than 0.1 from the partitions of a training on another day."""
        newest = self._newest(day)
        if newest is None:
            return False
        reference = self._reference(trained_on)
        return any(
            _distance(reference[name], column) > BOUND
            for name, column in newest.items()
            if name in reference and name not in self.model.checks.ignore and name != self.model.source.partition_field
        )

    def is_known(self, day: date) -> bool:
        """Whether anything is known of a day's last whole partition: of others the rule says nothing."""
        return self._newest(day) is not None

    def _newest(self, day: date) -> Columns | None:
        return self.partitions.get(day - timedelta(days=self.settle_days))

    def _reference(self, trained_on: date) -> Columns:
        """The columns of all partitions that a training on a day has read."""
        if trained_on not in self._references:
            last = trained_on - timedelta(days=self.settle_days)
            reach = (self.model.window.spans - 1) * self.model.window.every_days + self.model.rows.label_delay_days
            first = span_history_start(self.model, last - timedelta(days=reach))
            self._references[trained_on] = sum_profiles([one for day, one in self.partitions.items() if first <= day <= last])
        return self._references[trained_on]


def read_past_drift(cloud: Cloud, model: Model, *, settle_days: int) -> PastDrift:
    """What the snapshots of a model's versions keep of its source's partitions.

    Raises:
        RegistryError: the model has no version.
        AccessError: a service refuses or does not answer.
    """
    with cloud.engine.connect() as connection:
        snapshots = _snapshots(connection, model.name)
    partitions: dict[date, Columns] = {}
    for snapshot_id in snapshots:
        kept = read_kept_profiles(cloud.storage, cloud.settings.bucket, model=model.name, snapshot_id=snapshot_id, kind=ProfileKind.SOURCE)
        partitions |= profiles_by_day(kept, SOURCE_TABLE)
    return PastDrift(model, settle_days, dict(sorted(partitions.items())))


def _snapshots(connection: sa.Connection, model: str) -> list[str]:
    return list(dict.fromkeys(one.snapshot_id for one in list_versions(connection, model, limit=MOST_SNAPSHOTS)))


def _distance(before: ColumnProfile, now: ColumnProfile) -> float:
    if not before.rows or not now.rows:
        return 0.0
    return math.sqrt(max(jensen_shannon(cells(before, now)), 0.0))
