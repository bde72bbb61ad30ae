"""Whether a new version is worse than the champion on the same rows: by more than chance, and by enough to matter."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.evaluation.chance.influence import Influence, LabelledScores, each_influence, numbered, turned_to_quality
from components.evaluation.chance.spread import LEAST_KEYS, LEVEL, correct, paired_change
from components.evaluation.evaluator import CANDIDATE
from components.evaluation.metric import Check, Metric, slice_key
from components.evaluation.split_scores import SplitRows
from components.model.folder import Model
from components.model.sections import Split
from components.model.task import LearningTask
from components.wording import number

CHAMPION = "champion"
"""The name of the champion, beside the candidate, among those that score the same rows."""


@dataclass(frozen=True)
class _Bound:
    """A question: is this metric of this slice worse by more than so much?"""

    split: Split
    metric: str
    slice: Mapping[str, str]
    worse_by: float
    is_asked_for: bool
    """Whether model.toml has it; what it has not is only shown where it matters."""


@dataclass(frozen=True, kw_only=True)
class MeasuredSplit:
    """A split on which both versions were evaluated."""

    split: Split
    rows: SplitRows
    candidate: Sequence[Metric]
    champion: Sequence[Metric]


def hold_against_champion(model: Model, version: int, splits: Sequence[MeasuredSplit]) -> tuple[Check, ...]:
    """A check for every metric of all rows and every bound of model.toml, and for every slice that is worse.

    All rows and slices are corrected for their number separately, so that either is wrong by chance in 1 of 20 cases at most.
    """
    asked = [(one, bound) for one in splits for bound in _bounds(model, one)]
    found: list[Check] = []
    for of_slices in (False, True):
        family = [(one, bound) for one, bound in asked if bool(bound.slice) == of_slices]
        changes = [_change(model, one, bound) for one, bound in family]
        p_values = correct([p for _, p in changes])
        for (one, bound), (value, _), p in zip(family, changes, p_values, strict=True):
            check = _check(version, one, bound, value, p)
            if bound.is_asked_for or not check.passed or not of_slices:
                found.append(check)
    return tuple(found)


def _bounds(model: Model, measured: MeasuredSplit) -> Iterator[_Bound]:
    section, metrics = model.evaluation.champion, model.task.decisive_metrics
    own = [change for change in section.changes if change.split in (None, measured.split)]
    for change in own:
        yield _Bound(measured.split, change.metric, change.slice, change.worse_by_at_most, is_asked_for=True)
    told = {(change.metric, slice_key(change.slice)) for change in own}
    if section.tolerance < 1:
        for metric in metrics:
            if (metric, "") not in told:
                yield _Bound(measured.split, metric, {}, section.tolerance, is_asked_for=False)
    if section.slice_tolerance < 1 and section.tolerance < 1:
        for key in measured.rows.slices:
            slice_ = {name: str(value) for name, value in key}
            if slice_ and (metrics[0], slice_key(slice_)) not in told:
                yield _Bound(measured.split, metrics[0], slice_, section.slice_tolerance, is_asked_for=False)


def _change(model: Model, measured: MeasuredSplit, bound: _Bound) -> tuple[float, float]:
    """By how much the metric is better, NaN where it cannot be known, and the chance of that between two equal versions."""
    rows = measured.rows
    key = next((key for key in rows.slices if {name: str(value) for name, value in key} == bound.slice), None)
    if key is None:
        return math.nan, math.nan
    places = rows.slices[key]
    before, after = (_quality(rows.of(name, places), model.task, bound.metric) for name in (CHAMPION, CANDIDATE))
    keys = numbered(rows.keys[places])
    change = paired_change(before, after, keys)
    return change.value, change.p


def _quality(rows: LabelledScores, task: LearningTask, metric: str) -> Influence:
    return turned_to_quality({metric: next(found for name, found in each_influence(rows, task) if name == metric)})[metric]


def _check(version: int, measured: MeasuredSplit, bound: _Bound, better: float, p: float) -> Check:
    candidate, champion = (_value(side, bound) for side in (measured.candidate, measured.champion))
    is_worse = math.isfinite(p) and p < LEVEL and better < -bound.worse_by
    note = f"p {number(p)}" if math.isfinite(p) else f"not judged: fewer than {LEAST_KEYS:.0f} keys tell, or all labels are alike"
    return Check(
        metric=bound.metric,
        slice=dict(bound.slice),
        rule=f"not worse than version {version} by more than {bound.worse_by:g} and chance",
        value=candidate.value if candidate else None,
        passed=not is_worse,
        baseline=champion.value if champion else None,
        split=measured.split.value,
        note=note,
        rows=candidate.example_count if candidate else None,
    )


def _value(metrics: Sequence[Metric], bound: _Bound) -> Metric | None:
    return next((metric for metric in metrics if metric.name == bound.metric and metric.slice == bound.slice), None)
