"""How fast a version ages: what it loses, by its age, against the freshest version on the same rows."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from components.errors import UntoldError
from components.model.metric_names import is_error
from components.policy.facts import AgeingFact
from components.staleness.record import AgedMetrics, LaterSpans

LEAST_VERSIONS = 3
"""Of fewer versions chance cannot be told from ageing: the pace then has no interval."""
MONTH_DAYS = 30
CURVE_POINTS = 12
"""Ages are put together until there are at most so many."""


@dataclass(frozen=True)
class AgedValue:
    """A version's metric on a later span, held against the freshest version that was measured on the same rows."""

    version: int
    span: date
    age_days: int
    value: float
    loss: float
    """By how much it is worse than the freshest one; 0 for that one."""
    recipe: int = 0
    """See `AgedMetrics`."""


@dataclass(frozen=True)
class AgePoint:
    """The mean loss at an age."""

    age_days: int
    loss: float
    count: int
    """How many versions and spans it is a mean of."""
    expected: float
    """The same as a curve that never falls as a version grows older: what replays reckon with."""


@dataclass(frozen=True)
class Pace:
    """The loss for each month of age, with all spans held equal."""

    a_month: float
    low: float | None
    """The ends of the 95 % interval, by version; None with fewer than three versions."""
    high: float | None

    @property
    def is_certain(self) -> bool:
        """Whether chance alone does not explain it."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Ageing:
    """How fast a model's versions age by one metric."""

    model: str
    metric: str
    less_is_better: bool
    versions: Mapping[int, date]
    """The last span that each version learned from."""
    values: tuple[AgedValue, ...]
    """By version and span."""
    curve: tuple[AgePoint, ...]
    """By age."""
    pace: Pace

    def expected_loss(self, age_days: float) -> float:
        """The loss to be reckoned with at an age: 0 at the youngest one that was measured, level beyond the oldest."""
        ages = [point.age_days for point in self.curve]
        return float(np.interp(age_days, ages, [point.expected for point in self.curve]))

    @property
    def oldest_days(self) -> int:
        """The highest age that was measured."""
        return self.curve[-1].age_days

    @property
    def fact(self) -> AgeingFact:
        """What a policy needs of it."""
        fresh = [one.value - one.loss for one in self.values]
        unit = sum(fresh) / len(fresh) if self.less_is_better else 1.0
        by_age = {point.age_days: point.expected / unit if unit else 0.0 for point in self.curve}
        return AgeingFact(tuple(by_age), tuple(by_age.values()))


def ageing_of(model: str, metric: str, spans: LaterSpans) -> Ageing:
    """How fast versions age by a metric.

    Raises:
        UntoldError: no two versions were measured by it on the same span, so that nothing can be told.
    """
    by_rows = _by_rows(metric, spans.cells)
    if not by_rows:
        why = "; ".join(spans.notes) or "no span is later than what two of its versions that select the same rows have learned from"
        raise UntoldError(
            f"how fast {model} ages cannot be told by {metric}: no two of its versions were measured on the same later rows ({why}). "
            f"Train on newer labels with `perennial train {model}`",
            is_final=spans.is_whole,
        )
    less_is_better = is_error(metric)
    sign = -1.0 if less_is_better else 1.0
    values = tuple(
        sorted((one for cells in by_rows.values() for one in _held(cells, metric, sign)), key=lambda one: (one.version, one.span))
    )
    return Ageing(model, metric, less_is_better, spans.versions, values, _curve(values), _pace(values))


def _by_rows(metric: str, cells: Sequence[AgedMetrics]) -> dict[tuple[date, int], list[AgedMetrics]]:
    """The same rows of a span on which at least two versions have a finite value, of different ages."""
    found: dict[tuple[date, int], list[AgedMetrics]] = defaultdict(list)
    for cell in cells:
        if math.isfinite(_value(cell, metric)):
            found[cell.found.span, cell.recipe].append(cell)
    return {rows: own for rows, own in found.items() if len({cell.age_days for cell in own}) > 1}


def _value(cell: AgedMetrics, metric: str) -> float:
    return next((one.value for one in cell.found.metrics if one.name == metric), math.nan)


def _held(cells: Sequence[AgedMetrics], metric: str, sign: float) -> list[AgedValue]:
    """The cells of the same rows, against their freshest versions."""
    youngest = min(cell.age_days for cell in cells)
    fresh = np.mean([_value(cell, metric) for cell in cells if cell.age_days == youngest])
    return [
        AgedValue(
            version=cell.found.version,
            span=cell.found.span,
            age_days=cell.age_days,
            value=_value(cell, metric),
            loss=float(sign * (fresh - _value(cell, metric))),
            recipe=cell.recipe,
        )
        for cell in cells
    ]


def _curve(values: Sequence[AgedValue]) -> tuple[AgePoint, ...]:
    from scipy.optimize import isotonic_regression

    ages = np.array([one.age_days for one in values], float)
    losses = np.array([one.loss for one in values])
    edges = np.unique(ages)
    if len(edges) > CURVE_POINTS:
        edges = np.unique(np.quantile(ages, np.linspace(0, 1, CURVE_POINTS + 1)))[:-1]
    places = np.unique(np.searchsorted(edges, ages, "right"), return_inverse=True)[1]
    counts = np.bincount(places)
    means, middles = np.bincount(places, losses) / counts, np.bincount(places, ages) / counts
    rising = isotonic_regression(means, weights=counts.astype(float)).x
    expected = np.maximum(rising - rising[0], 0.0)
    columns = zip(middles.tolist(), means.tolist(), counts.tolist(), expected.tolist(), strict=True)
    return tuple(AgePoint(round(age), loss, count, risen) for age, loss, count, risen in columns)


def _pace(values: Sequence[AgedValue]) -> Pace:
    """Least squares of the loss by age with an effect of each span, and its error by version."""
    from scipy.special import stdtrit

    spans = np.unique([(one.span.toordinal(), one.recipe) for one in values], axis=0, return_inverse=True)[1]
    versions = np.unique([one.version for one in values], return_inverse=True)[1]
    age = _within(np.array([one.age_days for one in values], float), spans)
    loss = _within(np.array([one.loss for one in values]), spans)
    squares = float((age**2).sum())
    slope = float((age * loss).sum()) / squares
    groups = int(versions.max()) + 1
    if groups < LEAST_VERSIONS:
        return Pace(slope * MONTH_DAYS, None, None)
    scores = np.bincount(versions, age * (loss - slope * age))
    error = math.sqrt(float((scores**2).sum()) * groups / (groups - 1)) / squares
    half = float(stdtrit(groups - 1, 0.975)) * error
    return Pace(slope * MONTH_DAYS, (slope - half) * MONTH_DAYS, (slope + half) * MONTH_DAYS)


def _within(values: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Values less the mean of their span."""
    centred: np.ndarray = values - (np.bincount(spans, values) / np.bincount(spans))[spans]
    return centred
