"""What is wrong with a version on the last days that it served: metrics that are worse than they were, and inputs that are otherwise.

A day alone may be a storm: a metric is worse if it is so on at least two of the last five days, the newest one among them, and if these
days together are further from what it was than chance and the usual differences of days explain, over all that is asked.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from components.evaluation.metric import Metric, slice_key
from components.looks.data_check import DataCheck
from components.model.metric_names import HEADLINE_METRICS
from components.model.sections import MetricBound
from components.monitoring.alarms import AlarmKind
from components.monitoring.inputs import COVERAGE, range_text
from components.monitoring.live_metrics.drops import (
    LEAST_DROP,
    LEAST_DROPS,
    LEAST_LABELLED,
    MeasuredDay,
    Others,
    drop_of,
    measured_day,
    standard_error,
    unit_of,
    usual_deviations,
    usual_spread,
)
from components.monitoring.record import DayState, LiveDay
from components.wording import score, slice_text

WINDOWS, VIOLATIONS = 5, 2
"""A metric is worse on so many of the last so many days, and on the newest one."""
FINDINGS_A_YEAR = 1.0
"""So many false alarms a year are asked of chance, over all metrics and slices of a day."""
DEVIATIONS = 2.0
"""A day is worse by itself if it is so many standard deviations off."""
CONCENTRATED = 1.5
"""Where all rows are worse, slices are told that are worse by so many times as much."""
HEADLINE = HEADLINE_METRICS
"""The metric by which slices are judged."""
OVERALL = (*HEADLINE, "binary_accuracy", "accuracy", "macro_f1", "calibration")
"""The metrics of all rows that are judged, with those of which model.toml has a bound."""
NO_QUALITY = ("example_count", "mean_prediction", "mean_label")
"""Metrics of which no value is worse than another."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One thing that is wrong. Slices of the same columns that are worse are one trouble."""

    kind: AlarmKind
    subject: str
    """The metric, or the column."""
    slice: Mapping[str, str]
    since: date
    loss: float
    """By how much a metric is worse, or the share of the rows that is wrong."""
    rows: int
    """That it concerns since then."""
    sentence: str
    values: Mapping[str, frozenset[str]]
    """The values of the columns of the slices that are worse."""

    @property
    def identity(self) -> tuple[str, str, frozenset[str]]:
        """What makes it the same trouble as the day before."""
        return self.kind, self.subject, frozenset(self.slice)


@dataclass(frozen=True)
class _Worse:
    """A metric of a slice on the last days, held against what it was."""

    metric: str
    slice: Mapping[str, str]
    reference: float
    value: float
    """Over the days that are worse."""
    drop: float
    deviations: float
    """Of all last days together."""
    since: date
    rows: int


def find_troubles(
    reference: Sequence[Metric], days: Sequence[LiveDay], bounds: Sequence[MetricBound] = (), earlier: Sequence[LiveDay] = ()
) -> list[Trouble]:
    """What is wrong at the end of the last of these days.

    Args:
        reference: the metrics of the version when it was made.
        days: those that it served in one role, the oldest first.
        bounds: those of its model.toml, which name the metrics and slices that are judged beside the usual ones.
        earlier: days that other versions served before, which tell how far days differ where nothing is wrong.
    """
    if not days:
        return []
    inputs, metrics = list(_inputs(days)), list(_metrics(reference, days, bounds, usual_deviations(earlier)))
    return [
        *(_with_cost(one, metrics, days) for one in inputs),
        *(one for one in metrics if not any(_explains(other, one) for other in inputs)),
    ]


def _explains(coverage: Trouble, metric: Trouble) -> bool:
    """Whether a metric is worse only where the version was never trained."""
    known = coverage.values.get(coverage.subject, frozenset())
    return coverage.kind is AlarmKind.COVERAGE and metric.values.keys() == {coverage.subject} and metric.values[coverage.subject] <= known


def _with_cost(one: Trouble, metrics: Sequence[Trouble], days: Sequence[LiveDay]) -> Trouble:
    """Rows that were never trained on, with what that costs: against what the version was, if that is certain, or the other rows."""
    if one.kind is not AlarmKind.COVERAGE:
        return one
    cost = next((metric for metric in metrics if _explains(one, metric)), None)
    if cost is not None:
        return replace(one, loss=cost.loss, rows=cost.rows, sentence=f"{cost.sentence}; {one.sentence}")
    names = {metric.name for day in days for metric in day.metrics}
    name = next((name for name in HEADLINE if name in names), "")
    there, elsewhere = (_mean_of(one, name, days, inside=inside) for inside in (True, False))
    if there is None or elsewhere is None or there >= elsewhere:
        return one
    sentence = f"{name} of {slice_text(one.slice)} is {score(there)}, and {score(elsewhere)} elsewhere; {one.sentence}"
    return replace(one, loss=elsewhere - there, sentence=sentence)


def _mean_of(one: Trouble, name: str, days: Sequence[LiveDay], *, inside: bool) -> float | None:
    """A metric of the slices of a column on the days of a trouble, in or outside of what is wrong, weighed by rows."""
    found = [
        (metric.value, metric.example_count or 0)
        for day in days
        for metric in day.metrics
        if day.served.day >= one.since and metric.name == name and metric.slice.keys() == {one.subject} and math.isfinite(metric.value)
        if (metric.slice[one.subject] in one.values[one.subject]) is inside
    ]
    rows = sum(count for _, count in found)
    return sum(value * count for value, count in found) / rows if rows else None


def _inputs(days: Sequence[LiveDay]) -> Iterator[Trouble]:
    """What the looks found on the newest day. They ask one question a day, which chance does not answer."""
    newest = days[-1]
    is_new_ground = any(found.check == COVERAGE for one in newest.inputs for found in one.findings)
    for feature in newest.inputs:
        for finding in feature.findings:
            if is_new_ground and finding.check == DataCheck.DRIFT:  # other rows have other values: that is said once
                continue
            run = _days_in_a_row(days, feature.name, finding.check)
            is_coverage = finding.check == COVERAGE
            yield Trouble(
                kind=AlarmKind.COVERAGE if is_coverage else AlarmKind.INPUT,
                subject=feature.name,
                slice={feature.name: range_text(finding.values)} if is_coverage else {},
                since=run[0].served.day,
                loss=finding.rows / newest.rows,
                rows=sum(
                    found.rows
                    for day in run
                    for one in day.inputs
                    if one.name == feature.name
                    for found in one.findings
                    if found.check == finding.check
                ),
                sentence=f"feature {feature.name} {finding.what}",
                values={feature.name: frozenset(finding.values)} if is_coverage else {},
            )


def _days_in_a_row(days: Sequence[LiveDay], name: str, check: str) -> list[LiveDay]:
    """The last days on which the same was found, the oldest first."""
    run: list[LiveDay] = []
    for day in reversed(days):
        if not any(one.name == name and any(found.check == check for found in one.findings) for one in day.inputs):
            break
        run.insert(0, day)
    return run


def _metrics(reference: Sequence[Metric], days: Sequence[LiveDay], bounds: Sequence[MetricBound], others: Others) -> Iterator[Trouble]:
    measured = [one for one in map(measured_day, days) if one.metrics and one.day.labelled >= LEAST_LABELLED[one.day.state] * one.day.rows]
    if not measured:
        return
    asked = _asked([*measured[-1].metrics.values()], bounds)
    was = {(metric.name, slice_key(metric.slice)): metric for metric in reference}
    judged = (_judge(was, name, slice_, measured, others) for name, slice_ in asked)
    level = _deviations_of_chance(FINDINGS_A_YEAR / 365 / max(len(asked), 1))
    groups: dict[tuple[str, frozenset[str]], list[_Worse]] = defaultdict(list)
    for one in judged:
        if one is not None:
            groups[one.metric, frozenset(one.slice)].append(one)
    sure = {key: found for key, found in groups.items() if max(one.deviations for one in found) > level}
    for (name, columns), found in sure.items():
        trouble = _trouble(columns, found, measured[-1].day.state)
        general = sure.get((name, frozenset()))
        if not columns or general is None or trouble.loss > CONCENTRATED * general[0].drop:
            yield trouble


def _asked(metrics: Sequence[Metric], bounds: Sequence[MetricBound]) -> list[tuple[str, Mapping[str, str]]]:
    """The metrics and slices that are judged: the usual ones, and those that have a bound."""
    names = {metric.name for metric in metrics}
    first = next((name for name in HEADLINE if name in names), "")
    bounded = [(bound.metric, dict(bound.slice)) for bound in bounds if bound.metric not in NO_QUALITY]
    return [
        (metric.name, metric.slice)
        for metric in metrics
        if (metric.name == first if metric.slice else metric.name in OVERALL) or (metric.name, dict(metric.slice)) in bounded
    ]


def _judge(
    was: Mapping[tuple[str, str], Metric], name: str, slice_: Mapping[str, str], days: Sequence[MeasuredDay], others: Others
) -> _Worse | None:
    """A metric of a slice on the last days; None if it is not worse on enough of them, or if too little is known."""
    place = name, slice_key(slice_)
    reference = was.get(place) or was.get((name, ""))  # a slice that was never met is held against all rows
    if reference is None or standard_error(reference) is None:
        return None
    series = [(one.day, one.metrics[place]) for one in days if place in one.metrics]
    newest = days[-1].day
    if not series or series[-1][0] is not newest:
        return None
    drops = [drop_of(name, reference.value, metric.value) for _, metric in series]
    unit = unit_of(name, reference.value)
    usual = usual_spread(name, drops[:-WINDOWS], [deviation / unit for deviation in others.get(place, ())])
    chance = [math.hypot(standard_error(metric) or 0.0, standard_error(reference) or 0.0) / unit for _, metric in series]
    errors = [math.hypot(one, usual) for one in chance]
    window = list(zip(series, drops, errors, strict=True))[-WINDOWS:]
    bad = [
        (day, metric, drop)
        for (day, metric), drop, error in window
        if drop > DEVIATIONS * error and drop >= LEAST_DROPS.get(name, LEAST_DROP)
    ]
    if len(bad) < VIOLATIONS or bad[-1][0] is not newest:
        return None
    weights = [1 / error**2 for _, _, error in window]
    mean = sum(weight * drop for weight, (_, drop, _) in zip(weights, window, strict=True)) / sum(weights)
    rows = sum(metric.example_count or 0 for _, metric, _ in bad)
    return _Worse(
        metric=name,
        slice=slice_,
        reference=reference.value,
        value=sum(metric.value * (metric.example_count or 1) for _, metric, _ in bad) / max(rows, 1),
        drop=sum(drop * (metric.example_count or 1) for _, metric, drop in bad) / max(rows, 1),
        deviations=mean * math.sqrt(sum(weights)),
        since=bad[0][0].served.day,
        rows=rows,
    )


def _deviations_of_chance(probability: float) -> float:
    """The standard deviations that a normal distribution exceeds with this probability."""
    from scipy.special import ndtri

    return float(-ndtri(probability))


def _trouble(columns: frozenset[str], found: Sequence[_Worse], state: DayState) -> Trouble:
    """One trouble of all slices of the same columns that are worse."""
    values = {column: frozenset(one.slice[column] for one in found) for column in columns}
    slice_ = {column: range_text(sorted(known)) for column, known in sorted(values.items())}
    rows = sum(one.rows for one in found)
    was, now, loss = (sum(getattr(one, part) * one.rows for one in found) / max(rows, 1) for part in ("reference", "value", "drop"))
    provisional = " (provisional)" if state is DayState.PROVISIONAL else ""
    return Trouble(
        kind=AlarmKind.METRIC,
        subject=found[0].metric,
        slice=slice_,
        since=min(one.since for one in found),
        loss=loss,
        rows=rows,
        sentence=f"{found[0].metric} of {slice_text(slice_)} is {score(now)}{provisional}, it was {score(was)} when the version was made",
        values=values,
    )
