"""Check the rows of source.sql, span by span: features that died or drifted, within the window and since the champion."""

from collections.abc import Mapping
from datetime import date, timedelta

from components.checks.findings import Finding
from components.checks.labels import check_labels
from components.checks.window_coverage import check_cover, check_names
from components.looks.categories import lost_segment, new_values
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import nulls, same_value, standing
from components.looks.deviation import LEAST_ROWS, Deviation
from components.looks.drift import judge_drift, measure_distance
from components.looks.earlier_days import Look, Observation, Timeline, find_occurrences, first_deviation
from components.looks.values import far_out
from components.model.checks_section import ChecksSection
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, Profiles, profiles_by_span, sum_profiles
from components.snapshot.columns import read_domains
from components.snapshot.document import Snapshot

SPANS_BEFORE = 8
FEATURE_LOOKS: tuple[Look, ...] = (nulls, same_value, standing, far_out)


def check_rows(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles) -> list[Finding]:
    """Find what is wrong with the rows of the window's spans.

    Args:
        model: names the label, the segments and the thresholds.
        snapshot: what was pinned.
        profiles: the profiles of the spans' rows.
        past: those of the rows that the champion was trained on.
    """
    timeline = Timeline(
        profiles_by_span(profiles), profiles_by_span(past), known_days(profiles, past), SPANS_BEFORE, near=1, has_weekdays=False
    )
    features = [name for name in sum_profiles(timeline.days.values()) if name not in {model.rows.label, *model.checks.ignore}]
    domains = read_domains(model)
    findings = [
        *check_names(model, snapshot, timeline.days),
        *check_labels(model, snapshot, profiles, past, features),
        *check_cover(model, timeline.days, level="rows"),
    ]
    for name in features:
        broken = _broken_spans(model, name, timeline, has_domain=name in domains)
        findings += broken or _drifted(model, name, timeline.days, timeline.past)
    return findings


def known_days(profiles: Profiles, past: Profiles) -> frozenset[date]:
    """The days whose content has not changed since the champion was trained."""
    return frozenset({part.day for part in profiles if part in past} - {part.day for part in profiles if part not in past})


def _broken_spans(model: Model, name: str, timeline: Timeline, *, has_domain: bool) -> list[Finding]:
    """Find the spans in which a feature died, lacks a segment or jumped: one finding for each check.

    New values of a feature with a domain in schema.pbtxt are not reported: ExampleValidator checks them.
    """
    known = () if has_domain else (new_values,)
    segment = (lost_segment,) if name in model.checks.segments else ()
    looks: tuple[Look, ...] = (*FEATURE_LOOKS, *known, *segment, _jumped)
    longest = timedelta(days=2 * model.window.every_days)

    def judge(observation: Observation) -> Deviation | None:
        # What drifted since an old champion is reported for the window as a whole, not for its first span.
        is_next = observation.last_day is not None and observation.day - observation.last_day <= longest
        return first_deviation(looks, observation, model.checks) if is_next else None

    findings: dict[DataCheck, Finding] = {}
    for observation, deviation in find_occurrences(name, timeline, judge):
        if deviation.check not in findings:
            findings[deviation.check] = Finding(
                check=deviation.check,
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
    deviation = judge_drift(distance, now[name], model.checks.champion_drift, model.checks, what=what, remedy=remedy)
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
