"""Check the rows of source.sql, span by span: features that died or drifted, within the window and since the champion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

from components.checks.findings import Finding
from components.checks.labels import check_labels
from components.checks.window_coverage import check_constants, check_cover, check_names
from components.looks.categories import lost_segment, new_values
from components.looks.clusters import as_one_of_cluster
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import null_odds, nulls, same_value, standing
from components.looks.deviation import LEAST_ROWS, Deviation
from components.looks.drift import divergence_ratio, judge_drift, measure_distance
from components.looks.earlier_days import RECURRENCE_FACTOR, Look, Observation, Timeline, find_occurrences, is_new
from components.looks.history import FINDINGS_A_YEAR, Measure, require_lasting
from components.looks.usual import Daily, chance_of_day
from components.looks.values import far_out
from components.model.checks_section import ChecksSection
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, Profiles, profiles_by_span, sum_profiles
from components.snapshot.columns import read_domains
from components.snapshot.document import Snapshot

SPANS_BEFORE = 28
LASTING_SPANS = 2
"""Where it is known how a feature moves from span to span, so many in a row block; one alone warns."""
LEAST_SPANS = 3
"""Spans before that it takes to know how alike they are."""


def check_rows(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles) -> list[Finding]:
    """Find what is wrong with the rows of the window's spans.

    Args:
        model: names the label, the segments and the thresholds.
        snapshot: what was pinned.
        profiles: the profiles of the spans' rows.
        past: those of the rows that the champion was trained on.
    """
    days, before = (as_one_of_cluster(profiles_by_span(side), model.checks.cluster) for side in (profiles, past))
    timeline = Timeline(days, before, known_days(profiles, past), SPANS_BEFORE, near=1, has_weekdays=False)
    features = [name for name in sum_profiles(timeline.days.values()) if name not in {model.rows.label, *model.checks.ignore}]
    domains = read_domains(model)
    findings = [
        *check_names(model, snapshot, timeline.days),
        *check_labels(model, snapshot, profiles, past, features),
        *check_cover(model, timeline.days, level="rows"),
        *(check_constants(model, timeline.days) if not past else ()),
    ]
    for name in features:
        usual = Usual(name, timeline, FINDINGS_A_YEAR / 365 / len(features))
        broken = _broken_spans(model, usual, timeline, has_domain=name in domains)
        findings += broken or _drifted(model, name, timeline.days, timeline.past)
    return findings


def known_days(profiles: Profiles, past: Profiles) -> frozenset[date]:
    """The days whose content has not changed since the champion was trained."""
    return frozenset({part.day for part in profiles if part in past} - {part.day for part in profiles if part not in past})


@dataclass(frozen=True)
class Usual:
    """What spans are like of a feature that every span has anew, such as the weather of a day, so that some are far from the one before."""

    feature: str
    timeline: Timeline
    level: float
    """What is more probable than this is usual."""

    @cached_property
    def _measured(self) -> dict[Look, dict[date, Daily]]:
        """How far each span is from the one before it, and its share of NULLs."""
        tables = {**self.timeline.days, **self.timeline.past}
        columns = [(day, tables[day][self.feature]) for day in sorted(tables) if self.feature in tables[day]]
        pairs = [Observation(day, now, (before,), before) for (_, before), (day, now) in pairwise(columns)]
        return {look: {one.day: daily for one in pairs if (daily := rate(one)) is not None} for look, rate in RATES.items()}

    def chance(self, look: Look, observation: Observation) -> float | None:
        """The probability of what a look finds in a span; None where too few spans are known to tell."""
        daily = RATES[look](observation) if look in RATES else None
        if daily is None:
            return None
        measured = {**self._measured[look], observation.day: daily}
        after = next((day for day in sorted(measured) if day > observation.day), None)  # the way back is no other jump
        as_far = sum(RECURRENCE_FACTOR * one.value >= daily.value for day, one in measured.items() if day not in (observation.day, after))
        chance = chance_of_day(observation.day, measured)
        return 1.0 if chance is None and as_far >= LEAST_SPANS else chance


def _broken_spans(model: Model, usual: Usual, timeline: Timeline, *, has_domain: bool) -> list[Finding]:
    """Find the spans in which a feature died, lacks a segment or jumped: one finding for each check.

    New values of a feature with a domain in schema.pbtxt are not reported: ExampleValidator checks them.
    """
    name = usual.feature
    known = () if has_domain else (new_values,)
    segment = (lost_segment,) if name in model.checks.segments else ()
    looks: tuple[Look, ...] = (nulls, _same_value, standing, far_out, *known, *segment, _jumped)
    longest, checks = timedelta(days=2 * model.window.every_days), model.checks.of(name)

    def judge(observation: Observation) -> Deviation | None:
        # What drifted since an old champion is reported for the window as a whole, not for its first span.
        is_next = observation.last_day is not None and observation.day - observation.last_day <= longest
        return _first_deviation(looks, observation, checks, usual) if is_next else None

    findings: dict[DataCheck, Finding] = {}
    order = sorted({*timeline.days, *timeline.past})
    for observation, deviation in require_lasting(find_occurrences(name, timeline, judge), order):
        if deviation.check not in findings or (deviation.blocks and not findings[deviation.check].blocks):
            findings[deviation.check] = Finding(
                check=deviation.check,
                severity=deviation.severity,
                level="rows",
                column=name,
                what=f"of span {observation.day} {deviation.what}{f'; {deviation.before} before' if deviation.before else ''}",
                remedy=deviation.remedy,
                since=observation.day,
                days=1,
                measure=deviation.measure,
                threshold=deviation.threshold,
                touched=deviation.rows / max(observation.now.rows, 1),
            )
    return [*findings.values()]


def _first_deviation(looks: Sequence[Look], observation: Observation, checks: ChecksSection, usual: Usual) -> Deviation | None:
    """The first deviation that any of the looks finds and that is nothing usual."""
    for look in looks:
        one = replace(observation, near=SPANS_BEFORE) if look is far_out else observation
        deviation = look(one, checks)
        if deviation is None or not is_new(look, one, checks, deviation):
            continue
        chance = usual.chance(look, one)
        if chance is None or chance <= usual.level:
            return replace(deviation, lasting=1 if chance is None else LASTING_SPANS)  # a storm lasts a day
    return None


def _same_value(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A feature has one value; if it was a common one, that may be the weather of a day."""
    deviation = same_value(observation, checks)
    is_thin = len(observation.earlier) < LEAST_SPANS and deviation is not None and deviation.threshold > 0
    return None if is_thin else deviation


def _jumped(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A feature has other values than a span before, although most rows are of the same entities."""
    if observation.now.rows < LEAST_ROWS:
        return None
    remedy = "look at source.sql, and at the partitions since then; if the world changed, raise {0} in model.toml"
    distance = measure_distance(observation.before, observation.now)
    return judge_drift(distance, observation.now, checks.span_drift, checks, what="has other values than a span before", remedy=remedy)


def _drifted(model: Model, name: str, days: Mapping[date, ColumnProfiles], past: Mapping[date, ColumnProfiles]) -> list[Finding]:
    """A feature that has drifted since the champion was trained."""
    now, before = (sum_profiles([table for table in side.values() if name in table]) for side in (days, past))
    if name not in now or name not in before:
        return []
    distance = measure_distance(before[name], now[name])
    what, remedy = "has moved since the champion was trained", "nothing, if the world moved: that is a reason to train"
    checks = model.checks.of(name)
    deviation = judge_drift(distance, now[name], checks.champion_drift, checks, what=what, remedy=remedy)
    if deviation is None:
        return []
    return [
        Finding(
            check=DataCheck.DRIFT,
            level="rows",
            column=name,
            what=deviation.what,
            remedy=remedy,
            days=len(days),
            measure=deviation.measure,
            threshold=deviation.threshold,
            touched=deviation.measure,
            severity=Severity.WARNS,
        )
    ]


RATES: Mapping[Look, Measure] = {nulls: null_odds, _jumped: divergence_ratio}
"""How far a span is from the one before it, and its share of NULLs: numbers that every span has."""
