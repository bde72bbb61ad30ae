"""The rows of a day of predictions as they are streamed from the log: what is measured of them, and profiles of all features."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from operator import add
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.api_core.exceptions import NotFound

from components.diagnosis.own_model import OwnModel
from components.errors import SourceError
from components.evaluation.metric import is_recordable
from components.google import table_name
from components.labels.log_query import LogQuery, feature_fields
from components.labels.scores import logged_scores
from components.measurement.score_counts import ScoreCounts, SliceCounter, SliceScores, count_scores
from components.measurement.value_counts import ValueCounts
from components.model.folder import Model
from components.monitoring.record import Operation, ServedDay
from components.predictions.row_file import RowFile
from components.profiles.profile import ColumnProfile, sum_profiles
from components.profiles.profiling import profile_batch
from components.snapshot.arrow_stream import stream_table
from components.snapshot.bigquery_errors import bigquery_errors

FOLDER = Path(__file__).parent
LABEL = "perennial_label"
CONTRADICTING = "perennial_contradicting"
QUANTILES = (0.5, 0.95, 0.99)
MOST_SLICES = 100
"""Of which scores are counted: those with most rows."""


def served_population(version: int, role: str) -> str:
    """The name of what a version was given, among profiles."""
    return f"{role} {version}"


@dataclass
class ServedRows:
    """The rows of one version and role so far. What is measured of them adds up; rows that have a label go to a file."""

    own: OwnModel
    log_day: str
    labelled: RowFile
    """The rows that can be measured, since their label is known and their scores are finite: key, label, slices and scores."""
    profiles: dict[str, ColumnProfile] = field(default_factory=dict)
    contradicting: int = 0
    rows: int = 0
    unmeasurable: int = 0
    """Rows that have a score that is NaN or infinite: a network may give that for what a caller sends."""
    score_counts: tuple[ScoreCounts, ...] = ()
    """How each output is distributed; empty where numbers are predicted, which have no range to count in."""
    _latency: ValueCounts = field(default_factory=ValueCounts)
    _predictions: float = 0.0
    _slices: SliceCounter = field(init=False)

    def __post_init__(self) -> None:
        is_binary = not self.model.task.is_regression and not self.model.classes
        self._slices = SliceCounter(self.model.evaluation.slices if is_binary else ())

    @property
    def model(self) -> Model:
        """The version's own."""
        return self.own.model

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows as the log has them."""
        features = self._features(batch)
        profiles = profile_batch(pa.RecordBatch.from_pydict(features)) if features else {}
        self.profiles = sum_profiles([self.profiles, profiles]) if self.profiles else profiles
        self.contradicting += int(pc.sum(batch.column(CONTRADICTING)).as_py() or 0)
        self._latency.add(np.asarray(batch.column("latency_microseconds").fill_null(0)))
        self._predictions += float(pc.sum(batch.column("sampling_weight").fill_null(1.0)).as_py())
        scores = logged_scores(batch, self.model.score_count)
        is_number = np.isfinite(scores).all(axis=1)
        self.rows, self.unmeasurable = self.rows + batch.num_rows, self.unmeasurable + int((~is_number).sum())
        self._measure(self._columns(batch, features).filter(pa.array(is_number)), scores[is_number])

    def _columns(self, batch: pa.RecordBatch, features: Mapping[str, pa.Array]) -> pa.RecordBatch:
        """Key, label and slices."""
        slices = {name for names in self.model.evaluation.slices for name in names}
        rows, label = self.model.rows, batch.column(LABEL)
        columns = {rows.key: batch.column("key"), rows.label: pa.nulls(len(label), label.type) if self.own.has_other_labels else label}
        columns |= {name: features.get(name, pa.nulls(batch.num_rows, pa.string())) for name in sorted(slices)}
        return pa.RecordBatch.from_pydict(columns)

    def _measure(self, rows: pa.RecordBatch, scores: np.ndarray) -> None:
        label = rows.column(self.model.rows.label)
        self.labelled.add(rows.filter(label.is_valid()), scores[np.asarray(label.is_valid())])
        if self.model.task.is_regression:
            return
        labels = np.asarray(label.fill_null(-1))
        found = tuple(count_scores(column, labels, place if self.model.classes else 1) for place, column in enumerate(scores.T))
        self.score_counts = tuple(map(add, self.score_counts, found)) if self.score_counts else found
        self._slices.add({name: rows.column(name) for name in rows.schema.names[2:]}, scores[:, 0], labels)

    def _features(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        fields = feature_fields(self.model, self.log_day)
        return {name: batch.column(place) for name, place in fields.items() if place in batch.schema.names}

    @property
    def operation(self) -> Operation:
        """How the service did."""
        low, middle, high = map(self._latency.quantile, QUANTILES)
        return Operation(predictions=self._predictions, latency_microseconds=(low, middle, high))

    @property
    def slice_scores(self) -> tuple[SliceScores, ...]:
        """How the scores of a binary model are distributed in each of the largest slices."""
        every = (({name: str(value) for name, value in key}, counts) for key, counts in self._slices.counts.items())
        largest = sorted((one for one in every if is_recordable(one[0])), key=lambda one: -sum(one[1].rows))[:MOST_SLICES]
        return tuple(SliceScores(slice=one, counts=counts) for one, counts in largest)


def read_served(
    query: LogQuery, day: date, logged: tuple[date, date], own_models: Mapping[ServedDay, OwnModel], folder: Path
) -> Mapping[ServedDay, ServedRows]:
    """The rows of a day of predictions, by version and role.

    Args:
        query: asks the log.
        day: that predictions are of.
        logged: the first and the last partition of the log that have some.
        own_models: of the versions and roles that are wanted; rows of others are left out.
        folder: takes the rows that can be measured, for as long as they are asked for.

    Raises:
        SourceError: the query does not run on the log.
        AccessError: BigQuery refuses or does not answer.
    """
    found: dict[ServedDay, ServedRows] = {}
    for batch in _stream(query, day, logged):
        for version, role, part in _split(batch):
            served = ServedDay(day, version, role)
            if served in own_models:
                file = RowFile(folder / f"{version} {role}")
                found.setdefault(served, ServedRows(own_models[served], query.log_day, file)).add(part)
    return found


@dataclass(frozen=True)
class UnansweredDay:
    """The requests of a day that were not answered."""

    refused_requests: int = 0
    refused_rows: int = 0
    failed_requests: int = 0


def read_unanswered(query: LogQuery, days: Collection[date]) -> dict[date, UnansweredDay]:
    """The requests of days that were refused, or failed, by day; empty where the service does not log them.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    if not days:
        return {}
    try:
        rows = query.ask(query.text(FOLDER / "refused_requests.sql"), query.settings(sorted(days), (min(days), max(days))))
    except SourceError as error:
        if isinstance(error.__cause__, NotFound):
            return {}
        raise
    return {row.day: UnansweredDay(row.refused_requests, row.refused_rows, row.failed_requests) for row in rows}


def _stream(query: LogQuery, day: date, logged: tuple[date, date]) -> Iterator[pa.RecordBatch]:
    remedy = "correct label.sql, or run the same command again"
    with bigquery_errors(query.cloud.settings, f"the predictions of {query.model.name} in {query.log}", remedy=remedy):
        job = query.cloud.warehouse.query(query.text(FOLDER / "served_rows.sql"), query.settings([day], logged))
        job.result(timeout=3600)
        yield from stream_table(query.cloud, table_name(job.destination))


def _split(batch: pa.RecordBatch) -> Iterator[tuple[int, str, pa.RecordBatch]]:
    """The rows of each version and role, which lie together."""
    if not batch.num_rows:
        return
    versions, roles = np.asarray(batch.column("version")), batch.column("role").dictionary_encode()
    codes = np.asarray(roles.indices)
    changes = np.flatnonzero((np.diff(versions) != 0) | (np.diff(codes) != 0)) + 1
    for start, end in pairwise([0, *changes.tolist(), batch.num_rows]):
        yield int(versions[start]), roles[start].as_py(), batch.slice(start, end - start)
