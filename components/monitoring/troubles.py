"""What is wrong with a version on the last days that it served: metrics that are worse than they were, and inputs that are otherwise.

A day alone may be a storm: a metric is worse if it is so on at least two of the last five days, the newest one among them, and if these
days are further from what it was than chance and the usual differences of days and versions explain, over all that is asked in a year.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from components.degradation.fall import Reading, UsualDays, find_fall
from components.evaluation.metric import Metric
from components.looks.data_check import DataCheck
from components.model.sections import MetricBound
from components.monitoring.alarms import AlarmKind
from components.monitoring.inputs import COVERAGE, range_text
from components.monitoring.live_metrics.past import Past
from components.monitoring.live_metrics.worse import FINDINGS_A_YEAR, HEADLINE, Worse, worse_metrics
from components.monitoring.record import DayState, LiveDay
from components.succession.shortfall import Shortfall
from components.wording import percent, score, slice_text

CONCENTRATED = 1.5
"""Where all rows are worse, slices are told that are worse by so many times as much."""
LEAST_REFUSED = 0.02
"""A smaller share of refused rows is no alarm; and by about so much days differ where nobody is wrong."""
LEAST_REFUSED_ROWS = 20
"""Fewer rows that are refused are no alarm, however few were asked for."""
NO_PAST = Past()
Identity = tuple[str, str, frozenset[str]]
"""The kind of a trouble, what it is about, and the columns of its slices: it is the same trouble as the day before."""


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
    is_drift: bool = False
    """Whether a feature merely has other values than in training."""

    @property
    def identity(self) -> Identity:
        """What makes it the same trouble as the day before."""
        return self.kind, self.subject, frozenset(self.slice)


def find_troubles(
    reference: Sequence[Metric], days: Sequence[LiveDay], bounds: Sequence[MetricBound] = (), past: Past = NO_PAST
) -> list[Trouble]:
    """What is wrong at the end of the last of these days.

    Args:
        reference: the metrics of the version when it was made.
        days: those that it served in one role, the oldest first.
        bounds: those of its model.toml, which name the metrics and slices that are judged beside the usual ones.
        past: the versions that served before, which tell how far days differ where nothing is wrong.
    """
    if not days:
        return []
    inputs, metrics = list(_inputs(days)), list(_metrics(worse_metrics(reference, days, bounds, past)))
    return [
        *_refused(days),
        *(_with_cost(one, metrics, days) for one in inputs),
        *(one for one in metrics if not any(_explains(other, one) for other in inputs)),
    ]


def beside_the_version_before(found: Sequence[Trouble], shortfall: Shortfall | None, own: Sequence[LiveDay]) -> list[Trouble]:
    """What is wrong, with a version that is worse than the one before it: of its metric nothing else is told of all rows."""
    if shortfall is None:
        return list(found)
    mine = f"{shortfall.metric} of all rows is {score(shortfall.value)}"
    trouble = Trouble(
        kind=AlarmKind.METRIC,
        subject=shortfall.metric,
        slice={},
        since=shortfall.since,
        loss=shortfall.loss,
        rows=sum(day.rows for day in own if shortfall.since <= day.served.day <= shortfall.last),
        sentence=f"{mine}, and that of version {shortfall.before} on the same rows is {score(shortfall.value_before)}",
        values={},
    )
    return [trouble, *(one for one in found if one.identity != trouble.identity)]


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
                is_drift=finding.check == DataCheck.DRIFT,
            )


def _refused(days: Sequence[LiveDay]) -> Iterator[Trouble]:
    """Far more of the rows are refused than on the days before: whoever asks sends what the model does not take."""
    asked = [one.operation.predictions + one.operation.refused_rows for one in days]
    shares = [day.operation.refused_rows / max(rows, 1) for day, rows in zip(days, asked, strict=True)]
    readings = [Reading(share, _error_of_share(share, rows)) for share, rows in zip(shares, asked, strict=True)]
    fall = find_fall(readings, 0.0, UsualDays(LEAST_REFUSED), least=LEAST_REFUSED)
    if fall is None or fall.chance > FINDINGS_A_YEAR / 365:
        return
    bad = [days[place] for place in fall.days]
    rows, others = (
        sum(day.operation.refused_rows for day in bad),
        [share for day, share in zip(days, shares, strict=True) if day not in bad],
    )
    if rows < LEAST_REFUSED_ROWS:
        return
    share, usual = rows / sum(asked[place] for place in fall.days), f", {percent(median(others))} on other days" if others else ""
    yield Trouble(
        kind=AlarmKind.SERVICE,
        subject="refused rows",
        slice={},
        since=bad[0].served.day,
        loss=share,
        rows=rows,
        sentence=f"{percent(share)} of the rows that are asked for are refused{usual}",
        values={},
    )


def _error_of_share(share: float, rows: float) -> float:
    """The standard error of a share of some rows; of few rows it is large even where all of them, or none, are refused."""
    smooth = (share * rows + 1) / (rows + 2)
    return math.sqrt(smooth * (1 - smooth) / (rows + 2))


def _days_in_a_row(days: Sequence[LiveDay], name: str, check: str) -> list[LiveDay]:
    """The last days on which the same was found, the oldest first."""
    run: list[LiveDay] = []
    for day in reversed(days):
        if not any(one.name == name and any(found.check == check for found in one.findings) for one in day.inputs):
            break
        run.insert(0, day)
    return run


def _metrics(found: Iterable[Worse]) -> Iterator[Trouble]:
    """One trouble of all slices of the same columns that are worse, if one of them surely is."""
    groups: dict[tuple[str, frozenset[str]], list[Worse]] = defaultdict(list)
    for one in found:
        groups[one.metric, frozenset(one.slice)].append(one)
    sure = {key: found for key, found in groups.items() if any(one.is_sure for one in found)}
    for (name, columns), of in sure.items():
        trouble = _trouble(columns, of)
        general = sure.get((name, frozenset()))
        if not columns or general is None or trouble.loss > CONCENTRATED * general[0].drop:
            yield trouble


def _trouble(columns: frozenset[str], found: Sequence[Worse]) -> Trouble:
    """One trouble of all slices of the same columns that are worse."""
    values = {column: frozenset(one.slice[column] for one in found) for column in columns}
    slice_ = {column: range_text(sorted(known)) for column, known in sorted(values.items())}
    rows = sum(one.rows for one in found)
    was, now, loss = (sum(getattr(one, part) * one.rows for one in found) / max(rows, 1) for part in ("reference", "value", "drop"))
    provisional = " (provisional)" if found[0].state is DayState.PROVISIONAL else ""
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
