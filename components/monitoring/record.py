"""What live versions did day by day, as the registry has it. A measurement is never changed: what changed since is measured again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum

import sqlalchemy as sa

from components.database.statements import execute
from components.degradation.beside import SKEWED_SHARE
from components.evaluation.metric import Metric
from components.measurement.score_counts import ScoreCounts, SliceScores
from components.registry.evaluations import metric_from, metric_json
from components.registry.versions import version_id
from components.runs.steps import PipelineName

COMPARED_WITHIN = 3
"""What a service was given so many days ago, beside what source.sql gives, still tells what it is given."""


class DayState(StrEnum):
    """Whether a day's labels are there."""

    PROVISIONAL = "provisional"
    """The label delay has not passed: what labels there are may be of a kind."""
    SETTLED = "settled"


@dataclass(frozen=True, order=True)
class ServedDay:
    """The predictions of a day by a version in one role."""

    day: date
    version: int
    role: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How the service did."""

    predictions: float
    """How many there were, of which the log may have a sample."""
    latency_microseconds: tuple[int, int, int]
    """The median, and the 95 % and 99 % quantiles."""
    refused_requests: int = 0
    """That were not as the model's rows are, or too large, or too slow; of the day, whatever version they were for."""
    refused_rows: int = 0
    failed_requests: int = 0
    """That were not answered though nothing was wrong with them."""


@dataclass(frozen=True, kw_only=True)
class InputFinding:
    """What a look found in a feature."""

    check: str
    measure: float
    rows: int
    """How many are wrong."""
    what: str
    """The rest of a sentence that begins with the feature."""
    values: tuple[str, ...] = ()
    """The values that were never trained on."""


@dataclass(frozen=True, kw_only=True)
class FeatureDay:
    """A feature as it was served on a day, held against the training data of the version."""

    name: str
    nulls: float
    """The share of rows without a value."""
    distance: float
    """Jensen-Shannon divergence beyond chance, in bits."""
    findings: tuple[InputFinding, ...] = ()
    skew: float | None = None
    """The share of the rows that have values which source.sql gives less often for the day; None if that is not known."""
    is_part: bool = False
    """Whether it is not known since only a part of the rows of source.sql was served, and they have other values than the rest."""

    @property
    def is_skewed(self) -> bool:
        """Whether the service was given something else than source.sql gives."""
        return self.skew is not None and self.skew > SKEWED_SHARE


@dataclass(frozen=True, kw_only=True)
class LiveDay:
    """What a day came to."""

    served: ServedDay
    state: DayState
    through: date
    rows: int
    labelled: int
    contradicting: int
    """Rows whose key has several labels; they are not measured."""
    fingerprint: str
    operation: Operation
    scores: tuple[ScoreCounts, ...]
    """Of each output."""
    slice_scores: tuple[SliceScores, ...] = ()
    """Of the largest slices of a binary model."""
    inputs: tuple[FeatureDay, ...]
    metrics: tuple[Metric, ...]
    attempt: int = 0
    run_id: str = ""
    target: str = ""
    """Where it was served; known of what the registry has."""

    @property
    def compared(self) -> dict[str, FeatureDay]:
        """The features that were held against what source.sql gives for the day."""
        return {one.name: one for one in self.inputs if one.skew is not None or one.is_part}


def newest_compared(days: Sequence[LiveDay]) -> LiveDay | None:
    """The newest of some days that was held against what source.sql gives, unless it is long ago."""
    oldest = days[-1].served.day - timedelta(days=COMPARED_WITHIN) if days else date.max
    return next((day for day in reversed(days) if day.compared and day.served.day >= oldest), None)


def read_live_days(
    connection: sa.Connection, model: str, target: str, *, since: date | None = None, with_metrics: bool = True
) -> tuple[LiveDay, ...]:
    """The last measurement of every day of a model on a target, the oldest day first: from one day on, or of all."""
    return _read(connection, model=model, target=target, version=None, since=since, with_metrics=with_metrics)


def read_days_of_version(connection: sa.Connection, model: str, version: int) -> tuple[LiveDay, ...]:
    """Like `read_live_days`, of a version on all targets."""
    return _read(connection, model=model, target=None, version=version, since=None, with_metrics=True)


def _read(connection: sa.Connection, **wanted: object) -> tuple[LiveDay, ...]:
    return tuple(map(_live_day, execute(connection, "live_days.last", **wanted).mappings()))


def _live_day(row: sa.RowMapping) -> LiveDay:
    operation = Operation(**row["operation"] | {"latency_microseconds": tuple(row["operation"]["latency_microseconds"])})
    inputs = (
        one | {"findings": tuple(InputFinding(**found | {"values": tuple(found["values"])}) for found in one["findings"])}
        for one in row["inputs"]
    )
    return LiveDay(
        served=ServedDay(row["day"], row["version"], row["role"]),
        state=DayState(row["state"]),
        rows=row["row_count"],
        operation=operation,
        scores=tuple(map(_score_counts, row["scores"])),
        slice_scores=tuple(SliceScores(slice=one["slice"], counts=_score_counts(one["counts"])) for one in row["slice_scores"]),
        inputs=tuple(FeatureDay(**one) for one in inputs),
        metrics=tuple(map(metric_from, row["metrics"] or ())),
        **{name: row[name] for name in ("through", "labelled", "contradicting", "fingerprint", "attempt", "run_id", "target")},
    )


def _score_counts(fields: Mapping[str, Sequence[int]]) -> ScoreCounts:
    return ScoreCounts(**{name: tuple(counts) for name, counts in fields.items()})


def last_day_of_runs(connection: sa.Connection, model: str, target: str) -> date | None:
    """The last day of the runs of a model on a target that have succeeded: they have looked at every day up to it. None without any."""
    through: date | None = execute(
        connection, "live_days.last_through", model=model, target=target, pipeline_name=PipelineName.MONITORING
    ).scalar()
    return through


def record_live_day(connection: sa.Connection, model: str, target: str, measured: LiveDay, *, run_id: str) -> None:
    """Record a measurement as the attempt after `measured.attempt`. If another run was faster, its measurement stays.

    Raises:
        RegistryError: version or run are unknown, or a value is not acceptable.
    """
    served, metrics = measured.served, json.dumps([metric_json(metric) for metric in measured.metrics])
    live_day_id = execute(
        connection,
        "live_days.insert",
        model_version_id=version_id(connection, model, served.version),
        target=target,
        role=served.role,
        day=served.day,
        attempt=measured.attempt + 1,
        row_count=measured.rows,
        operation=json.dumps(asdict(measured.operation)),
        scores=json.dumps([asdict(one) for one in measured.scores]),
        slice_scores=json.dumps([asdict(one) for one in measured.slice_scores]),
        inputs=json.dumps([asdict(one) for one in measured.inputs]),
        run_id=run_id,
        **{name: getattr(measured, name) for name in ("state", "through", "labelled", "contradicting", "fingerprint")},
    ).scalar()
    if live_day_id is not None:
        execute(connection, "evaluations.insert_names", metrics=metrics)
        execute(connection, "evaluations.insert_slices", metrics=metrics)
        execute(connection, "live_days.insert_metrics", live_day_id=live_day_id, metrics=metrics)
