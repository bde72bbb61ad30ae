"""The labels of source.sql's rows: not known yet, all the same, suddenly others, or known to a feature."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from components.checks.findings import Check, Finding
from components.checks.measure import EXPECTED_ROWS, LEAST_ROWS, chance
from components.checks.row_finding import row_finding
from components.model import Model
from components.report.wording import count, percent
from components.snapshot.distance import cells
from components.snapshot.document import Snapshot
from components.snapshot.profile import Level, Profiles, add_tables, spans, tables
from components.snapshot.window import span_label_end

LEAST_LEAK_ROWS = 200
"""Of each class: of fewer, chance may rank them."""
LEAK_BINS = 50
DEVIATIONS = 4.0
"""Standard deviations that chance may have."""
RARER = 3.0
"""How many times rarer, or more frequent, the rarer class may become: a bound for labels that are rare anyway."""


def check_labels(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles, features: Sequence[str]) -> list[Finding]:
    """What is wrong with the labels, and which of the features know them."""
    return [
        *_immature(model, snapshot),
        *(_one_class(model, profiles) or _changed(model, profiles, past)),
        *_leaks(model, profiles, features),
    ]


def positive_rates(profiles: Profiles) -> dict[date, tuple[float, int]]:
    """Of each span, ascending, the share of rows with label 1, and its rows."""
    counts: dict[date, list[int]] = {}
    for level, place in ((Level.NEGATIVE, 0), (Level.POSITIVE, 1)):
        for day, table in tables(profiles, level).items():
            counts.setdefault(day, [0, 0])[place] = next(iter(table.values())).rows
    return {day: (found[1] / sum(found), sum(found)) for day, found in sorted(counts.items())}


def _immature(model: Model, snapshot: Snapshot) -> list[Finding]:
    """Labels whose last day is still to come."""
    last = snapshot.partitions[-1].day
    immature = [span for span in snapshot.spans if span_label_end(model, span) > last]
    if not immature:
        return []
    return [
        row_finding(
            Check.LABEL,
            model.rows.label,
            f"of span {immature[0]} is known on {span_label_end(model, immature[0])}, the last partition is {last}",
            "load the partitions in between, or choose an earlier --through",
            since=immature[0],
            days=len(immature),
            measure=len(immature),
            threshold=0.0,
            touched=len(immature) / len(snapshot.spans),
        )
    ]


def _one_class(model: Model, profiles: Profiles) -> list[Finding]:
    """The whole window has one label: nothing can be learnt."""
    rates = positive_rates(profiles)
    rows = sum(found[1] for found in rates.values())
    different = {rate for rate, _ in rates.values()}
    if rows < LEAST_ROWS or different not in ({0.0}, {1.0}):
        return []
    return [
        row_finding(
            Check.LABEL,
            model.rows.label,
            f"is {different.pop():.0f} in all {count(rows)} rows",
            "look at what source.sql takes for the label, and at partitions that are not whole",
            since=next(iter(rates)),
            days=len(rates),
            measure=1.0,
            threshold=0.0,
            touched=1.0,
        )
    ]


def _changed(model: Model, profiles: Profiles, past: Profiles) -> list[Finding]:
    """The first span whose share of positive labels is another than that of the span before, or than its own was."""
    label, rates, known = model.rows.label, positive_rates(profiles), positive_rates(past)
    before = dict(sorted((rates | known).items()))
    for place, (day, (rate, rows)) in enumerate(rates.items()):
        was = known.get(day) or next((found for other, found in reversed(before.items()) if other < day), None)
        if was is None or min(rows, was[1]) < LEAST_ROWS or not _is_another(rate, rows, *was, model.checks.label_change):
            continue
        flipped = ", as if it were turned round" if abs(rate - (1 - was[0])) < abs(rate - was[0]) / 4 else ""
        return [
            row_finding(
                Check.LABEL,
                label,
                f"of span {day} is 1 in {percent(rate)} of {count(rows)} rows, {percent(was[0])} before{flipped}",
                "look at what source.sql takes for the label, and at partitions that are not whole; "
                "if the world changed, raise checks.label_change in model.toml",
                since=day,
                days=len(rates) - place,
                measure=abs(rate - was[0]),
                threshold=model.checks.label_change,
                touched=abs(rate - was[0]),
            )
        ]
    return []


def _is_another(rate: float, rows: int, was: float, rows_before: int, allowed: float) -> bool:
    """Whether a rate moved by more than is allowed and chance explains, or the rarer class became so much rarer or more frequent."""
    noise = math.hypot(chance(was, rows, DEVIATIONS), chance(was, rows_before, DEVIATIONS))
    if abs(rate - was) <= noise:
        return False
    rare_before, rare = (was, rate) if was < 0.5 else (1 - was, 1 - rate)
    is_times = rare * RARER < rare_before or rare > RARER * rare_before
    return abs(rate - was) > allowed + noise or (rare_before * rows >= EXPECTED_ROWS and is_times)


def _leaks(model: Model, profiles: Profiles, features: Sequence[str]) -> list[Finding]:
    """Features that rank the labels alone: they know what cannot be known when the model is used."""
    negative, positive = (add_tables(tables(profiles, level).values()) for level in (Level.NEGATIVE, Level.POSITIVE))
    findings = []
    for name in features:
        if name not in negative or name not in positive or min(negative[name].rows, positive[name].rows) < LEAST_LEAK_ROWS:
            continue
        found = cells(negative[name], positive[name], bins=LEAK_BINS)
        auc = ranking_auc(found.before, found.after)
        if auc >= model.checks.leak_auc:
            findings.append(
                row_finding(
                    Check.LEAK,
                    name,
                    f"ranks the label alone (AUC {auc:.4f} of it by itself)",
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
