"""Which metrics of which slices have fallen on the last days that a version served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from components.degradation.fall import Fall, find_fall
from components.degradation.scale import Scale, drop_of
from components.evaluation.metric import Metric, slice_key
from components.model.metric_names import HEADLINE_METRICS, PINBALL_LOSS
from components.model.sections import MetricBound
from components.monitoring.live_metrics.measured_day import MeasuredDay, Place, measured_day
from components.monitoring.live_metrics.past import Past, by_place, days_with, readings
from components.monitoring.record import DayState, LiveDay

FINDINGS_A_YEAR = 1.0
"""So many false alarms a year are asked of chance: half of them of all rows, over their metrics, and half of slices, over all of theirs."""
HEADLINE = HEADLINE_METRICS
"""The metric by which slices are judged, beside their calibration."""
CALIBRATION = "calibration"
OVERALL = (*HEADLINE, "binary_accuracy", "accuracy", "macro_f1", CALIBRATION, PINBALL_LOSS)
"""The metrics of all rows by which a version is summed up."""
JUDGED = tuple(name for name in OVERALL if name != "binary_accuracy")
"""Those that are judged, with those of which model.toml has a bound: how many are right of a binary model follows from how it ranks rows
and how common the label is on a day."""
NO_QUALITY = ("example_count", "mean_prediction", "mean_label")
"""Metrics of which no value is worse than another."""


@dataclass(frozen=True)
class Worse:
    """A metric of a slice on the last days, held against what it was."""

    metric: str
    slice: Mapping[str, str]
    reference: float
    value: float
    """Over the days that are worse."""
    drop: float
    since: date
    rows: int
    state: DayState
    """Of the newest day."""
    is_sure: bool
    """Whether chance would say so less than FINDINGS_A_YEAR; what is not sure by itself may belong to what is."""


def worse_metrics(reference: Sequence[Metric], days: Sequence[LiveDay], bounds: Sequence[MetricBound], past: Past) -> Iterator[Worse]:
    """The metrics and slices that are worse at the end of the newest day that can be judged."""
    measured = [one for one in map(measured_day, days) if one is not None]
    if not measured:
        return
    was = by_place(reference)
    bounded = [(bound.metric, dict(bound.slice)) for bound in bounds if bound.metric not in NO_QUALITY]
    whole, slices = _asked([*measured[-1].metrics.values()], bounded)
    for is_beside, asked in ((False, whole), (True, slices)):
        level = FINDINGS_A_YEAR / 2 / 365 / max(len(asked), 1)
        for metric in asked:
            place = metric.name, slice_key(metric.slice)
            found = days_with(place, measured, is_beside=is_beside)
            fall = _fall(was, place, found, past, is_beside=is_beside) if found[-1:] == measured[-1:] else None
            if fall is not None:
                yield _worse(was, place, metric.slice, found, fall, is_sure=fall.chance < level)


def _asked(metrics: Sequence[Metric], bounded: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[list[Metric], list[Metric]]:
    """The metrics that are judged by themselves: the usual ones of all rows, and those with a bound; and those of slices beside them."""
    names = {metric.name for metric in metrics}
    of_slices = next((name for name in HEADLINE if name in names), ""), CALIBRATION
    alone = [one for one in metrics if (one.name, dict(one.slice)) in bounded or (not one.slice and one.name in JUDGED)]
    return alone, [one for one in metrics if one.slice and one.name in of_slices and one not in alone]


def _fall(was: Mapping[Place, Metric], place: Place, days: Sequence[MeasuredDay], past: Past, *, is_beside: bool) -> Fall | None:
    """None if the metric is not worse on enough days, the newest among them, or if too little is known."""
    reference = was.get(place) or was.get((place[0], ""))
    if reference is None:
        return None
    scale, share = Scale(place[0]), days[-1].label_shares.get(place[1], 0.0)
    error, falls = scale.error(reference.value, reference, share), list[Fall]()
    for way in scale.ways:
        found = readings(was, place, days, is_beside=is_beside, way=way)
        fall = find_fall(found, error, past.usual(place, is_beside=is_beside, way=way), least=scale.least_drop) if found else None
        falls += [fall] if fall else []
    return min((replace(one, chance=len(scale.ways) * one.chance) for one in falls), key=lambda one: one.chance, default=None)


def _worse(
    was: Mapping[Place, Metric], place: Place, slice_: Mapping[str, str], days: Sequence[MeasuredDay], fall: Fall, *, is_sure: bool
) -> Worse:
    reference = (was.get(place) or was[place[0], ""]).value
    bad = [(days[number].day, days[number].metrics[place]) for number in fall.days]
    rows = sum(metric.example_count or 0 for _, metric in bad)
    weights = [metric.example_count or 1 for _, metric in bad]
    return Worse(
        metric=place[0],
        slice=slice_,
        reference=reference,
        value=float(np.average([metric.value for _, metric in bad], weights=weights)),
        drop=float(np.average([drop_of(place[0], reference, metric.value) for _, metric in bad], weights=weights)),
        since=bad[0][0].served.day,
        rows=rows,
        state=days[-1].day.state,
        is_sure=is_sure,
    )
