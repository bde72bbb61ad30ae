"""Spans that have each their own weather: what features and labels usually move by from span to span is known, and no finding."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.checks.findings import Finding, ranked
from components.checks.rows import check_rows
from components.examples.span_profile import SpanProfiler
from components.looks.data_check import DataCheck
from components.model.checks_section import ColumnBounds
from components.model.folder import Model
from components.model.task import TaskName
from components.profiles.profile import ColumnProfiles, ProfileKey
from components.snapshot.document import Partition, Snapshot
from tests.components.checks.corruptions import TABLE, shop_model

FIRST, SPANS = date(2026, 3, 2), 42
Columns = dict[str, Any]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    model = shop_model(tmp_path)
    return model.model_copy(update={"window": model.window.model_copy(update={"every_days": 1})})


def days(seed: int = 1, storm: int = 30) -> list[Columns]:
    """Flights of a day share a temperature and a wind; a storm delays most of them."""
    rng, found = np.random.default_rng(seed), []
    for place in range(SPANS):
        warm, wind, late = 50 + 12 * rng.normal(), 4 + 10 * rng.beta(1, 3), rng.beta(12, 42)
        if place == storm:
            wind, late = 20.0, 0.85
        found.append(
            {
                "temperature": np.round(warm + 4 * rng.normal(size=600), 1),
                "wind": np.round(wind * rng.lognormal(0, 0.3, 600), 1),
                "distance": rng.choice([200.0, 760.0, 1600.0, 2500.0], 600, p=[0.3, 0.3, 0.2, 0.2]),
                "label": (rng.random(600) < late).astype(int),
            }
        )
    return found


def findings(model: Model, found: list[Columns]) -> tuple[Finding, ...]:
    spans, profiles = [FIRST + timedelta(days=place) for place in range(SPANS)], dict[ProfileKey, ColumnProfiles]()
    for span, columns in zip(spans, found, strict=True):
        profiler = SpanProfiler(model, span, str(span))
        rows = len(columns["label"])
        profiler.batch(pa.RecordBatch.from_pydict({"order_id": np.arange(rows), "as_of": [span] * rows, **columns}))
        profiles |= profiler.profiles
    last = spans[-1] + timedelta(days=model.rows.label_delay_days)
    snapshot = Snapshot("shop", TABLE, "day", (), (Partition(last, 600, "0"),), tuple(spans), "q")
    return ranked(check_rows(model, snapshot, profiles, {}))


def test_the_weather_of_days_blocks_nothing_and_a_storm_only_warns(model: Model) -> None:
    found = findings(model, days())
    assert [finding.sentence for finding in found if finding.blocks] == []
    assert {finding.since for finding in found} <= {FIRST + timedelta(days=30)}


def test_what_lasts_is_no_storm(model: Model) -> None:
    clean = days()
    bad = [{**one, "distance": one["distance"] * 1.609} if place >= 35 else one for place, one in enumerate(clean)]
    (first, *_) = findings(model, bad)
    assert (first.check, first.column, first.since, first.blocks) == (DataCheck.DRIFT, "distance", FIRST + timedelta(days=35), True)


def test_labels_that_are_turned_round_for_good_block(model: Model) -> None:
    clean = days(storm=99)
    bad = [{**one, "label": 1 - one["label"]} if place >= 36 else one for place, one in enumerate(clean)]
    blocking = [finding for finding in findings(model, bad) if finding.blocks]
    assert [(finding.check, finding.since) for finding in blocking] == [(DataCheck.LABEL, FIRST + timedelta(days=36))]


def sales(rows: int, factor: float = 1.0, since: int = 99) -> list[Columns]:
    """Numbers with a rhythm: on Sundays a third of other days. The weather of a day is that of all hours."""
    rng, found = np.random.default_rng(4), []
    for place in range(SPANS):
        usual = (0.35 if (FIRST + timedelta(days=place)).weekday() == 6 else 1.0) * (factor if place >= since else 1.0)
        sky = rng.choice(["clear", "clouds", "rain"], rows, p=rng.dirichlet([0.9, 0.5, 0.2])).astype(object)
        found.append({"sky": sky, "label": np.round(usual * 12 * rng.lognormal(0, 0.5, rows)).astype(float)})
    return found


@pytest.mark.parametrize("rows", [24, 800])
def test_numbers_with_the_rhythm_of_the_week_and_the_sky_of_24_hours_block_nothing(model: Model, rows: int) -> None:
    numbers = model.model_copy(update={"task_name": TaskName.REGRESSION})
    assert [finding.sentence for finding in findings(numbers, sales(rows)) if finding.blocks] == []


@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0, 100.0])
def test_numbers_of_another_unit_block(model: Model, factor: float) -> None:
    numbers = model.model_copy(update={"task_name": TaskName.REGRESSION})
    (finding, *_) = findings(numbers, sales(800, factor, since=37))
    assert (finding.check, finding.since, finding.blocks) == (DataCheck.LABEL, FIRST + timedelta(days=37), True)


def test_a_feature_has_bounds_of_its_own(model: Model) -> None:
    bad = [{**one, "distance": one["distance"] * 1.609} if place >= 35 else one for place, one in enumerate(days())]
    checks = model.checks.model_copy(update={"columns": {"distance": ColumnBounds(span_drift=1.0)}})
    assert [f.column for f in findings(model.model_copy(update={"checks": checks}), bad) if f.blocks] == []


def test_the_rows_of_a_span_that_share_a_cluster_are_no_independent_facts(model: Model) -> None:
    hour = np.arange(600) // 20
    rows: Columns = {"order_id": np.arange(600), "as_of": [FIRST] * 600, "hour": hour, "wind": hour * 1.5, "label": np.zeros(600, int)}
    table = pa.RecordBatch.from_pydict(rows)

    def effect(cluster: str | None) -> float:
        checks = model.checks.model_copy(update={"cluster": cluster})
        profiler = SpanProfiler(model.model_copy(update={"checks": checks}), FIRST, "one")
        profiler.batch(table)
        return next(iter(profiler.profiles.values()))["wind"].design_effect

    assert [effect(None), effect("hour")] == pytest.approx([1.0, 20.0])
