"""How far metrics of live days and versions are from each other where nothing is wrong, as the versions before have shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.degradation.fall import Reading, UsualDays
from components.degradation.scale import Scale, standard_error
from components.evaluation.metric import Metric, slice_key
from components.looks.deviation import LEAST_ROWS
from components.monitoring.live_metrics.measured_day import MeasuredDay, Place, measured_day
from components.monitoring.record import LiveDay


@dataclass(frozen=True)
class EarlierVersion:
    """A version that served before: its metrics when it was made, and the days on which it was live, the oldest first."""

    reference: Sequence[Metric]
    days: Sequence[LiveDay]


def by_place(reference: Sequence[Metric]) -> dict[Place, Metric]:
    """The metrics of a version when it was made, those that have an interval."""
    return {(metric.name, slice_key(metric.slice)): metric for metric in reference if standard_error(metric) is not None}


def days_with(place: Place, days: Sequence[MeasuredDay], *, is_beside: bool) -> list[MeasuredDay]:
    """The days that have a metric of a slice, of enough rows, and, if it is held against that, the same of all rows."""
    wanted = {place, (place[0], "")} if is_beside else {place}
    return [day for day in days if wanted <= day.metrics.keys() and (day.metrics[place].example_count or LEAST_ROWS) >= LEAST_ROWS]


def readings(was: Mapping[Place, Metric], place: Place, days: Sequence[MeasuredDay], *, is_beside: bool, way: int = 1) -> list[Reading]:
    """A metric of a slice day by day. A slice that was never met is held against what all rows were.

    Args:
        was: the metrics when the version was made.
        place: the metric and the slice.
        days: those that have it, the oldest first.
        is_beside: whether it is asked by how much a slice is worse beside all rows of the same day, which share its weather.
        way: in which it is worse.
    """
    whole, scale = (place[0], ""), Scale(place[0])
    reference = was.get(place) or was.get(whole)
    if reference is None or (is_beside and whole not in was):
        return []
    then = reference.value, was[whole].value if is_beside else None
    return [_reading(scale, then, place, day, is_beside=is_beside, way=way) for day in days]


def _reading(scale: Scale, then: tuple[float, float | None], place: Place, day: MeasuredDay, *, is_beside: bool, way: int) -> Reading:
    metric, whole = day.metrics[place], day.metrics[place[0], ""] if is_beside else None
    of_all = day.label_shares.get("", 0.0)
    share = day.label_shares.get(place[1], of_all)
    stretches = scale.stretch(metric.value, share), scale.stretch(whole.value, of_all) if whole else 1.0
    now = metric.value, whole.value if whole else None
    return Reading(scale.worse(then, now, stretches, way), scale.error(then[0], metric, share))


@dataclass(frozen=True)
class Past:
    """The versions that served before."""

    versions: Sequence[EarlierVersion] = ()
    _measured: list[tuple[dict[Place, Metric], list[MeasuredDay]]] = field(default_factory=list)
    _known: dict[tuple[Place, bool, int], UsualDays] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.versions:
            self._measured.append((by_place(one.reference), [day for day in map(measured_day, one.days) if day is not None]))

    def usual(self, place: Place, *, is_beside: bool, way: int = 1) -> UsualDays:
        """How far days and versions differ in a metric of a slice, one way."""
        if (place, is_beside, way) not in self._known:
            versions = [
                tuple(one.worse for one in readings(was, place, days_with(place, days, is_beside=is_beside), is_beside=is_beside, way=way))
                for was, days in self._measured
            ]
            self._known[place, is_beside, way] = UsualDays(Scale(place[0]).least_spread, tuple(versions))
        return self._known[place, is_beside, way]
