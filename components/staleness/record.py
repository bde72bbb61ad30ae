"""The metrics of versions on later spans, in the registry: measured once for the same rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from components.database.statements import execute
from components.evaluation.metric import Metric
from components.registry.evaluations import metric_from, metric_json
from components.registry.versions import version_id

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


def read_later_metrics(connection: sa.Connection, model: str) -> Mapping[tuple[int, str], LaterMetrics]:
    """All that was ever measured of a model's versions, by version and `rows_sha256`."""
    found = (
        LaterMetrics(
            version=row.version,
            span=row.span,
            rows_sha256=row.rows_sha256,
            rows=row.rows,
            metrics=tuple(map(metric_from, row.metrics)),
        )
        for row in execute(connection, "staleness.read", model=model)
    )
    return {(one.version, one.rows_sha256): one for one in found}


def record_later_metrics(connection: sa.Connection, model: str, found: LaterMetrics) -> None:
    """Record what was measured. Recording it again changes nothing.

    Raises:
        RegistryError: there is no such version.
    """
    documents = [metric_json(metric) for metric in found.metrics]
    values = vars(found) | {"metrics": json.dumps([[one[name] for name in FIELDS] for one in documents])}
    execute(connection, "staleness.insert", model_version_id=version_id(connection, model, found.version), **values)
