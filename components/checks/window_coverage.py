"""Check what model.toml requires of the window: values that history cannot miss, because no window ever had them."""

from collections.abc import Mapping
from datetime import date

from components.calendar.clock import hours_listed
from components.checks.findings import Finding
from components.looks.categories import shares_by_value
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import is_constant
from components.looks.deviation import LEAST_ROWS, listed, quoted
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ColumnProfiles, sum_profiles
from components.snapshot.document import Snapshot
from components.wording import count


def check_cover(model: Model, days: Mapping[date, ColumnProfiles], *, level: str) -> list[Finding]:
    """Find the values of `checks.cover` of which the whole window has no row.

    Args:
        model: names the columns and their values.
        days: the profiles by partition or span.
        level: `source`, or `rows`.
    """
    whole, findings = sum_profiles(days.values()), []
    for name, wanted in model.checks.cover.items():
        missing = _missing(whole[name], wanted) if name in whole else []
        if missing:
            is_time = len(whole[name].hours) > 0
            listing = hours_listed(sorted(map(int, missing))) if is_time else f"of {listed([quoted(str(value)) for value in missing])}"
            findings.append(
                Finding(
                    check=DataCheck.COVERAGE,
                    level=level,
                    column=name,
                    days=len(days),
                    measure=len(missing) / len(wanted),
                    what=f"has no row {listing} in the whole window, as checks.cover of model.toml asks for",
                    remedy="load whole days of every source, or choose a window that has them",
                )
            )
    return findings


def _missing(column: ColumnProfile, wanted: tuple[int | str, ...]) -> list[int | str]:
    if len(column.hours):
        return [hour for hour in wanted if not (isinstance(hour, int) and 0 <= hour < len(column.hours) and column.hours[hour])]
    present = shares_by_value(column)
    return [value for value in wanted if str(value) not in present]


def check_constants(model: Model, days: Mapping[date, ColumnProfiles]) -> list[Finding]:
    """Find features that have one value in all rows of a first window: no earlier one shows that they ever had another."""
    whole = sum_profiles(days.values())
    return [
        Finding(
            check=DataCheck.CONSTANT,
            severity=Severity.WARNS,
            level="rows",
            column=name,
            days=len(days),
            what=f"has the same value in all {count(column.rows)} rows of the window, so that a model learns nothing of it",
            remedy="look at what source.sql makes of it; if it is right, drop it from source.sql and schema.pbtxt",
        )
        for name, column in whole.items()
        if len(days) > 1 and column.rows >= LEAST_ROWS and column.filled == column.rows and is_constant(column)
        if name not in {model.rows.label, *model.checks.ignore}
    ]


def check_names(model: Model, snapshot: Snapshot, days: Mapping[date, ColumnProfiles]) -> list[Finding]:
    """Find columns that [checks] names and neither table nor source.sql has: a misspelt name would turn a check off."""
    existing = {name for name, _ in snapshot.columns} | {name for table in days.values() for name in table}
    named = {name: setting for setting in ("segments", "ignore", "cover", "columns") for name in getattr(model.checks, setting)}
    named |= {model.checks.cluster: "cluster"} if model.checks.cluster else {}
    return [
        Finding(
            check=DataCheck.SCHEMA,
            level="rows",
            column=name,
            days=len(days),
            what=f"of checks.{setting} in model.toml is in neither {snapshot.source_table} nor source.sql",
            remedy="correct its name, or drop it",
        )
        for name, setting in named.items()
        if name not in existing | {model.rows.key, model.rows.span, model.source.partition_field}
    ]
