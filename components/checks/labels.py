"""The labels of source.sql's rows: not known yet, all the same, suddenly others, or known to a feature."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from components.checks.findings import DataCheck, Finding
from components.checks.looks.deviation import EXPECTED_ROWS, LEAST_ROWS, chance
from components.model.folder import Model
from components.profiles.distance import cells
from components.profiles.profile import ColumnProfiles, Profiles, label_population, profiles_by_day, profiles_by_span, sum_profiles
from components.snapshot.document import Snapshot
from components.snapshot.window import span_label_end
from components.wording import count, percent

LEAST_LEAK_ROWS = 200
"""Of each class: of fewer, chance may rank them."""
LEAK_BINS = 50
CHANCE_DEVIATIONS = 4.0
"""Standard deviations that chance may have."""
RARITY_FACTOR = 3.0
"""How many times rarer, or more frequent, the rarer class may become: a bound for labels that are rare anyway."""


def check_labels(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles, features: Sequence[str]) -> list[Finding]:
    """What is wrong with the labels, and which of the features know them."""
    return [
        *_immature(model, snapshot),
        *(_one_class(model, profiles) or _changed(model, profiles, past)),
        *_leaks(model, profiles, features),
    ]


def label_counts(model: Model, profiles: Profiles) -> dict[date, np.ndarray]:
    """Of each span, ascending, the rows with each label, int64 [labels]."""
    counts: dict[date, np.ndarray] = {}
    for label in range(len(model.label_names)):
        for day, table in profiles_by_day(profiles, label_population(label)).items():
            counts.setdefault(day, np.zeros(len(model.label_names), np.int64))[label] = next(iter(table.values())).rows
    return dict(sorted(counts.items()))


def _judged_labels(model: Model) -> range:
    """The labels that are looked at: of two, what is said of 1 says all of 0."""
    return range(len(model.label_names)) if model.classes else range(1, 2)


def _immature(model: Model, snapshot: Snapshot) -> list[Finding]:
    """Labels whose last day is still to come."""
    last = snapshot.partitions[-1].day
    immature = [span for span in snapshot.spans if span_label_end(model, span) > last]
    if not immature:
        return []
    return [
        Finding(
            check=DataCheck.LABEL,
            level="rows",
            column=model.rows.label,
            what=f"of span {immature[0]} is known on {span_label_end(model, immature[0])}, the last partition is {last}",
            remedy="load the partitions in between, or choose an earlier --through",
            since=immature[0],
            days=len(immature),
            measure=len(immature),
            touched=len(immature) / len(snapshot.spans),
        )
    ]


def _one_class(model: Model, profiles: Profiles) -> list[Finding]:
    """The whole window has one label: nothing can be learnt."""
    counts = label_counts(model, profiles)
    by_label = sum(counts.values(), np.zeros(len(model.label_names), np.int64))
    if by_label.sum() < LEAST_ROWS or np.count_nonzero(by_label) > 1:
        return []
    return [
        Finding(
            check=DataCheck.LABEL,
            level="rows",
            column=model.rows.label,
            what=f"is {model.label_names[int(by_label.argmax())]} in all {count(int(by_label.sum()))} rows",
            remedy="look at what source.sql takes for the label, and at partitions that are not whole",
            since=next(iter(counts)),
            days=len(counts),
        )
    ]


def _changed(model: Model, profiles: Profiles, past: Profiles) -> list[Finding]:
    """The first span in which the share of a label is another than in the span before, or than its own was."""
    counts, known = label_counts(model, profiles), label_counts(model, past)
    before = dict(sorted((counts | known).items()))
    for place, (day, found) in enumerate(counts.items()):
        was = known.get(day)
        if was is None:
            was = next((one for other, one in reversed(before.items()) if other < day), None)
        if was is None or min(found.sum(), was.sum()) < LEAST_ROWS:
            continue
        moved = [label for label in _judged_labels(model) if _is_another(found, was, label, model.checks.label_change)]
        if moved:
            label = max(moved, key=lambda label: abs(_share(found, label) - _share(was, label)))
            return [_change(model, label, day, found, was, days=len(counts) - place)]
    return []


def _share(counts: np.ndarray, label: int) -> float:
    return float(counts[label] / counts.sum())


def _change(model: Model, label: int, day: date, found: np.ndarray, was: np.ndarray, *, days: int) -> Finding:
    rate, before = _share(found, label), _share(was, label)
    is_flipped = not model.classes and abs(rate - (1 - before)) < abs(rate - before) / 4
    share = f"{percent(rate)} of {count(int(found.sum()))} rows, {percent(before)} before"
    return Finding(
        check=DataCheck.LABEL,
        level="rows",
        column=model.rows.label,
        what=f"of span {day} is {model.label_names[label]} in {share}{', as if it were turned round' if is_flipped else ''}",
        remedy=(
            "look at what source.sql takes for the label, and at partitions that are not whole; "
            "if the world changed, raise checks.label_change in model.toml"
        ),
        since=day,
        days=days,
        measure=abs(rate - before),
        threshold=model.checks.label_change,
        touched=abs(rate - before),
    )


def _is_another(found: np.ndarray, before: np.ndarray, label: int, allowed: float) -> bool:
    """Whether a share moved by more than is allowed and chance explains, or the rarer side became so much rarer or more frequent."""
    rows, rows_before, rate, was = int(found.sum()), int(before.sum()), _share(found, label), _share(before, label)
    noise = math.hypot(chance(was, rows, CHANCE_DEVIATIONS), chance(was, rows_before, CHANCE_DEVIATIONS))
    if abs(rate - was) <= noise:
        return False
    rare_before, rare = (was, rate) if was < 0.5 else (1 - was, 1 - rate)
    is_times = rare * RARITY_FACTOR < rare_before or rare > RARITY_FACTOR * rare_before
    return abs(rate - was) > allowed + noise or (rare_before * rows >= EXPECTED_ROWS and is_times)


def _leaks(model: Model, profiles: Profiles, features: Sequence[str]) -> list[Finding]:
    """Features that rank the labels alone: they know what cannot be known when the model is used."""
    by_label = [sum_profiles(profiles_by_day(profiles, label_population(label)).values()) for label in range(len(model.label_names))]
    aucs = {label: _aucs(by_label, label, features) for label in _judged_labels(model)}
    findings = []
    for name in features:
        auc, label = max(((found[name], label) for label, found in aucs.items() if name in found), default=(0.0, 0))
        if auc >= model.checks.leak_auc:
            told = f"the label {model.label_names[label]}" if model.classes else "the label"
            findings.append(
                Finding(
                    check=DataCheck.LEAK,
                    level="rows",
                    column=name,
                    what=f"ranks {told} alone (AUC {auc:.4f} of it by itself)",
                    remedy=f"it is computed from what is known only later: mend source.sql, or drop {name}",
                    days=len(profiles_by_span(profiles)),
                    measure=auc,
                    threshold=model.checks.leak_auc,
                )
            )
    return findings


def _aucs(by_label: Sequence[ColumnProfiles], label: int, features: Sequence[str]) -> dict[str, float]:
    """How well each feature alone tells the label from all others, where there are enough rows of both."""
    positive, negative = by_label[label], sum_profiles(table for other, table in enumerate(by_label) if other != label)
    aucs = {}
    for name in features:
        if name in negative and name in positive and min(negative[name].rows, positive[name].rows) >= LEAST_LEAK_ROWS:
            found = cells(negative[name], positive[name], bins=LEAK_BINS)
            aucs[name] = ranking_auc(found.before, found.after)
    return aucs


def ranking_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """The AUC of the best score that is one number a cell: cells in the order of their share of positives."""
    some = (negative + positive) > 0
    negative, positive = negative[some], positive[some]
    order = np.argsort(positive / (negative + positive), kind="stable")
    below = np.cumsum(negative[order]) - negative[order] / 2
    return float((positive[order] * below).sum() / max(negative.sum() * positive.sum(), 1))
