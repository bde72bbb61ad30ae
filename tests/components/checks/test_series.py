"""Tables of series: the readings of an hour, the parcels of a courier, sales by shop and article. A first run passes; faults are found."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from components.checks.findings import Finding, ranked
from components.checks.rows import check_rows
from components.checks.source import check_source
from components.examples.span_profile import SpanProfiler
from components.looks.data_check import DataCheck
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, ProfileKey
from components.profiles.profiling import profile_batch
from components.snapshot.document import Partition, Snapshot
from tests.components.checks.corruptions import TABLE, shop_model
from tests.components.checks.shops import Days, Frame, batch
from tests.components.checks.test_shops import first_run

FIRST = date(2026, 8, 3)


@lru_cache(maxsize=1)
def readings(seed: int = 3, days: int = 70, count: int = 25) -> Days:
    """Of a meter an hour. All of them have the hour's temperature, which falls to frost, and the day's rain, which many days lack."""
    rng, found, warm, version = np.random.default_rng(seed), Days(), 16.0, np.array(["1.0"] * count, object)
    people, roof = rng.integers(1, 6, count), rng.random(count) < 0.3
    for number in range(days):
        warm = 0.85 * warm + 0.15 * (16 - 0.26 * number) + 1.2 * rng.normal()
        version[rng.random(count) < 0.1 * (number > 40)] = "1.1"
        meter, hour = (each.ravel() for each in np.meshgrid(np.arange(count), np.arange(24), indexing="ij"))
        outside = np.round(warm + 5 * np.sin((hour - 9) / 24 * 2 * np.pi) + rng.normal(0, 0.7, 24)[hour], 1)
        dry = rng.random() < 0.6
        used = people[meter] * (0.4 + np.exp(-(((hour - 19) / 3) ** 2))) * rng.lognormal(0, 0.3, len(meter)) * (1 + 0.02 * (20 - outside))
        found[FIRST + timedelta(days=number)] = {
            "meter": meter + 880_000,
            "hour": hour,
            "people": people[meter],
            "version": version[meter],
            "outside": outside,
            "rain": np.full(len(meter), 0.0 if dry else round(float(rng.gamma(0.5, 6)), 1)),
            "noon": np.full(len(meter), round(warm + 4, 0 if number % 9 == 8 else 1)),
            "used": np.round(used - roof[meter] * np.maximum(0, np.sin((hour - 6) / 12 * np.pi)), 3),
        }
    return found


@lru_cache(maxsize=1)
def parcels(seed: int = 5, days: int = 70) -> Days:
    """Of 30 couriers, each of whom has a zone and a load of the day; on Sundays few of them work, on one a single one."""
    rng, found, number = np.random.default_rng(seed), Days(), 9_000_000
    zone, speed = rng.integers(0, 8, 30), rng.normal(0, 0.2, 30)
    for place in range(days):
        day = FIRST + timedelta(days=place)
        at_work = np.flatnonzero(rng.random(30) < (0.15 if day.weekday() == 6 else 0.75))
        at_work = at_work[:1] if place == 48 else at_work if len(at_work) else np.array([7])
        courier = np.repeat(at_work, rng.integers(18, 55, len(at_work)))
        found[day] = {
            "parcel": number + np.arange(len(courier)),
            "courier": np.array([f"K{number}" for number in courier], object),
            "zone": np.array([f"Z{number}" for number in zone[courier]], object),
            "weight": np.round(rng.lognormal(0.5, 0.9, len(courier)), 2),
            "minutes": np.round(20 * np.exp(speed[courier] + 0.3 * rng.normal(size=len(courier))), 1),
        }
        number += len(courier)
    return found


KEYS: dict[Callable[[], Days], str] = {readings: "meter", parcels: "courier"}


def model_of(table: Callable[[], Days], folder: Path) -> Model:
    model = shop_model(folder)
    checks = model.checks.model_copy(update={"cluster": KEYS[table], "ignore": ("parcel",)})
    return model.model_copy(update={"checks": checks, "rows": model.rows.model_copy(update={"key": "row"})})


def profiles(frames: Days, cluster: str) -> dict[date, ColumnProfiles]:
    return {day: profile_batch(batch(frame), cluster) for day, frame in frames.items()}


@pytest.mark.parametrize("table", [readings, parcels], ids=lambda table: str(table.__name__))
def test_a_first_run_over_series_passes(table: Callable[[], Days], tmp_path: Path) -> None:
    findings = first_run(model_of(table, tmp_path), profiles(table(), KEYS[table]))
    assert [finding.sentence for finding in findings if finding.blocks] == []


def test_a_day_on_which_one_courier_worked_passes_in_the_rows_of_source_sql_too(tmp_path: Path) -> None:
    model, found = model_of(parcels, tmp_path), dict[ProfileKey, ColumnProfiles]()
    for day, frame in [*parcels().items()][30:60]:
        profiler = SpanProfiler(model, day, str(day))
        columns = {"row": frame["parcel"], "as_of": [day] * len(frame["parcel"]), "label": (frame["minutes"] > 20).astype(int)}
        profiler.batch(batch(columns | {name: frame[name] for name in ("courier", "zone", "weight")}))
        found |= profiler.profiles
    spans = sorted({part.day for part in found})
    last = spans[-1] + timedelta(days=model.rows.label_delay_days)
    snapshot = Snapshot("shop", TABLE, "day", (), (Partition(last, 600, "0"),), tuple(spans), "q")
    findings = check_rows(model, snapshot, found, {})
    assert [finding.sentence for finding in findings if finding.blocks and finding.check != DataCheck.SCHEMA] == []


def none_as_number(frame: Frame, rng: np.random.Generator) -> Frame:
    return {**frame, "outside": np.where(rng.random(len(frame["outside"])) < 0.05, -999.0, frame["outside"])}


def shared_zero(frame: Frame, _rng: np.random.Generator) -> Frame:
    return {**frame, "used": np.zeros(len(frame["used"]))}


def other_spelling(frame: Frame, _rng: np.random.Generator) -> Frame:
    return {**frame, "version": np.char.replace(frame["version"].astype(str), "1.", "v1,").astype(object)}


@pytest.mark.parametrize(
    ("spoil", "column", "checks"),
    [
        (none_as_number, "outside", {DataCheck.RANGE}),
        (shared_zero, "used", {DataCheck.CONSTANT, DataCheck.RANGE}),
        (other_spelling, "version", {DataCheck.TEXT}),
    ],
)
def test_what_is_spoilt_in_series_is_found(
    spoil: Callable[[Frame, np.random.Generator], Frame], column: str, checks: set[DataCheck], tmp_path: Path
) -> None:
    rng, frames = np.random.default_rng(1), readings()
    order = sorted(frames)
    spoilt = {day: spoil(frame, rng) if day in order[60:65] else frame for day, frame in frames.items() if day in order[:65]}
    days = profiles(spoilt, "meter")
    known = order[:60]
    findings: list[Finding] = [*ranked(check_source(model_of(readings, tmp_path), days, {day: days[day] for day in known}, known))]
    assert [(one.column, one.blocks, one.check in checks) for one in findings[:1]] == [(column, True, True)], [f.sentence for f in findings]
    assert findings[0].since in order[60:62]
