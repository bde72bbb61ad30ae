"""The rows that source.sql gives, span by span: labels, features that know them, features that died or moved."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from components.checks.findings import Check, Finding, Severity
from components.checks.history import steps
from components.checks.measures import LEAST_ROWS, divergence, new_values, nulls, same_value, vanished
from components.model import Model
from components.report.wording import count, percent
from components.snapshot.distance import cells
from components.snapshot.document import Snapshot
from components.snapshot.profile import Level, Profiles, Table, add_tables, spans, tables
from components.snapshot.window import span_label_end

LEAST_LEAK_ROWS = 200
LEAK_BINS = 50


def check_rows(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles) -> list[Finding]:
    """What is wrong with the rows of the window's spans.

    Args:
        model: names the label, the segments and the thresholds.
        snapshot: what was pinned.
        profiles: of the spans' rows.
        past: of those that the champion was trained on.
    """
    days, before = spans(profiles), spans(past)
    features = [name for name in add_tables(days.values()) if name not in {model.rows.label, *model.checks.ignore}]
    return [
        *_labels(model, snapshot, profiles, past),
        *_leaks(model, profiles, features),
        *(finding for name in features for finding in _feature(model, name, days, before)),
    ]


def row_finding(
    check: Check,
    column: str,
    what: str,
    remedy: str,
    *,
    since: date | None,
    days: int,
    measure: float,
    threshold: float,
    touched: float,
    severity: Severity = Severity.BLOCKS,
) -> Finding:
    """A finding about source.sql's rows."""
    return Finding(
        check=check,
        severity=severity,
        level="rows",
        column=column,
        since=since,
        days=days,
        measure=measure,
        threshold=threshold,
        touched=touched,
        what=what,
        remedy=remedy,
    )


def positive_rates(profiles: Profiles) -> dict[date, tuple[float, int]]:
    """Of each span the share of rows with label 1, and its rows."""
    counts: dict[date, list[int]] = {}
    for level, place in ((Level.NEGATIVE, 0), (Level.POSITIVE, 1)):
        for day, table in tables(profiles, level).items():
            counts.setdefault(day, [0, 0])[place] = next(iter(table.values())).rows
    return {day: (found[1] / sum(found), sum(found)) for day, found in sorted(counts.items())}


def _labels(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles) -> list[Finding]:
    """Labels that are not known yet, all the same, or suddenly others."""
    label, findings = model.rows.label, []
    last = snapshot.partitions[-1].day
    immature = [span for span in snapshot.spans if span_label_end(model, span) > last]
    if immature:
        what = f"of span {immature[0]} is known on {span_label_end(model, immature[0])}, the last partition is {last}"
        findings.append(
            row_finding(
                Check.LABEL,
                label,
                what,
                "load the partitions in between, or choose an earlier --through",
                since=immature[0],
                days=len(immature),
                measure=len(immature),
                threshold=0.0,
                touched=len(immature) / len(snapshot.spans),
            )
        )
    rates, known = positive_rates(profiles), positive_rates(past)
    allowed = model.checks.label_change
    for place, (day, (rate, rows)) in enumerate(rates.items()):
        earlier = [found for other, found in {**rates, **known}.items() if other < day]
        was = known.get(day) or (earlier[-1] if earlier else None)
        if rows < LEAST_ROWS or was is None:
            continue
        noise = 4 * (was[0] * (1 - was[0]) * (1 / rows + 1 / was[1])) ** 0.5
        if abs(rate - was[0]) > allowed + noise:
            flipped = ", as if it were turned round" if abs(rate - (1 - was[0])) < abs(rate - was[0]) / 4 else ""
            what = f"of span {day} is 1 in {percent(rate)} of {count(rows)} rows, {percent(was[0])} before{flipped}"
            findings.append(
                row_finding(
                    Check.LABEL,
                    label,
                    what,
                    "look at what source.sql takes for the label, and at partitions that are not whole",
                    since=day,
                    days=len(rates) - place,
                    measure=abs(rate - was[0]),
                    threshold=allowed,
                    touched=abs(rate - was[0]),
                )
            )
            break
    return findings


def _leaks(model: Model, profiles: Profiles, features: list[str]) -> list[Finding]:
    """Features that rank the labels alone: they know what cannot be known when the model is used."""
    negative, positive = (add_tables(tables(profiles, level).values()) for level in (Level.NEGATIVE, Level.POSITIVE))
    findings = []
    for name in features:
        if name in negative and name in positive and min(negative[name].rows, positive[name].rows) >= LEAST_LEAK_ROWS:
            found = cells(negative[name], positive[name], bins=LEAK_BINS)
            auc = ranking_auc(found.before, found.after)
            if auc >= model.checks.leak_auc:
                what = f"ranks the label alone (AUC {auc:.4f} of it by itself)"
                findings.append(
                    row_finding(
                        Check.LEAK,
                        name,
                        what,
                        f"it is computed from what is known only later: mend source.sql, or drop {name}",
                        since=None,
                        days=len(spans(profiles)),
                        measure=auc,
                        threshold=model.checks.leak_auc,
                        touched=1.0,
                    )
                )
    return findings


def ranking_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """The AUC of the best score that is one number a cell: cells in the order of their share of positives."""
    some = (negative + positive) > 0
    negative, positive = negative[some], positive[some]
    order = np.argsort(positive / (negative + positive), kind="stable")
    below = np.cumsum(negative[order]) - negative[order] / 2
    return float((positive[order] * below).sum() / max(negative.sum() * positive.sum(), 1))


def _feature(model: Model, name: str, days: Mapping[date, Table], past: Mapping[date, Table]) -> list[Finding]:
    """A feature that died in a span, lacks a segment, moved at once, or has moved since the champion."""
    findings: dict[Check, Finding] = {}
    for step in steps(name, days, past, window=1):
        if step.last_day is None or step.day - step.last_day > timedelta(days=2 * model.window.every_days):
            continue  # an old champion: what moved since is told for the window as a whole
        judged = (
            nulls(step, model.checks)
            or same_value(step, model.checks)
            or (vanished(step) if name in model.checks.segments else None)
            or new_values(step, model.checks)
        )
        if judged and judged.check not in findings:
            findings[judged.check] = row_finding(
                judged.check,
                name,
                f"of span {step.day} {judged.what}",
                judged.remedy,
                since=step.day,
                days=1,
                measure=judged.measure,
                threshold=judged.threshold,
                touched=judged.rows / max(step.now.rows, 1),
            )
        found = divergence(step.before, step.now) if step.before else 0.0
        if found > model.checks.span_drift and not findings:
            what = f"of span {step.day} has other values than a span before (Jensen-Shannon {found:.2f})"
            findings[Check.DRIFT] = row_finding(
                Check.DRIFT,
                name,
                what,
                "look at source.sql, and at the partitions since then",
                since=step.day,
                days=1,
                measure=found,
                threshold=model.checks.span_drift,
                touched=found,
            )
    return [*findings.values(), *(_moved(model, name, days, past) if not findings else [])]


def _moved(model: Model, name: str, days: Mapping[date, Table], past: Mapping[date, Table]) -> list[Finding]:
    now, before = (add_tables([table for table in some.values() if name in table]) for some in (days, past))
    found = divergence(before[name], now[name]) if name in before and name in now else 0.0
    if found <= model.checks.champion_drift:
        return []
    what = f"has moved since the champion was trained (Jensen-Shannon {found:.2f})"
    return [
        row_finding(
            Check.DRIFT,
            name,
            what,
            "nothing, if the world moved: that is a reason to train",
            since=None,
            days=len(days),
            measure=found,
            threshold=model.checks.champion_drift,
            touched=found,
            severity=Severity.WARNS,
        )
    ]
