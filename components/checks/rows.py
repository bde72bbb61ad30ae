"""The rows that source.sql gives, span by span: features that died or moved, in a span and since the champion."""

from collections.abc import Mapping
from datetime import date, timedelta

from components.checks.findings import DataCheck, Finding, Severity
from components.checks.labels import check_labels
from components.checks.looks.categories import lost_segment, new_values
from components.checks.looks.dead import nulls, same_value, standing
from components.checks.looks.deviation import LEAST_ROWS, Deviation
from components.checks.looks.drift import judge_drift, measure_distance
from components.checks.looks.earlier_days import Look, Observation, Timeline, find_occurrences, first_deviation
from components.checks.looks.values import far_out
from components.checks.window_coverage import check_cover, check_names
from components.model.folder import ChecksSection, Model
from components.profiles.profile import ColumnProfiles, Profiles, profiles_by_span, sum_profiles
from components.snapshot.columns import read_domains
from components.snapshot.document import Snapshot

SPANS_BEFORE = 8
FEATURE_LOOKS: tuple[Look, ...] = (nulls, same_value, standing, far_out)


def check_rows(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles) -> list[Finding]:
    """What is wrong with the rows of the window's spans.

    Args:
        model: names the label, the segments and the thresholds.
        snapshot: what was pinned.
        profiles: of the spans' rows.
        past: of those that the champion was trained on.
    """
    course = Timeline(
        profiles_by_span(profiles), profiles_by_span(past), known_days(profiles, past), SPANS_BEFORE, near=1, has_weekdays=False
    )
    features = [name for name in sum_profiles(course.days.values()) if name not in {model.rows.label, *model.checks.ignore}]
    domains = read_domains(model)
    findings = [
        *check_names(model, snapshot, course.days),
        *check_labels(model, snapshot, profiles, past, features),
        *check_cover(model, course.days, level="rows"),
    ]
    for name in features:
        found = _spans(model, name, course, has_domain=name in domains)
        findings += found or _moved(model, name, course.days, course.past)
    return findings


def known_days(profiles: Profiles, past: Profiles) -> frozenset[date]:
    """The days whose content is the same as in the past."""
    return frozenset({part.day for part in profiles if part in past} - {part.day for part in profiles if part not in past})


def _spans(model: Model, name: str, course: Timeline, *, has_domain: bool) -> list[Finding]:
    """A feature that died in a span, lacks a segment, or moved at once: one finding for each check.

    Values of a domain in schema.pbtxt are expected before they were ever there; ExampleValidator looks at the others.
    """
    known = () if has_domain else (new_values,)
    segment = (lost_segment,) if name in model.checks.segments else ()
    looks: tuple[Look, ...] = (*FEATURE_LOOKS, *known, *segment, _jumped)
    longest = timedelta(days=2 * model.window.every_days)

    def judge(step: Observation) -> Deviation | None:
        # Held against an old champion, what moved since is told for the window as a whole.
        is_next = step.last_day is not None and step.day - step.last_day <= longest
        return first_deviation(looks, step, model.checks) if is_next else None

    findings: dict[DataCheck, Finding] = {}
    for step, measure in find_occurrences(name, course, judge):
        if measure.check not in findings:
            findings[measure.check] = Finding(
                check=measure.check,
                level="rows",
                column=name,
                what=f"of span {step.day} {measure.what}{f'; {measure.before} before' if measure.before else ''}",
                remedy=measure.remedy,
                since=step.day,
                days=1,
                measure=measure.measure,
                threshold=measure.threshold,
                touched=measure.rows / max(step.now.rows, 1),
            )
    return [*findings.values()]


def _jumped(step: Observation, checks: ChecksSection) -> Deviation | None:
    """Other values than a span before: the rows are mostly the same entities, and cannot have changed so much."""
    if step.now.rows < LEAST_ROWS:
        return None
    remedy = "look at source.sql, and at the partitions since then; if the world changed, raise {0} in model.toml"
    found = measure_distance(step.before, step.now)
    return judge_drift(found, step.now, checks.span_drift, checks, what="has other values than a span before", remedy=remedy)


def _moved(model: Model, name: str, days: Mapping[date, ColumnProfiles], past: Mapping[date, ColumnProfiles]) -> list[Finding]:
    """A feature that is not what it was when the champion was trained."""
    now, before = (sum_profiles([table for table in some.values() if name in table]) for some in (days, past))
    if name not in now or name not in before:
        return []
    found = measure_distance(before[name], now[name])
    what, remedy = "has moved since the champion was trained", "nothing, if the world moved: that is a reason to train"
    measure = judge_drift(found, now[name], model.checks.champion_drift, model.checks, what=what, remedy=remedy)
    if measure is None:
        return []
    return [
        Finding(
            check=DataCheck.DRIFT,
            level="rows",
            column=name,
            what=measure.what,
            remedy=remedy,
            days=len(days),
            measure=measure.measure,
            threshold=measure.threshold,
            touched=measure.measure,
            severity=Severity.WARNS,
        )
    ]
