"""The gate's looks at what was served on a day, held against what the version was trained on; and the values that it never met."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

from components.degradation.beside import look_beside
from components.looks.categories import lost_segment, new_values, shares_by_value
from components.looks.dead import nulls, same_value
from components.looks.deviation import LEAST_ROWS, Deviation, listed
from components.looks.drift import judge_drift, measure_distance
from components.looks.earlier_days import Look, Observation, is_new
from components.looks.values import far_out
from components.model.card import read_card_file
from components.model.checks_section import ChecksSection
from components.model.folder import Model
from components.monitoring.record import FeatureDay, InputFinding
from components.profiles.profile import ColumnProfile, ColumnProfiles, Profiles, profiles_by_span, sum_column
from components.wording import label, legible, percent

COVERAGE = "never trained on"
"""The check of values that were served and never trained on."""
NAMED_SHARE = 0.01
"""Of the rows, from which a value is told that a slice, a segment or [checks] cover names and that was never trained on."""
UNNAMED_SHARE = 0.05
"""The same of any other feature with few values."""
LEAST_SPANS = 8
"""Of so many spans of training two halves tell whether a feature moves by itself."""
WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""Not 007, which is a code. Anything may be served, so that not all that `isdigit` takes is a number."""
HASH = re.compile("[0-9a-f]{64}")
FEW_VALUES = 32
"""A feature with at most so many values in training has them all, such as weekdays."""


def look_at_inputs(
    model: Model, trained: Profiles, served: ColumnProfiles, computed: ColumnProfiles | None = None
) -> tuple[FeatureDay, ...]:
    """What was served on a day, feature by feature. Sensitive columns that are hidden in the log cannot be looked at.

    Args:
        model: names the features that are ignored, the slices and segments, and the thresholds.
        trained: the profiles of the rows that the version was trained on, by span; empty if they are not known.
        served: the profiles of the day's rows.
        computed: those of what source.sql gives for the day, if it is known: no weather explains that the service is given something else.
    """
    spans, sensitive = profiles_by_span(trained), read_card_file(model.folder).sensitive_columns
    found = []
    for name, now in sorted(served.items()):
        hides = name in sensitive and _is_hidden(now)
        earlier = [] if hides else [table[name] for _, table in sorted(spans.items()) if name in table]
        distance = measure_distance(sum_column(earlier), now).divergence if earlier else 0.0
        looked = _look(model, name, now, earlier, min(spans)) if earlier and name not in model.checks.ignore else ()
        again = computed.get(name) if computed and not hides and name not in model.checks.ignore else None
        skew, is_part = (None, False) if again is None else look_beside(again, now)
        nulls_share = now.nulls / max(now.rows, 1)
        found.append(FeatureDay(name=name, nulls=nulls_share, distance=distance, findings=looked, skew=skew, is_part=is_part))
    return tuple(found)


def _is_hidden(now: ColumnProfile) -> bool:
    """Whether the log has hashes of a column, or nothing, as `perennial serve --sensitive` leaves it."""
    return now.nulls == now.rows or (bool(now.values) and all(HASH.fullmatch(value) for value in now.values))


def _look(model: Model, name: str, now: ColumnProfile, earlier: Sequence[ColumnProfile], day: date) -> tuple[InputFinding, ...]:
    checks = model.checks.of(name)
    untrained = _untrained(model, name, now, earlier)
    segment: tuple[Look, ...] = (lost_segment,) if name in model.checks.segments else ()
    values: tuple[Look, ...] = () if untrained else (new_values,)
    looks: tuple[Look, ...] = (nulls, same_value, far_out, *values, *segment, *(() if untrained else (_served_otherwise,)))
    observation = Observation(day, now, tuple(earlier), near=len(earlier))
    found = ((look, look(observation, checks)) for look in looks)
    deviation = next((one for look, one in found if one is not None and is_new(look, observation, checks, one)), None)
    return (*((untrained,) if untrained else ()), *((_finding(deviation),) if deviation else ()))


def _served_otherwise(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The feature has other values than in training, by more than the days of the training differ."""
    if observation.before is None or min(observation.now.rows, observation.before.rows) < LEAST_ROWS:
        return None
    if _moves_by_itself(observation.earlier, checks):
        return None
    return _drift(observation.before, observation.now, checks)


def _drift(before: ColumnProfile, now: ColumnProfile, checks: ChecksSection) -> Deviation | None:
    distance = measure_distance(before, now)
    return judge_drift(distance, now, checks.skew, checks, what="is served with other values than it was trained on", remedy="")


def _moves_by_itself(earlier: Sequence[ColumnProfile], checks: ChecksSection) -> bool:
    """Whether a feature has moved in training already, as the age of customers does: that it moves on is nothing new."""
    if len(earlier) < LEAST_SPANS:
        return False
    half = len(earlier) // 2
    first, second = sum_column(earlier[:half]), sum_column(earlier[half:])
    return min(first.rows, second.rows) >= LEAST_ROWS and _drift(first, second, checks) is not None


def _finding(deviation: Deviation) -> InputFinding:
    before = f"; {deviation.before} in training" if deviation.before else ""
    return InputFinding(check=deviation.check.value, measure=deviation.measure, rows=deviation.rows, what=f"{deviation.what}{before}")


def _untrained(model: Model, name: str, now: ColumnProfile, earlier: Sequence[ColumnProfile]) -> InputFinding | None:
    """The values of a feature that were served and never trained on, if they are many."""
    trained, served = shares_by_value(sum_column(earlier)), shares_by_value(now)
    if not trained or not served or not now.filled:
        return None
    named = {name for names in model.evaluation.slices for name in names} | {*model.checks.segments} | model.checks.cover.keys()
    if name not in named and (len(trained) > FEW_VALUES or not _has_all_values(earlier)):
        return None
    if name not in named and now.is_numeric and not all(WHOLE.fullmatch(value) for value in (*trained, *served)):
        return None  # inches of rain: dry weeks have few values, and no set of values is whole
    new = {value: share for value, share in served.items() if value not in trained}
    share = sum(new.values())
    rows = round(share * now.filled)
    if rows < LEAST_ROWS or share < (NAMED_SHARE if name in named else UNNAMED_SHARE):
        return None
    what = f"is {range_text(new)} in {percent(share)} of rows, which the version was never trained on"
    return InputFinding(check=COVERAGE, measure=share, rows=rows, what=what, values=tuple(sorted(map(legible, new))))


def _has_all_values(earlier: Sequence[ColumnProfile]) -> bool:
    """Whether the second half of the training has no more values than the first: of ages there are new ones all the time."""
    if len(earlier) < LEAST_SPANS:
        return True
    half = len(earlier) // 2
    first, second = ({*shares_by_value(sum_column(part))} for part in (earlier[:half], earlier[half:]))
    return second <= first


def range_text(values: Mapping[str, object] | Sequence[str]) -> str:
    """Values for a sentence: whole numbers as stretches, `5, 12-23`, others as they are, long ones cut."""
    if not all(WHOLE.fullmatch(value) for value in values):
        return listed([label(value) for value in sorted(values)])
    numbers = sorted(int(value) for value in values)
    starts = [numbers[0], *(later for earlier, later in pairwise(numbers) if later != earlier + 1)]
    ends = [*(earlier for earlier, later in pairwise(numbers) if later != earlier + 1), numbers[-1]]
    return listed([str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)])


def untrained_values(features: Sequence[FeatureDay]) -> dict[str, frozenset[str]]:
    """The values that were never trained on, by feature."""
    return {one.name: frozenset(found.values) for one in features for found in one.findings if found.check == COVERAGE}
