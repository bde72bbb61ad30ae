"""The metrics of versions on later spans, in the registry: measured once for the same rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from components.database.statements import execute
from components.evaluation.metric import Metric
from components.policy.facts import AgeingFact
from components.registry.evaluations import metric_from, metric_json
from components.registry.versions import version_id

NEWEST_VERSIONS = 20
"""So many tell how fast a model ages, unless somebody asks for more."""
FIELDS = ("name", "slice", "value", "ci_low", "ci_high", "example_count")


@dataclass(frozen=True, kw_only=True)
class LaterMetrics:
    """What a version comes to on the rows of a span that it has not learned from."""

    version: int
    span: date
    rows_sha256: str
    """Of the rows' content, and of how they are read and measured."""
    rows: int
    metrics: tuple[Metric, ...]
    """Of all rows."""


@dataclass(frozen=True)
class AgedMetrics:
    """What was measured of a version on a later span."""

    learned: date
    """The last span that the version learned from."""
    found: LaterMetrics
    recipe: int = 0
    """Tells versions that select other rows, or give them other labels: the same span is not the same rows to them."""

    @property
    def age_days(self) -> int:
        """From the last span that the version learned from to the one that it was measured on."""
        return (self.found.span - self.learned).days


@dataclass(frozen=True)
class LaterSpans:
    """All that could be measured."""

    versions: Mapping[int, date]
    """The last span that each version learned from, the oldest version first."""
    cells: tuple[AgedMetrics, ...]
    measured_now: int
    """How many of them were not known before."""
    notes: tuple[str, ...]
    """What could not be measured, and why."""
    is_whole: bool = True
    """Whether all that there is could be read: what could not may be readable another time."""


def read_later_metrics(connection: sa.Connection, model: str) -> Mapping[tuple[int, str], LaterMetrics]:
    """All that was ever measured of a model's versions, by version and `rows_sha256`."""
    found = (_metrics(row) for row in execute(connection, "staleness.read", model=model))
    return {(one.version, one.rows_sha256): one for one in found}


def read_ageing_facts(connection: sa.Connection, models: Sequence[str]) -> Mapping[str, Mapping[str, AgeingFact]]:
    """How fast versions of models age, as it was measured last, by model and metric; nothing where nothing could be told."""
    found: dict[str, dict[str, AgeingFact]] = {}
    for row in execute(connection, "staleness.ageing", models=list(models)):
        found.setdefault(row.model, {})[row.metric] = AgeingFact(tuple(row.ages), tuple(row.losses))
    return found


def record_ageing_fact(connection: sa.Connection, model: str, metric: str, fact: AgeingFact) -> None:
    """Record how fast versions age by a metric, for policies. Recording the same again changes nothing."""
    execute(connection, "staleness.insert_ageing", model=model, metric=metric, ages=list(fact.ages), losses=list(fact.losses))


def _metrics(row: Row[Any]) -> LaterMetrics:
    return LaterMetrics(
        version=row.version, span=row.span, rows_sha256=row.rows_sha256, rows=row.rows, metrics=tuple(map(metric_from, row.metrics))
    )


def record_later_metrics(connection: sa.Connection, model: str, found: LaterMetrics) -> None:
    """Record what was measured. Recording it again changes nothing.

    Raises:
        RegistryError: there is no such version.
    """
    documents = [metric_json(metric) for metric in found.metrics]
    values = vars(found) | {"metrics": json.dumps([[one[name] for name in FIELDS] for one in documents])}
    execute(connection, "staleness.insert", model_version_id=version_id(connection, model, found.version), **values)
