"""A logged prediction again: its raw features, the score that was answered, and what its version answers now."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted
from components.model.folder import read_model
from components.prediction_log.table import DATASET, DAY, feature_field
from components.protocol.refusal import Refusal
from components.scoring.scorer import environment
from components.serving.loading import open_version, version_folder
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors

QUERY = "SELECT * FROM {table} WHERE request_id = @request_id AND {day} >= DATE '1970-01-01' ORDER BY role, version, instance"
"""A table may ask for a filter on its partitions (`require_partition_filter`), and nobody knows the day of a request."""


@dataclass(frozen=True)
class Explanation:
    """One instance of a request."""

    request_id: str
    instance: int
    version: int
    role: str
    event_time: str
    features: Mapping[str, object]
    """The raw features by name, as they were asked."""
    answered: Sequence[float]
    again: Sequence[float]
    environment_then: str
    environment_now: str

    @property
    def is_equal(self) -> bool:
        """Whether both scores are the same to the bit."""
        return np.array(self.answered, np.float32).tobytes() == np.array(self.again, np.float32).tobytes()


def log_of(settings: Settings, model: str) -> tuple[str, str]:
    """DATASET.TABLE of the predictions of a model, as its model.toml says, and the column by which it is partitioned.

    Raises:
        ModelFolderError: there is no such model.
    """
    serving = read_model(settings.models_folder, model).serving
    return serving.log or f"{DATASET}.{model}", serving.log_partition_field or DAY


def explain_request(cloud: Cloud, model: str, log: tuple[str, str], request_id: str) -> list[Explanation]:
    """Every instance of a request in a log (see `log_of`), in every role in which it was scored.

    Raises:
        SourceError: the log does not have the request, or a feature of it was hashed or left out.
        RegistryError: its version is there no longer.
        AccessError: BigQuery, Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    rows = _logged_rows(cloud, log, request_id)
    if not rows:
        raise SourceError(
            f"the log of {model} has no request {request_id!r}: it may wait in the spool, be left out by sampling, or have expired"
        )
    if hidden := sorted({name for row in rows for name in row.get("hidden_features") or ()}):
        raise SourceError(f"the logged row cannot be scored again: the log has {', '.join(hidden)} hashed, or not at all")
    found: list[Explanation] = []
    for version in sorted({int(row["version"]) for row in rows}):
        found += _explain(cloud, model, version, [row for row in rows if row["version"] == version], log[1])
    return found


def _logged_rows(cloud: Cloud, log: tuple[str, str], request_id: str) -> list[Mapping[str, Any]]:
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("request_id", "STRING", request_id)],
        maximum_bytes_billed=cloud.settings.maximum_bytes_billed,
    )
    name = quoted(f"{cloud.settings.project}.{log[0]}")
    with bigquery_errors(cloud.settings, f"the prediction log {log[0]}", remedy="serve the model first"):
        return [dict(row) for row in cloud.warehouse.query(QUERY.format(table=name, day=f"`{log[1]}`"), config).result()]


def _explain(cloud: Cloud, model: str, version: int, rows: Sequence[Mapping[str, Any]], day_field: str) -> list[Explanation]:
    scorer, reader = open_version(version_folder(cloud, model, version), f"{model} {version}")
    with closing(scorer):
        logged = {column.name: feature_field(column.name, day_field) for column in scorer.columns.columns}
        features = [{name: row[field] for name, field in logged.items() if row[field] not in (None, [])} for row in rows]
        try:
            scores = scorer.score(reader.read(features).packed)
        except Refusal as refusal:
            why = f"{refusal}; its column was hashed or left out of the log"
            raise SourceError(f"the logged row cannot be scored again: {why}") from refusal
        return [
            Explanation(
                request_id=row["request_id"],
                instance=row["instance"],
                version=version,
                role=row["role"],
                event_time=row["event_time"].isoformat(),
                features=values,
                answered=row["class_scores"] or [row["score"]],
                again=score,
                environment_then=row["environment"],
                environment_now=environment(),
            )
            for row, values, score in zip(rows, features, scores.tolist(), strict=True)
        ]
