"""The columns of the source table, partition by partition: values of another kind, columns that died, and sudden shifts."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations

from components.checks.findings import DataCheck, Finding, Severity
from components.checks.looks.categories import lost_segment, lost_value, new_values
from components.checks.looks.clock import lost_hours, moved_clock
from components.checks.looks.dead import chance_of_same, frozen, nulls, same_value, signature
from components.checks.looks.deviation import NEGLIGIBLE_PROBABILITY, Deviation
from components.checks.looks.drift import are_swapped, shifted
from components.checks.looks.earlier_days import Look, Observation, Occurrences, Timeline, find_occurrences, first_deviation
from components.checks.looks.values import damaged, out_of_range, stretched, text, unfinite
from components.checks.window_coverage import check_cover
from components.model.folder import ChecksSection, Model
from components.profiles.profile import ColumnProfile, ColumnProfiles, sum_profiles

COLUMN_LOOKS: tuple[Look, ...] = (
    text,
    unfinite,
    damaged,
    stretched,
    nulls,
    same_value,
    frozen,
    new_values,
    lost_segment,
    moved_clock,
    lost_hours,
    shifted,
    out_of_range,
    lost_value,
)
"""Where one found something, those after it are not asked."""
STRAY_TEXT_SHARE = 0.1
"""Of the values of a column of numbers that nothing is known of before, as many may be text for it to be one."""
LEAST_PAIRS = 3


def check_source(
    model: Model, days: Mapping[date, ColumnProfiles], past: Mapping[date, ColumnProfiles], known: Collection[date] = ()
) -> list[Finding]:
    """What is wrong with the columns of the pinned partitions, one finding for each column and check.

    Args:
        model: names the columns that nothing is asked of, and the thresholds.
        days: the pinned partitions.
        past: the partitions that the champion was trained on.
        known: those of `days` that are the same as the champion's.
    """
    whole, course = sum_profiles(days.values()), Timeline(days, past, frozenset(known))
    ignored = {model.rows.key, model.source.partition_field, *model.checks.ignore}
    columns = [name for name in whole if name not in ignored]
    places = {name: _column_places(name, whole[name], course, model.checks) for name in columns}
    copied = _copied(course, columns)
    dropped = {finding.since for finding in copied}
    swapped = _swapped(places, days, model.checks)
    findings = [
        _finding(name, found, days)
        for name in columns
        for check, found in places[name].items()
        if not (check == DataCheck.FROZEN and found[0][0].day in dropped) and not any(name in names for names in swapped)
    ]
    return [*check_cover(model, days, level="source"), *copied, *swapped.values(), *findings]


def _column_places(name: str, whole: ColumnProfile, course: Timeline, checks: ChecksSection) -> dict[DataCheck, Occurrences]:
    """Where something is wrong with a column, by what it is."""
    looks = COLUMN_LOOKS if name in checks.segments else tuple(look for look in COLUMN_LOOKS if look is not lost_segment)

    def judge(step: Observation) -> Deviation | None:
        if step.earlier:
            return first_deviation(looks, step, checks)
        is_pure = whole.is_numeric and whole.texts <= STRAY_TEXT_SHARE * whole.filled
        return text(replace(step, earlier=(replace(whole, non_numeric_samples={}),)), checks) if is_pure else None

    found: dict[DataCheck, Occurrences] = {}
    for step, measure in find_occurrences(name, course, judge):
        found.setdefault(measure.check, []).append((step, measure))
    return found


def _finding(name: str, places: Occurrences, days: Mapping[date, ColumnProfiles]) -> Finding:
    """One finding for all the partitions in which the same is wrong."""
    step, first = places[0]
    earlier = [day for day in days if day < step.day]
    more = f", and in {len(places) - 1} more since" if len(places) > 1 else ""
    until = f"; {first.before} until {max(earlier)}" if first.before and earlier else f"; {first.before} before" if first.before else ""
    rows = sum(table[name].rows for day, table in days.items() if day >= step.day and name in table)
    return Finding(
        check=first.check,
        severity=Severity.BLOCKS if any(measure.blocks for _, measure in places) else first.severity,
        level="source",
        column=name,
        since=step.day,
        days=len(places),
        measure=first.measure,
        threshold=first.threshold,
        touched=min(1.0, sum(measure.rows for _, measure in places) / max(rows, 1)),
        what=f"of partition {step.day} {first.what}{more}{until}",
        remedy=first.remedy,
    )


def _copied(course: Timeline, columns: Sequence[str]) -> list[Finding]:
    """Partitions whose rows are those of an earlier one, to the digit: one finding in place of one for each column."""
    tables = {day: {name: table[name] for name in columns if name in table and not table[name].times} for day, table in course.days.items()}
    first, copies = dict[Hashable, date](), []
    for day in sorted(tables):
        rows = frozenset((name, signature(column)) for name, column in tables[day].items())
        if day not in course.known and rows in first and chance_of_same([*tables[day].values()]) <= NEGLIGIBLE_PROBABILITY:
            copies.append((day, first[rows]))
        first[rows] = day
    if not copies or len(tables) < len(copies) + LEAST_PAIRS + 1:  # a table that says the same every day
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
    places: Mapping[str, Mapping[DataCheck, Occurrences]], days: Mapping[date, ColumnProfiles], checks: ChecksSection
) -> dict[tuple[str, str], Finding]:
    """Two columns that are wrong since the same partition because each has what the other one had."""
    sole = {name: next(iter(by_check.items())) for name, by_check in places.items() if len(by_check) == 1}
    first = {name: found[0] for name, (_, found) in sole.items()}
    swapped = {}
    for one, other in combinations(first, 2):
        (step, measure), (its_step, _) = first[one], first[other]
        if step.day == its_step.day and are_swapped(step, its_step, checks):
            what = f"and column {other} have changed places: each has what the other one had"
            told = replace(
                measure, check=DataCheck.SWAPPED, what=what, remedy="put them back in order where the data are prepared", before=""
            )
            swapped[one, other] = _finding(one, [(step, told), *places[one][measure.check][1:]], days)
    return swapped
