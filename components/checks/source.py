"""Check the columns of the source table, partition by partition: values of another kind, dead columns, and sudden shifts."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

from components.calendar.clock import lost_hours, moved_clock
from components.calendar.dates import date_beyond, distance_ratio, more_of_a_year, moved_dates, standing_date, tied_date
from components.checks.findings import Finding
from components.checks.window_coverage import check_cover
from components.looks.categories import lost_segment, lost_value, new_common_value, new_form, new_values
from components.looks.clusters import as_one_of_cluster, look_at_clusters
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import LEAST_PAIRS, chance_of_same, frozen, null_level, null_odds, nulls, same_value, signature
from components.looks.deviation import NEGLIGIBLE_PROBABILITY
from components.looks.drift import are_swapped, divergence_ratio, shifted
from components.looks.earlier_days import Look, Occurrences, Timeline
from components.looks.history import Looks, follow
from components.looks.parts import (
    below_odds,
    cut_short,
    lost_decimals,
    lost_sign,
    lost_zeros,
    more_below,
    more_zeros,
    never_filled,
    zero_odds,
)
from components.looks.sparse import pool, pooled_partitions
from components.looks.unit import other_measure, other_unit
from components.looks.values import damaged, more_text, out_of_range, stretched, text, text_odds, unfinite
from components.model.checks_section import ChecksSection
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, sum_profiles

COLUMN_LOOKS: tuple[Look, ...] = (
    text,
    more_text,
    unfinite,
    damaged,
    stretched,
    nulls,
    same_value,
    frozen,
    new_values,
    new_common_value,
    new_form,
    lost_zeros,
    cut_short,
    lost_segment,
    moved_clock,
    lost_hours,
    other_measure,
    shifted,
    out_of_range,
    other_unit,
    lost_sign,
    never_filled,
    lost_decimals,
    more_below,
    more_zeros,
    lost_value,
)
"""In this order; once one of them finds something in a column and a partition, the rest are skipped."""
LOOKS = Looks(
    all=COLUMN_LOOKS,
    certain=frozenset({unfinite, damaged, stretched, frozen}),
    rates={nulls: null_odds, more_text: text_odds, shifted: divergence_ratio, more_below: below_odds, more_zeros: zero_odds},
    level=null_level,
    deadly=frozenset({nulls}),
    weekly=frozenset({lost_hours}),
    one_way=frozenset({frozen, cut_short}),  # numbers in a text grow longer
)
DATE_LOOKS = Looks(
    all=(tied_date, date_beyond, standing_date, moved_dates, more_of_a_year),
    certain=frozenset(),
    rates={moved_dates: distance_ratio},
)
"""At the dates of a column that is well otherwise."""
WITHOUT_SEGMENT = replace(LOOKS, all=tuple(look for look in COLUMN_LOOKS if look is not lost_segment))


CLOSED_DAYS = 21
"""In a first run a value that left so long ago is one that is no more."""


def check_source(
    model: Model, days: Mapping[date, ColumnProfiles], past: Mapping[date, ColumnProfiles], known: Collection[date] = ()
) -> list[Finding]:
    """Find what is wrong with the columns of the pinned partitions: one finding for each column and check.

    Args:
        model: names the ignored columns and the thresholds.
        days: the pinned partitions.
        past: the partitions that the champion was trained on.
        known: those of `days` that are the same as the champion's.
    """
    days, past = (as_one_of_cluster(each, model.checks.cluster) for each in (days, past))
    whole, timeline = sum_profiles(days.values()), Timeline(days, past, frozenset(known))
    ignored = {model.rows.key, model.source.partition_field, *model.checks.ignore}
    columns = [name for name in whole if name not in ignored]
    occurrences = _find_in_columns(columns, timeline, model.checks)
    size = pooled_partitions({**past, **days})
    pooled = pool(timeline, size) if size > 1 else None
    in_groups = _find_in_columns([name for name in columns if not occurrences[name]], pooled, model.checks) if pooled else {}
    copied = _copied(timeline, columns)
    dropped = {finding.since for finding in copied}
    swapped = _swapped(occurrences, days, model.checks)
    findings = [
        _finding(name, days_wrong, days)
        for name in columns
        for check, days_wrong in occurrences[name].items()
        if not (check == DataCheck.FROZEN and days_wrong[0][0].day in dropped) and not any(name in names for names in swapped)
    ]
    findings += [_finding(name, wrong, pooled.days, size) for name, by_check in in_groups.items() for wrong in by_check.values() if pooled]
    findings = [_of_label(model, finding) if finding.column == model.rows.label else finding for finding in findings]
    told = {one.day for by_check in occurrences.values() for wrong in by_check.values() for one, found in wrong if found.blocks}
    return [*check_cover(model, days, level="source"), *copied, *_of_clusters(timeline, told), *swapped.values(), *findings]


def _of_clusters(timeline: Timeline, told: Collection[date]) -> list[Finding]:
    """How rows belong together on the days on which nothing is wrong with a column, which would change how rows are alike."""
    tables = {day: table for day, table in {**timeline.past, **timeline.days}.items() if day not in told}
    return [
        Finding(
            check=found.check,
            level="source",
            since=wrong[0],
            days=len(wrong),
            measure=found.measure,
            threshold=found.threshold,
            what=found.what,
            remedy=found.remedy,
        )
        for wrong, found in look_at_clusters(tables, timeline.days.keys() - {*timeline.known, *told})
    ]


def _of_label(model: Model, finding: Finding) -> Finding:
    """A finding about the label, which may be missing because it is not known yet."""
    if finding.check != DataCheck.NULLS:
        return finding
    delay = f"raise rows.label_delay_days of model.toml, which is {model.rows.label_delay_days}"
    return replace(finding, remedy=f"{finding.remedy}; if labels are known later, {delay}, and name {finding.column} in checks.ignore")


def _find_in_columns(columns: Sequence[str], timeline: Timeline, checks: ChecksSection) -> dict[str, dict[DataCheck, Occurrences]]:
    """Where something is wrong with a column, by check; with its dates, where nothing else is."""
    found = follow(timeline, columns, lambda name: LOOKS if name in checks.segments else WITHOUT_SEGMENT, checks)
    dated = {name for table in timeline.days.values() for name, column in table.items() if column.times and len(column.keys)}
    found |= follow(timeline, [name for name in columns if name in dated and not found[name]], lambda _: DATE_LOOKS, checks)
    by_check: dict[str, dict[DataCheck, Occurrences]] = {name: {} for name in columns}
    for name, occurrences in found.items():
        for observation, deviation in sorted(occurrences, key=lambda one: one[0].day):
            by_check[name].setdefault(deviation.check, []).append((observation, deviation))
    kept = {name: _without_allowed(of, checks.of(name), timeline.partitions) for name, of in by_check.items()}
    return {name: _without_closed(of, timeline, name in checks.segments) for name, of in kept.items()} if not timeline.past else kept


def _without_closed(by_check: Mapping[DataCheck, Occurrences], timeline: Timeline, is_segment: bool) -> dict[DataCheck, Occurrences]:
    """In a first run a value that left long ago, and has not come back, warns: a shop that closed is no load that failed."""
    wrong = by_check.get(DataCheck.COVERAGE, [])
    since = max(timeline.days) - timedelta(days=CLOSED_DAYS)
    is_gone = bool(wrong) and wrong[0][0].day <= since and wrong[-1][0].day == max(timeline.days) and not wrong[0][0].now.times
    if not is_gone or is_segment:
        return dict(by_check)
    return {**by_check, DataCheck.COVERAGE: [(one, replace(found, severity=Severity.WARNS)) for one, found in wrong]}


def _without_allowed(by_check: Mapping[DataCheck, Occurrences], checks: ChecksSection, size: int) -> dict[DataCheck, Occurrences]:
    """Without what lasts no longer than model.toml allows a column to stand still."""
    allowed = {DataCheck.CONSTANT: checks.constant_days, DataCheck.FROZEN: checks.frozen_days}
    return {check: _since_it_blocks(wrong) for check, wrong in by_check.items() if size * len(wrong) > allowed.get(check, 0)}


def _since_it_blocks(wrong: Occurrences) -> Occurrences:
    """Without the days before the first that blocks, which warn of something else."""
    return wrong[next((place for place, (_, found) in enumerate(wrong) if found.blocks), 0) :]


def _finding(name: str, occurrences: Occurrences, days: Mapping[date, ColumnProfiles], size: int = 1) -> Finding:
    """One finding for all partitions, or groups of `size` partitions, in which the same thing is wrong."""
    observation, first = occurrences[0]
    earlier = [] if observation.is_backward else [day for day in days if day < observation.day]
    more = f", and in {size * (len(occurrences) - 1)} more since" if len(occurrences) > 1 else ""
    until = (
        f"; {first.before} until {max(earlier)}"
        if first.before and earlier
        else f"; {first.before} {'on the days after' if observation.is_backward else 'before'}"
        if first.before
        else ""
    )
    rows = sum(table[name].rows for day, table in days.items() if day >= observation.day and name in table)
    return Finding(
        check=first.check,
        severity=Severity.BLOCKS if any(deviation.blocks for _, deviation in occurrences) else first.severity,
        level="source",
        column=name,
        since=observation.day,
        days=size * len(occurrences),
        measure=first.measure,
        threshold=first.threshold,
        touched=min(1.0, sum(deviation.rows for _, deviation in occurrences) / max(rows, 1)),
        what=f"of {f'the {size} partitions from' if size > 1 else 'partition'} {observation.day} {first.what}{more}{until}",
        remedy=first.remedy,
    )


def _copied(timeline: Timeline, columns: Sequence[str]) -> list[Finding]:
    """Partitions that repeat the rows of an earlier one exactly: one finding instead of one for each column."""
    tables = {
        day: {name: table[name] for name in columns if name in table and not table[name].times} for day, table in timeline.days.items()
    }
    first, copies = dict[Hashable, date](), []
    for day in sorted(tables):
        rows = frozenset((name, signature(column)) for name, column in tables[day].items())
        if day not in timeline.known and rows in first and chance_of_same([*tables[day].values()]) <= NEGLIGIBLE_PROBABILITY:
            copies.append((day, first[rows]))
        first[rows] = day
    if not copies or len(tables) < len(copies) + LEAST_PAIRS + 1:  # the table repeats itself every day
        return []
    (day, twin), more = copies[0], f", and {len(copies) - 1} more are copies" if len(copies) > 1 else ""
    return [
        Finding(
            check=DataCheck.FROZEN,
            level="source",
            since=day,
            days=len(copies),
            what=f"partition {day} has to the digit the rows of partition {twin}{more}",
            remedy="look for an export that wrote the same rows again",
        )
    ]


def _swapped(
    occurrences: Mapping[str, Mapping[DataCheck, Occurrences]], days: Mapping[date, ColumnProfiles], checks: ChecksSection
) -> dict[tuple[str, str], Finding]:
    """Pairs of columns that go wrong in the same partition because each holds what the other one held."""
    sole = {name: next(iter(by_check.items())) for name, by_check in occurrences.items() if len(by_check) == 1}
    first = {name: occurrence[0] for name, (_, occurrence) in sole.items()}
    swapped = {}
    for one, other in combinations(first, 2):
        (observation, deviation), (other_observation, _) = first[one], first[other]
        if observation.day == other_observation.day and are_swapped(observation, other_observation, checks):
            what = f"and column {other} have changed places: each has what the other one had"
            swap = replace(
                deviation, check=DataCheck.SWAPPED, what=what, remedy="put them back in order where the data are prepared", before=""
            )
            swapped[one, other] = _finding(one, [(observation, swap), *occurrences[one][deviation.check][1:]], days)
    return swapped
