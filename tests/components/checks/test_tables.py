"""Tables that nobody prepared the gate for: a first run on clean days passes, and what is spoilt later is found, the culprit first."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from components.checks.findings import ranked
from components.checks.source import check_source
from components.looks.data_check import DataCheck
from components.model.checks_section import ColumnBounds
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles
from components.profiles.profiling import profile_batch
from tests.components.checks.corruptions import shop_model
from tests.components.checks.shop_faults import Fault, put
from tests.components.checks.shops import Days, batch
from tests.components.checks.table_faults import TABLE_FAULTS
from tests.components.checks.tables import TABLES, bakery, clinic, ledger, loans, parcels, subscriptions
from tests.components.checks.test_shops import first_run

Table = Callable[[int], Days]
START, KNOWN = 110, 60
"""The first partition that may be spoilt, and how many before it the champion was trained on."""


@lru_cache(maxsize=2)
def days_of(table: Table, seed: int) -> Days:
    return table(seed)


def model_of(table: Table, folder: Path) -> Model:
    model = shop_model(folder)
    return model.model_copy(update={"rows": model.rows.model_copy(update={"key": TABLES[table]})})


@pytest.mark.parametrize(
    ("table", "seed", "start", "length"),
    [
        (bakery, 1, 0, 60),
        (bakery, 2, 14, 40),
        (clinic, 1, 0, 90),
        (clinic, 2, 40, 60),
        (subscriptions, 1, 60, 110),
        (ledger, 2, 20, 60),
        (loans, 2, 0, 60),
        (parcels, 2, 30, 100),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_first_run_on_clean_days_passes(table: Table, seed: int, start: int, length: int, tmp_path: Path) -> None:
    frames = days_of(table, seed)
    days: dict[date, ColumnProfiles] = {
        day: profile_batch(batch(frames[day]), TABLES[table]) for day in sorted(frames)[start : start + length]
    }
    assert [finding.sentence for finding in first_run(model_of(table, tmp_path), days) if finding.blocks] == []


@pytest.mark.parametrize("fault", TABLE_FAULTS, ids=lambda fault: f"{fault.shop.__name__}: {fault.name}")
def test_what_is_spoilt_is_found_within_days(fault: Fault, tmp_path: Path) -> None:
    frames, key, rng = days_of(fault.shop, 1), TABLES[fault.shop], np.random.default_rng(START)
    order = sorted(frames)
    known, new = order[START - KNOWN : START], order[START : START + fault.days]
    spoilt = [day for day in new if fault.of(day)]

    def profile(day: date) -> ColumnProfiles:
        frame = {name: frames[day][name] for name in dict.fromkeys([fault.column, key, *fault.others])}
        frame = fault.always(frame, rng) if fault.always else frame
        return profile_batch(batch(fault.spoil(frame, rng) if day in spoilt else frame), key)

    days = {day: profile(day) for day in [*known, *new]}
    findings = ranked(check_source(model_of(fault.shop, tmp_path), days, {day: days[day] for day in known}, known))
    told = [finding.sentence for finding in findings]
    assert findings, "nothing was found"
    assert (findings[0].check in fault.checks, findings[0].column, findings[0].blocks) == (True, fault.column, True), told
    assert findings[0].since in spoilt[:3], told


def test_a_few_rows_a_day_are_looked_at_together(tmp_path: Path) -> None:
    frames, rng = days_of(clinic, 1), np.random.default_rng(1)
    order = sorted(frames)[START - KNOWN : START + 10]
    bad = put("minutes", 1.0, lambda minutes: minutes * 2.5)
    days = {
        day: profile_batch(batch({"minutes": (bad(frames[day], rng) if place >= KNOWN else frames[day])["minutes"]}))
        for place, day in enumerate(order)
    }
    (finding,) = check_source(model_of(clinic, tmp_path), days, {day: days[day] for day in order[:KNOWN]}, order[:KNOWN])
    assert (finding.check, finding.days, finding.since) == (DataCheck.DRIFT, 5, order[KNOWN])
    assert finding.what.startswith(f"of the 5 partitions from {order[KNOWN]} has other values than in the weeks before")


@pytest.mark.parametrize(("table", "column"), [(ledger, "branch"), (ledger, "risk"), (bakery, "age"), (loans, "income")])
def test_a_column_that_is_all_null_is_found_on_the_first_day(table: Table, column: str, tmp_path: Path) -> None:
    frames, key = days_of(table, 1), TABLES[table]
    order = sorted(frames)[START - KNOWN : START + 1]
    days: dict[date, ColumnProfiles] = {
        day: profile_batch(batch({name: frames[day][name] for name in (column, key)}), key) for day in order[:-1]
    }
    lost = {column: np.full(len(frames[order[-1]][key]), None), key: frames[order[-1]][key]}
    days[order[-1]] = profile_batch(batch(lost), key)
    (finding,) = check_source(model_of(table, tmp_path), days, {day: days[day] for day in order[:-1]}, order[:-1])
    assert (finding.check, finding.column, finding.since, finding.blocks) == (DataCheck.NULLS, column, order[-1], True)


@pytest.mark.parametrize(("allowed", "told"), [(0, [DataCheck.CONSTANT]), (1, [DataCheck.CONSTANT]), (2, [])])
def test_a_column_may_stand_still_for_as_many_days_as_its_bound_says(allowed: int, told: list[DataCheck], tmp_path: Path) -> None:
    frames, model = days_of(loans, 1), model_of(loans, tmp_path)
    order = sorted(frames)[START - KNOWN : START + 2]
    days: dict[date, ColumnProfiles] = {day: profile_batch(batch({"purpose": frames[day]["purpose"]})) for day in order[:-2]}
    days |= {day: profile_batch(batch({"purpose": np.full(len(frames[day]["purpose"]), "car", object)})) for day in order[-2:]}
    checks = model.checks.model_copy(update={"columns": {"purpose": ColumnBounds(constant_days=allowed)}})
    found = check_source(model.model_copy(update={"checks": checks}), days, {day: days[day] for day in order[:-2]}, order[:-2])
    assert [finding.check for finding in found] == told
