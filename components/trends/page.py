"""The page of a model's trends: metrics, volume and inputs by day, with deployments and alarms on the same axis of time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import itemgetter

from markupsafe import Markup

from components.evaluation.metric import Metric, slice_key
from components.model.metric_names import meant_coverage
from components.monitoring.alarms import Alarm, AlarmState
from components.monitoring.live_metrics.worse import HEADLINE, OVERALL
from components.monitoring.record import DayState, FeatureDay, LiveDay, ServedDay
from components.registry.deployments import Event
from components.report.templating import render
from components.report.trends import TimeMark, TrendPoint, trend, volume
from components.trends.estimates import Estimate, estimate_days, estimates_of, last_estimates
from components.wording import slice_text

DRAWN_SLICES = 12
"""Those that are surely worst on the last day."""
DRAWN_FEATURES = 6
"""Those that have drifted most."""
Estimates = Mapping[ServedDay, Sequence[Estimate]]


@dataclass(frozen=True, kw_only=True)
class LiveFacts:
    """What the page is written from."""

    model: str
    target: str
    days: Sequence[LiveDay]
    """Of the versions that answered, the oldest first; at least one."""
    alarms: Sequence[Alarm]
    """All of them, the worst first."""
    events: Sequence[Event]
    """The deployments to the target."""
    label_delay_days: int


@dataclass(frozen=True)
class _Chart:
    title: str
    svg: Markup
    words: str
    """What a person who cannot see the chart is told."""


def render_live(facts: LiveFacts) -> str:
    """The whole page. Every value is escaped, and spelled out where it could not be shown."""
    days = facts.days[0].served.day, facts.days[-1].served.day
    marks = _marks(facts)
    current = [alarm for alarm in facts.alarms if alarm.standing.state is not AlarmState.CLOSED]
    estimates = estimate_days(facts.days, facts.label_delay_days)
    return render(
        "trends/templates/live.html",
        model=facts.model,
        target=facts.target,
        first=days[0],
        last=days[1],
        alarms=current,
        closed=[alarm for alarm in facts.alarms if alarm.standing.state is AlarmState.CLOSED],
        events=[event for event in facts.events if event.created_at.date() >= days[0]] or facts.events[:1],
        metrics=_metric_charts(facts.days, marks, days, estimates),
        is_labelled=any(day.labelled for day in facts.days),
        quantiles=_quantile_charts(facts.days, marks, days),
        slices=_slice_charts(facts.days, marks, days, estimates),
        volume=_volume_charts(facts.days, marks, days),
        features=_feature_charts(facts.days, marks, days),
        rows=facts.days[::-1],
        headline_of=lambda day: _headline_of(day, estimates.get(day.served, ())),
        slice_text=slice_text,
    )


def _headline_of(day: LiveDay, estimates: Sequence[Estimate]) -> Metric | None:
    """The metric of all rows by which a day is summed up, estimated where it has none."""
    expected = (Metric(one.name, {}, one.value, one.low, one.high) for one in estimates if not one.slice)
    metrics = day.metrics or tuple(expected)
    found = {metric.name: metric for metric in metrics if not metric.slice and math.isfinite(metric.value)}
    return next((found[name] for name in (*HEADLINE, *OVERALL) if name in found), None)


def _marks(facts: LiveFacts) -> list[TimeMark]:
    """Alarms by the day since which something is wrong; deployments by the first day on which another version was served."""
    versions, changes = None, []
    for day in facts.days:
        if versions is not None and day.served.version != versions:
            changes.append(TimeMark(day.served.day, is_bad=False))
        versions = day.served.version
    return [*changes, *(TimeMark(one.subject.since, is_bad=True, is_over=one.standing.state is AlarmState.CLOSED) for one in facts.alarms)]


def _metric_charts(days: Sequence[LiveDay], marks: Sequence[TimeMark], axis: tuple[date, date], estimates: Estimates) -> list[_Chart]:
    names = [name for name in OVERALL if any(metric.name == name and not metric.slice for day in days for metric in day.metrics)]
    return [chart for name in names if (chart := _chart_of(name, {}, days, marks, axis, _estimated(name, {}, estimates)))]


def _quantile_charts(days: Sequence[LiveDay], marks: Sequence[TimeMark], axis: tuple[date, date]) -> list[_Chart]:
    """The share of labels up to each quantile that a version predicts."""
    meant = {metric.name: goal for day in days for metric in day.metrics if (goal := meant_coverage(metric.name)) is not None}
    found = ((goal, _chart_of(name, {}, days, marks, axis, goal=goal)) for name, goal in sorted(meant.items(), key=itemgetter(1)))
    return [replace(chart, title=f"labels up to the quantile {goal:g}") for goal, chart in found if chart]


def _estimated(name: str, slice_: Mapping[str, str], estimates: Estimates) -> list[TrendPoint]:
    found = [(served, own[name]) for served, all_ in estimates.items() if name in (own := estimates_of(all_, slice_))]
    return [TrendPoint(served.day, one.value, one.low, one.high, is_final=False) for served, one in found]


def _chart_of(
    name: str,
    slice_: Mapping[str, str],
    days: Sequence[LiveDay],
    marks: Sequence[TimeMark],
    axis: tuple[date, date],
    estimated: Sequence[TrendPoint] = (),
    goal: float | None = None,
) -> _Chart | None:
    points = [_point(day, metric) for day in days for metric in day.metrics if metric.name == name and metric.slice == slice_]
    points = [point for point in points if math.isfinite(point.value)]
    measured = {point.day for point in points}
    drawable = sorted([*points, *(point for point in estimated if point.day not in measured)], key=lambda point: point.day)
    if not drawable:
        return None
    title = f"{name} of {slice_text(slice_)}"
    words = f"{title} by day, from {drawable[0].value:.3f} on {drawable[0].day} to {drawable[-1].value:.3f} on {drawable[-1].day}"
    return _Chart(title, trend(drawable, marks, axis, small=bool(slice_) or goal is not None, goal=goal), words)


def _point(day: LiveDay, metric: Metric) -> TrendPoint:
    return TrendPoint(day.served.day, metric.value, metric.ci_low, metric.ci_high, day.state is DayState.SETTLED)


def _slice_charts(days: Sequence[LiveDay], marks: Sequence[TimeMark], axis: tuple[date, date], estimates: Estimates) -> list[_Chart]:
    measured = next((day for day in reversed(days) if day.metrics), None)
    if measured is None:
        return []
    name = next((name for name in HEADLINE if any(metric.name == name for metric in measured.metrics)), "")
    known = [
        metric for metric in measured.metrics if metric.name == name and metric.slice and metric.ci_high and metric.ci_high != metric.ci_low
    ]
    last = last_estimates(estimates)
    expected = {slice_key(one.slice): one.high for one in last[1] if one.name == name} if last else {}
    worst = sorted(
        known, key=lambda metric: expected.get(slice_key(metric.slice), metric.ci_high or 0.0)
    )  # of few rows a value says little
    slices = [metric.slice for metric in worst[:DRAWN_SLICES]]
    charts = (_chart_of(name, slice_, days, marks, axis, _estimated(name, slice_, estimates)) for slice_ in slices)
    return [chart for chart in charts if chart]


def _volume_charts(days: Sequence[LiveDay], marks: Sequence[TimeMark], axis: tuple[date, date]) -> list[_Chart]:
    counts = [(day.served.day, day.operation.predictions) for day in days]
    slow = [TrendPoint(day.served.day, day.operation.latency_microseconds[-1] / 1000) for day in days]
    refused = [(day.served.day, float(day.operation.refused_requests)) for day in days]
    failed = [(day.served.day, float(day.operation.failed_requests)) for day in days]
    unanswered = [
        _Chart(title, volume(counted, marks, axis), f"{title.lower()} by day, {counted[-1][1]:,.0f} on the last one")
        for title, counted in (("Refused requests", refused), ("Failed requests", failed))
        if any(number for _, number in counted)
    ]
    return [
        _Chart("Predictions", volume(counts, marks, axis), f"predictions by day, {counts[-1][1]:,.0f} on the last one"),
        _Chart(
            "Latency, 99 %, in milliseconds", trend(slow, marks, axis, pattern=".1f"), f"latency by day, {slow[-1].value:.1f} ms at last"
        ),
        *unanswered,
    ]


def _feature_charts(days: Sequence[LiveDay], marks: Sequence[TimeMark], axis: tuple[date, date]) -> list[_Chart]:
    most = sorted(days[-1].inputs, key=_wrongness, reverse=True)[:DRAWN_FEATURES]
    charts = []
    for feature in most:
        points = [TrendPoint(day.served.day, one.distance) for day in days for one in day.inputs if one.name == feature.name]
        title = f"{feature.name}{': not as in training' if feature.findings else ''}"
        charts.append(
            _Chart(title, trend(points, marks, axis, small=True), f"drift of {feature.name} by day, {points[-1].value:.3f} bits at last")
        )
    return charts


def _wrongness(feature: FeatureDay) -> tuple[int, float]:
    return len(feature.findings), feature.distance
