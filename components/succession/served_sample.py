"""Some of the rows that a version was asked, and what it and the version before it say of them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from google.cloud import bigquery

from components.deployment.saved_model import load_signature
from components.diagnosis.newest.loaded_version import LoadedVersion, load_version, predict
from components.errors import RegistryError, SourceError, StorageFullError
from components.examples.keys import key_hashes
from components.google import table_name
from components.labels.log_query import LogQuery, feature_fields
from components.labels.scores import logged_scores
from components.model.folder import Model
from components.registry.history import read_version
from components.snapshot.arrow_stream import split_by_day, stream_table
from components.snapshot.bigquery_errors import bigquery_errors
from components.succession.shortfall import ScoredDay, Shortfall, find_shortfall

MOST_ROWS = 2_000
"""Of a day."""
AROUND = timedelta(days=28)
"""So long before its day a prediction may have been logged, and after it at any time: past days may be asked for again."""
SAME, SAME_SHARE = 1e-4, 0.99
"""A score is what it was if it is off by no more, and the log has what was scored if so large a share of the scores is."""
FOLDER = Path(__file__).parent
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Succession:
    """A version, and the one that it took the place of."""

    version: int
    before: int


def read_shortfalls(query: LogQuery, succession: Succession, days: Sequence[date], looks: int) -> list[Shortfall | None]:
    """How much the later version is worse than the earlier one on the rows that it was asked; None if it is not, or if nobody can say.

    At the end of the last day first, then of the days before it.

    What hinders is a line of the log.

    Args:
        query: asks the log, and names model and target.
        succession: both versions.
        days: those of which the labels are settled, in their order, at least one.
        looks: at the ends of so many days.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    try:
        before, after = (_loaded(query, number) for number in (succession.before, succession.version))
        scored = list(_scored(query, before, after, days))
    except (RegistryError, SourceError, StorageFullError) as error:
        extra = {"version": succession.version, "before": succession.before, "error": str(error)}
        log.warning("a version is not held against the one before it", extra=extra)
        return [None] * looks
    return [find_shortfall(scored[: len(scored) - back], succession.before, after.model.task) for back in range(looks)]


def _loaded(query: LogQuery, number: int) -> LoadedVersion:
    with query.cloud.engine.connect() as connection:
        story = read_version(connection, query.model.name, number)
    found = load_version(query.cloud, query.model, story)
    if found.problem:
        raise RegistryError(found.problem)
    if _question(found.model) != _question(query.model):
        raise RegistryError(f"version {number} predicts something else than model.toml of today")
    return found


def _question(model: Model) -> tuple[object, ...]:
    return model.rows.key, model.rows.label, model.task


def _scored(query: LogQuery, before: LoadedVersion, after: LoadedVersion, days: Sequence[date]) -> Iterator[ScoredDay]:
    signatures = [load_signature(version.folder or Path(), f"{query.model.name} {version.name}") for version in (before, after)]
    for day, rows in _read_days(query, after.story.number, days):
        logged = logged_scores(rows, after.model.score_count)
        was, again = (
            predict(signature, version.model, _features(version, rows, query.log_day)).scores
            for signature, version in zip(signatures, (before, after), strict=True)
        )
        is_same = np.isclose(
            again, logged, rtol=0, atol=SAME * max(1.0, float(np.nanmax(np.abs(logged), initial=0.0))), equal_nan=True
        ).all(axis=1)
        if is_same.mean() < SAME_SHARE:
            raise SourceError(f"{query.log} has not what version {after.story.number} was given on {day}, such as sensitive columns")
        answered = np.isfinite(was).all(axis=1) & np.isfinite(logged).all(axis=1)
        if answered.any():
            labels = np.asarray(rows.column("perennial_label").cast(pa.float64()))
            keys = key_hashes(rows.column("key"))
            yield ScoredDay(day=day, labels=labels[answered], keys=keys[answered], before=was[answered], after=logged[answered])


def _read_days(query: LogQuery, version: int, days: Sequence[date]) -> Iterator[tuple[date, pa.RecordBatch]]:
    """The rows of each day."""
    config = query.settings(days, (days[0] - AROUND, max(days[-1] + AROUND, datetime.now(UTC).date())))
    own = (("version", version), ("most_rows", MOST_ROWS))
    config.query_parameters = [*config.query_parameters, *(bigquery.ScalarQueryParameter(name, "INT64", value) for name, value in own)]
    with bigquery_errors(query.cloud.settings, f"the predictions of {query.model.name} in {query.log}", remedy="correct label.sql"):
        job = query.cloud.warehouse.query(query.text(FOLDER / "served_sample.sql"), config)
        job.result(timeout=3600)
        parts: dict[date, list[pa.RecordBatch]] = {}
        for batch in stream_table(query.cloud, table_name(job.destination)):
            for day, part in split_by_day(batch, "perennial_day"):
                parts.setdefault(day, []).append(part)
    for day, found in parts.items():
        yield day, pa.Table.from_batches(found).combine_chunks().to_batches()[0]


def _features(version: LoadedVersion, rows: pa.RecordBatch, log_day: str) -> pa.Table:
    names = feature_fields(version.model, log_day)
    if lacking := sorted(field for field in names.values() if field not in rows.schema.names):
        raise SourceError(f"the log has no column {lacking[0]}, which {version.name} asks for")
    return pa.table({name: rows.column(field) for name, field in names.items()})
