"""Order lines of shops that nobody prepared the gate for: a first run on clean days passes, and what is spoilt later is found."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from components.checks.coverage import check_partitions
from components.checks.findings import Finding, ranked
from components.checks.source import check_source
from components.looks.data_check import DataCheck
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles
from components.profiles.profiling import profile_batch
from components.snapshot.document import Partition, Snapshot
from tests.components.checks.corruptions import TABLE, shop_model
from tests.components.checks.shop_faults import FAULTS, Fault
from tests.components.checks.shops import KEYS, Days, batch, grocery, marketplace, wholesale

Shop = Callable[[int], Days]
FIRST_RUN = 60
"""Partitions of a first run."""
KNOWN = 60
"""Partitions that the champion was trained on."""
START = 110
"""The first partition that may be spoilt."""


@lru_cache(maxsize=4)
def days_of(shop: Shop, seed: int) -> dict[date, dict[str, np.ndarray]]:
    return shop(seed)


@lru_cache(maxsize=1024)
def profile_of(shop: Shop, seed: int, day: date) -> ColumnProfiles:
    return profile_batch(batch(days_of(shop, seed)[day]), KEYS[shop])


def model_of(shop: Shop, folder: Path) -> Model:
    model = shop_model(folder)
    return model.model_copy(update={"rows": model.rows.model_copy(update={"key": KEYS[shop]})})


def pinned(days: dict[date, ColumnProfiles]) -> Snapshot:
    columns = {name: column.type for table in days.values() for name, column in table.items()}
    partitions = tuple(Partition(day, next(iter(table.values())).rows, f"{day:%Y%m%d}") for day, table in sorted(days.items()))
    return Snapshot("shop", TABLE, "day", tuple(sorted(columns.items())), partitions, (max(days) - timedelta(days=8),), "q")


def first_run(model: Model, days: dict[date, ColumnProfiles]) -> tuple[Finding, ...]:
    return ranked([*check_partitions(model, pinned(days), days, None), *check_source(model, days, {})])


@pytest.mark.parametrize(
    ("shop", "seed", "start"),
    [(wholesale, 1, 0), (wholesale, 2, 60), (grocery, 1, 30), (grocery, 2, 20), (marketplace, 1, 0), (marketplace, 1, 90)],
)
def test_a_first_run_on_clean_days_passes(shop: Shop, seed: int, start: int, tmp_path: Path) -> None:
    days = {day: profile_of(shop, seed, day) for day in sorted(days_of(shop, seed))[start : start + FIRST_RUN]}
    assert [finding.sentence for finding in first_run(model_of(shop, tmp_path), days) if finding.blocks] == []


def found(fault: Fault, folder: Path) -> tuple[list[date], tuple[Finding, ...]]:
    """The spoilt days, and what a run finds in them whose champion was trained on the days before."""
    frames, key, rng = days_of(fault.shop, 1), KEYS[fault.shop], np.random.default_rng(START)
    order = sorted(frames)
    known, new = order[START - KNOWN : START], order[START : START + fault.days]
    names = [fault.column, key]

    def profile(day: date, spoilt: bool) -> ColumnProfiles:
        frame = {name: frames[day][name] for name in dict.fromkeys(names)}
        frame = fault.always(frame, rng) if fault.always else frame
        return profile_batch(batch(fault.spoil(frame, rng) if spoilt else frame), key)

    past = {day: profile(day, spoilt=False) for day in known}
    now = past | {day: profile(day, spoilt=fault.of(day)) for day in new}
    return [day for day in new if fault.of(day)], ranked(check_source(model_of(fault.shop, folder), now, past, known))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
def test_what_is_spoilt_is_found_within_days(fault: Fault, tmp_path: Path) -> None:
    spoilt, findings = found(fault, tmp_path)
    assert findings, "nothing was found"
    told = [finding.sentence for finding in findings]
    assert (findings[0].check in fault.checks, findings[0].column, findings[0].blocks) == (True, fault.column, True), told
    assert findings[0].since in spoilt[:3], told
    assert findings[0].days >= len(spoilt) // 2, told


def test_codes_with_letters_are_no_text_in_numbers(tmp_path: Path) -> None:
    days = {day: {"stock_code": profile_of(wholesale, 1, day)["stock_code"]} for day in sorted(days_of(wholesale, 1))[:FIRST_RUN]}
    assert check_source(model_of(wholesale, tmp_path), days, {}) == []


def test_a_country_that_all_orders_of_a_quiet_day_share_is_chance(tmp_path: Path) -> None:
    """323 lines of 17 orders are 17 facts: nine in ten orders are from the same country."""
    days = {day: {"country": profile_of(wholesale, 1, day)["country"]} for day in days_of(wholesale, 1)}
    assert any(len(table["country"].values) == 1 for table in days.values())
    assert [f.check for f in check_source(model_of(wholesale, tmp_path), days, {}) if f.check == DataCheck.CONSTANT] == []
