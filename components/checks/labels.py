"""Check the labels of source.sql's rows: not known yet, all the same, suddenly different, or leaked by a feature."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from components.checks.coverage import WEEK, usual_distance
from components.checks.findings import Finding
from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import EXPECTED_ROWS, LEAST_ROWS, chance
from components.looks.history import FINDINGS_A_YEAR
from components.looks.usual import chance_of_day, odds
from components.model.folder import Model
from components.profiles.distance import cells, kolmogorov_smirnov
from components.profiles.profile import (
    ColumnProfile,
    ColumnProfiles,
    Profiles,
    label_population,
    profiles_by_day,
    profiles_by_span,
    sum_profiles,
)
from components.snapshot.document import Snapshot
from components.snapshot.window import span_label_end
from components.wording import count, number, percent

Known = TypeVar("Known")
LEAST_LEAK_ROWS = 200
"""A leak is looked for only with so many rows of each class: chance may rank fewer."""
LEAK_BINS = 50
CHANCE_DEVIATIONS = 4.0
"""A change within so many standard deviations may be chance."""
REMEDY = (
    "look at what source.sql takes for the label, and at partitions that are not whole; "
    "if the world changed, raise checks.label_change in model.toml"
)
RARITY_FACTOR = 3.0
"""By what factor the rarer class may become rarer or more frequent: a bound for labels that are rare anyway."""


def check_labels(model: Model, snapshot: Snapshot, profiles: Profiles, past: Profiles, features: Sequence[str]) -> list[Finding]:
    """Find what is wrong with the labels, and which features leak them."""
    moved = _moved_numbers(model, profiles, past) if model.task.is_regression else None
    return [
        *_immature(model, snapshot),
        *(moved if moved is not None else _one_class(model, profiles) or _changed(model, profiles, past)),
        *_leaks(model, profiles, features),
    ]


def _label_counts(model: Model, profiles: Profiles) -> dict[date, np.ndarray]:
    """How many rows have each label, int64 [labels], by span, ascending."""
    counts: dict[date, np.ndarray] = {}
    for label in range(len(model.label_names)):
        for day, table in profiles_by_day(profiles, label_population(label)).items():
            counts.setdefault(day, np.zeros(len(model.label_names), np.int64))[label] = next(iter(table.values())).rows
    return dict(sorted(counts.items()))


def _judged_labels(model: Model) -> range:
    """The labels to judge: a binary label is judged by its 1s only, the 0s are the complement."""
    return range(len(model.label_names)) if model.classes else range(1, 2)


def _moved_numbers(model: Model, profiles: Profiles, past: Profiles) -> list[Finding]:
    """The first span in which numbers are spread otherwise than in the span before, or than it was itself; rather one that blocks."""
    label = model.rows.label
    now, known = ({day: table[label] for day, table in profiles_by_span(each).items() if label in table} for each in (profiles, past))
    moves = [*_moves(model, now, known)]
    return [next((move for move in moves if move.blocks), moves[0])] if moves else []


def _moves(model: Model, now: Mapping[date, ColumnProfile], known: Mapping[date, ColumnProfile]) -> Iterator[Finding]:
    """The spans in which numbers moved. If it is known how they move from span to span, as by the weekday, one span alone only warns.

    The distance is that of Kolmogorov and Smirnov: by how much the share of labels below some number changed at most.
    """
    bound, spans, order = model.checks.of(model.rows.label).label_change, dict(sorted(({**now} | {**known}).items())), [*now]
    for position, (day, column) in enumerate(now.items()):
        was = _was(day, known, spans)
        if was is None or min(column.numbers, was.numbers) < LEAST_ROWS or bound >= 1:
            continue
        noise = math.hypot(chance(0.5, column.numbers, CHANCE_DEVIATIONS), chance(0.5, was.numbers, CHANCE_DEVIATIONS))
        moved, bucket = kolmogorov_smirnov(was, column)
        usual = _chance_of_numbers(bucket, day, spans | {**now}) if moved > bound + noise else 1.0
        if usual is not None and usual > FINDINGS_A_YEAR / 365:
            continue
        move, after = _numbers_finding(model, day, column, was, moved=moved, days=len(now) - position), order[position + 1 : position + 2]
        is_lone = all(kolmogorov_smirnov(was, now[next_day]) < kolmogorov_smirnov(column, now[next_day]) for next_day in after)
        yield replace(move, severity=Severity.WARNS) if is_lone and usual is not None else move


def _chance_of_numbers(bucket: int, day: date, columns: Mapping[date, ColumnProfile]) -> float | None:
    """The probability of the share of numbers up to a bucket in a span by what it is in the others; None where too few are known."""
    up_to = {span: float(column.counts[column.keys <= bucket].sum()) for span, column in columns.items() if column.numbers >= LEAST_ROWS}
    return chance_of_day(day, {span: odds(rows, columns[span].numbers, 1.0) for span, rows in up_to.items()}, sides=2)


def _was(day: date, known: Mapping[date, Known], spans: dict[date, Known]) -> Known | None:
    """What a span was itself, or what the one before it is, of spans in ascending order; None where neither is known."""
    earlier = (found for other, found in reversed(spans.items()) if other < day)
    return known[day] if day in known else next(earlier, None)


def _numbers_finding(model: Model, day: date, now: ColumnProfile, was: ColumnProfile, *, moved: float, days: int) -> Finding:
    (mean, median), (mean_before, median_before) = ((number(each.mean), number(each.quantile(0.5))) for each in (now, was))
    return Finding(
        check=DataCheck.LABEL,
        level="rows",
        column=model.rows.label,
        what=(
            f"of span {day} has other numbers: mean {mean} and median {median} of {count(now.numbers)} rows, "
            f"{mean_before} and {median_before} before (Kolmogorov-Smirnov {moved:.2f})"
        ),
        remedy=REMEDY,
        since=day,
        days=days,
        measure=moved,
        threshold=model.checks.of(model.rows.label).label_change,
        touched=moved,
    )


def _immature(model: Model, snapshot: Snapshot) -> list[Finding]:
    """Spans whose labels depend on days that are still to come. After the last partition there may be days that never have one."""
    last = snapshot.partitions[-1].day
    distance = usual_distance([partition.day for partition in snapshot.partitions])
    whole = last + timedelta(days=int(distance) - 1) if distance > WEEK else last  # of a table with a partition a month
    immature = [span for span in snapshot.spans if not _has_ended(model, whole, span_label_end(model, span))]
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


def _has_ended(model: Model, last: date, end: date) -> bool:
    """Whether no partition can be missing from the day after the last one to the end."""
    days = (last + timedelta(days=i) for i in range(1, (end - last).days + 1))
    return all(model.checks.is_closed(day) for day in days)


def _one_class(model: Model, profiles: Profiles) -> list[Finding]:
    """The whole window has one label, from which nothing can be learnt."""
    counts = _label_counts(model, profiles)
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
    """The first span in which the share of a label differs from the span before, or from its own earlier one; rather one that blocks."""
    changes = [*_changes(model, _label_counts(model, profiles), _label_counts(model, past))]
    return [next((change for change in changes if change.blocks), changes[0])] if changes else []


def _changes(model: Model, counts: Mapping[date, np.ndarray], known: Mapping[date, np.ndarray]) -> Iterator[Finding]:
    """The spans in which the share of a label moved. If it is known how it moves from span to span, one span alone only warns."""
    spans, allowed, order = dict(sorted(({**counts} | {**known}).items())), model.checks.of(model.rows.label).label_change, [*counts]
    for position, (day, now) in enumerate(counts.items()):
        was = _was(day, known, spans)
        if was is None or min(now.sum(), was.sum()) < LEAST_ROWS:
            continue
        moved = {label: _chance(label, day, spans | {**counts}) for label in _judged_labels(model) if _is_another(now, was, label, allowed)}
        moved = {label: chance for label, chance in moved.items() if chance is None or chance <= FINDINGS_A_YEAR / 365}
        if not moved:
            continue
        label = max(moved, key=lambda label: abs(_share(now, label) - _share(was, label)))
        change = _change(model, label, day, now, was, days=len(counts) - position)
        is_lone = all(_is_back(label, was, now, counts[after]) for after in order[position + 1 : position + 2])
        yield replace(change, severity=Severity.WARNS) if is_lone and moved[label] is not None else change


def _is_back(label: int, was: np.ndarray, now: np.ndarray, after: np.ndarray) -> bool:
    """Whether a label's share is nearer to what it was than to what it became."""
    return abs(_share(after, label) - _share(was, label)) < abs(_share(after, label) - _share(now, label))


def _chance(label: int, day: date, counts: Mapping[date, np.ndarray]) -> float | None:
    """The probability of the share of a label in a span by what it is in the others; None where too few are known."""
    measured = {span: odds(float(found[label]), float(found.sum()), 1.0) for span, found in counts.items() if found.sum() >= LEAST_ROWS}
    return chance_of_day(day, measured, sides=2)


def _share(counts: np.ndarray, label: int) -> float:
    return float(counts[label] / counts.sum())


def _change(model: Model, label: int, day: date, now: np.ndarray, was: np.ndarray, *, days: int) -> Finding:
    rate, before = _share(now, label), _share(was, label)
    is_flipped = not model.classes and abs(rate - (1 - before)) < abs(rate - before) / 4
    share = f"{percent(rate)} of {count(int(now.sum()))} rows, {percent(before)} before"
    return Finding(
        check=DataCheck.LABEL,
        level="rows",
        column=model.rows.label,
        what=f"of span {day} is {model.label_names[label]} in {share}{', as if it were turned round' if is_flipped else ''}",
        remedy=REMEDY,
        since=day,
        days=days,
        measure=abs(rate - before),
        threshold=model.checks.of(model.rows.label).label_change,
        touched=abs(rate - before),
    )


def _is_another(now: np.ndarray, before: np.ndarray, label: int, allowed: float) -> bool:
    """Whether a share changed by more than the allowed and chance, or the rarer side by more than RARITY_FACTOR.

    1, which no change exceeds, turns both off.
    """
    if allowed >= 1:
        return False
    rows, rows_before, rate, was = int(now.sum()), int(before.sum()), _share(now, label), _share(before, label)
    noise = math.hypot(chance(was, rows, CHANCE_DEVIATIONS), chance(was, rows_before, CHANCE_DEVIATIONS))
    if abs(rate - was) <= noise:
        return False
    rare_before, rare = (was, rate) if was < 0.5 else (1 - was, 1 - rate)
    is_times = rare * RARITY_FACTOR < rare_before or rare > RARITY_FACTOR * rare_before
    return abs(rate - was) > allowed + noise or (rare_before * rows >= EXPECTED_ROWS and is_times)


def _leaks(model: Model, profiles: Profiles, features: Sequence[str]) -> list[Finding]:
    """Features that rank the labels by themselves: they know what is not known when the model is used."""
    by_label = [sum_profiles(profiles_by_day(profiles, label_population(part)).values()) for part in range(model.task.populations)]
    aucs = {label: _aucs(by_label, label, features) for label in _judged_labels(model)}
    findings = []
    for name in features:
        auc, label = max(((by_name[name], label) for label, by_name in aucs.items() if name in by_name), default=(0.0, 0))
        if auc >= model.checks.of(name).leak_auc:
            subject = f"the label {model.label_names[label]}" if model.classes else "the label"
            subject = "labels above their median" if model.task.is_regression else subject
            findings.append(
                Finding(
                    check=DataCheck.LEAK,
                    level="rows",
                    column=name,
                    what=f"ranks {subject} alone (AUC {auc:.4f} of it by itself)",
                    remedy=f"it is computed from what is known only later: mend source.sql, or drop {name}",
                    days=len(profiles_by_span(profiles)),
                    measure=auc,
                    threshold=model.checks.of(name).leak_auc,
                )
            )
    return findings


def _aucs(by_label: Sequence[ColumnProfiles], label: int, features: Sequence[str]) -> dict[str, float]:
    """How well each feature alone separates a label from all others, of the features with enough rows of both."""
    positive, negative = by_label[label], sum_profiles(table for other, table in enumerate(by_label) if other != label)
    aucs = {}
    for name in features:
        if name in negative and name in positive and min(negative[name].rows, positive[name].rows) >= LEAST_LEAK_ROWS:
            shared = cells(negative[name], positive[name], bins=LEAK_BINS)
            aucs[name] = _ranking_auc(shared.before, shared.after)
    return aucs


def _ranking_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """The AUC of the best score with one value for each cell: cells ranked by their share of positives."""
    is_filled = (negative + positive) > 0
    negative, positive = negative[is_filled], positive[is_filled]
    order = np.argsort(positive / (negative + positive), kind="stable")
    below = np.cumsum(negative[order]) - negative[order] / 2
    return float((positive[order] * below).sum() / max(negative.sum() * positive.sum(), 1))
