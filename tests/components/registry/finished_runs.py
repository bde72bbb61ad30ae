"""Runs like real ones: a churn model with weekly spans, seven numeric and five categorical features, six slices; and one of classes."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Matrix, Results, RocPoint
from components.examples.span_cache import SplitCount
from components.registry.page import FinishedRun
from components.runs.record import RecordedRun, Run, RunState, Trigger
from components.runs.steps import TaskResult, TaskState
from components.snapshot.document import Partition, Snapshot
from tests.components.tfdv_statistics import numeric, statistics, text

STARTED = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
FIRST = date(1997, 11, 2)
CLASSES = ("newcomer", "regular")
SLICES = (
    ({"cohort": "1997-01"}, 0.0061),
    ({"cohort": "1997-02"}, -0.004),
    ({"cohort": "1997-03"}, 0.0127),
    ({"spend": "none"}, -0.031),
    ({"spend": "low"}, -0.0085),
    ({"spend": "high"}, 0.0214),
)


def metric(name: str, value: float, low: float | None = None, high: float | None = None, *, rows: int = 10, **slice_: str) -> Metric:
    return Metric(name, slice_, value, low, high, rows)


def recorded(state: RunState, error: str | None = None, *, seconds: float = 43.4, **changes: object) -> RecordedRun:
    run = Run(
        run_id="churn-1997-12-21-6f31",
        model="churn",
        pipeline_name="training",
        pipeline_version="0.1.0",
        pipeline_sha256="4e" * 32,
        parameters={},
        trigger=Trigger.PERSON,
        reason="make run",
        environment_digest="sha256:" + "3b" * 32,
        package_versions={"tensorflow": "2.21.0", "tfx": "1.21.0", "kfp": "2.17.0", "wheel": "0.45"},
        host="laptop",
        git_commit="938c02744d2b1a5f7c1fd0be02dc1c3a1b7f5e55",
    )
    return RecordedRun(replace(run, **changes), state, error, STARTED, STARTED + timedelta(seconds=seconds))  # type: ignore[arg-type]


def snapshot() -> Snapshot:
    partitions = tuple(Partition(FIRST + timedelta(days=day), 1000 + day, f"{day:032x}") for day in range(50))
    spans = tuple(FIRST + timedelta(weeks=week) for week in range(8))
    columns = (("bought_at", "TIMESTAMP"), ("customer", "INTEGER"))
    return Snapshot("churn", "perennial-local.shop.purchases", "bought_at", columns, partitions, spans, "9f" * 32)


def counts(*, positives: Sequence[float] = (0.742, 0.731, 0.725, 0.744, 0.768, 0.781, 0.779, 0.792)) -> tuple[SplitCount, ...]:
    found = []
    for week, (rows, share) in enumerate(zip((13012, 13108, 13255, 13240, 13391, 13467, 13480, 13533), positives, strict=True)):
        for split, part in (("train", 0.7), ("eval", 0.3)):
            ones = round(rows * part * share)
            found.append(SplitCount(FIRST + timedelta(weeks=week), split, {"0": round(rows * part) - ones, "1": ones}))
    return tuple(found)


def _split(rows: int, seed: int, countries: Sequence[str]) -> DatasetFeatureStatisticsList:
    chance = random.Random(seed)
    several = range(rows)
    days = [chance.randint(0, 55) for _ in several]
    orders = [min(int(chance.expovariate(0.7)), 19) for _ in several]
    return statistics(
        numeric("days_since_last_purchase", days),
        numeric("purchases_28_days", orders),
        numeric("spend_28_days", [round(chance.lognormvariate(3, 1.1), 2) if chance.random() < 0.7 else 0.0 for _ in several]),
        numeric("spend_total", [round(chance.lognormvariate(4.2, 1.2), 2) for _ in several]),
        numeric("mean_basket", [chance.gauss(34.0, 9.5) for _ in range(rows - rows // 9)], missing=rows // 9),
        numeric("tenure_days", [chance.betavariate(2, 1.4) * 540 for _ in several]),
        numeric("discount_share", [chance.betavariate(0.6, 3) for _ in several]),
        text("weekday", chance.choices(["Sat", "Fri", "Sun", "Thu", "Mon", "Tue", "Wed"], [30, 22, 18, 10, 8, 7, 5], k=rows)),
        text("cohort", chance.choices(["1997-01", "1997-02", "1997-03"], [33, 36, 31], k=rows)),
        text("channel", chance.choices(["web", "shop", "phone", "letter"], [62, 27, 8, 3], k=rows - 40), missing=40),
        text("country", chance.choices(countries, [40, 25, 18, 11, 6], k=rows)),
        text("customer_group", ["private"] * rows),
    )


def _metrics() -> tuple[Metric, ...]:
    found = [metric("example_count", 31204.0, rows=31204)]
    for name, whole, width in (
        ("auc", 0.8423, 0.0052),
        ("precision", 0.7788, 0.008),
        ("recall", 0.8145, 0.0078),
        ("binary_crossentropy", 0.4713, 0.006),
    ):
        found.append(metric(name, whole, whole - width, whole + width, rows=31204))
        for index, (slice_, shift) in enumerate(SLICES):
            wide, value = width * (1.6 + index * 0.35), whole + shift * (1 if whole > 0.5 else -2)
            found.append(metric(name, value, value - wide, value + wide, rows=10401 - index * 1312, **slice_))
    return tuple(found)


def _results() -> Results:
    slices: tuple[tuple[dict[str, str], float], ...] = (({}, 0.0), *SLICES)
    return Results(
        blessed=True,
        metrics=_metrics(),
        checks=(
            *(Check("auc", slice_, ">= 0.7", 0.8423 + shift, passed=True) for slice_, shift in slices),
            Check("binary_crossentropy", {}, "<= 0.55", 0.4713, passed=True),
        ),
        roc=tuple(RocPoint(1 - step / 60, step / 60, (step / 60) ** 0.22 if step else 0.0) for step in range(61)),
        calibration=tuple(CalibrationBucket(p / 20, (p / 20) ** 1.12, 400 + 190 * p) for p in range(1, 20, 2)),
    )


def failed(reason: str | None = "step pin failed: no span") -> FinishedRun:
    """A run that reached nothing."""
    return FinishedRun(recorded=recorded(RunState.FAILED, reason), folder=Path("/state/runs/churn"))


def pushed() -> FinishedRun:
    """A run that ended well."""
    seconds = {"pin": 0.9, "read": 6.4, "statistics": 4.8, "validate": 0.3, "transform": 7.7, "train": 14.2, "evaluate": 8.1, "push": 0.8}
    countries = ["de", "fr", "it", "es", "pt"]
    return FinishedRun(
        recorded=recorded(RunState.SUCCEEDED),
        folder=Path("/state/runs/churn-1997-12-21-6f31"),
        version=7,
        version_uri="gs://perennial-local/churn/objects/sha256/70a1c6f2d5e84b39",
        tasks=tuple(TaskResult(name, TaskState.DONE, time, Path(f"{name}.log")) for name, time in seconds.items()),
        snapshot=snapshot(),
        counts=counts(),
        statistics={"train": _split(3000, 1, countries), "eval": _split(1200, 2, countries)},
        anomalies=(),
        findings=(),
        results=_results(),
    )


def pushed_classes() -> FinishedRun:
    """A run of a model of two named classes, one of whose checks refused a slice."""
    names = ("accuracy", "macro_auc", *(f"{measure}_of_{name}" for measure in ("auc", "precision", "recall", "f1") for name in CLASSES))
    slices: tuple[dict[str, str], ...] = ({}, {"band": "new"})
    labels = {"newcomer": 900, "regular": 100}
    return replace(
        pushed(),
        counts=tuple(SplitCount(FIRST + timedelta(weeks=week), "train", labels) for week in range(8)),
        results=Results(
            blessed=False,
            metrics=tuple(
                metric(name, 0.5 + index / 100, 0.4, 0.7, rows=1100, **slice_) for slice_ in slices for index, name in enumerate(names)
            ),
            checks=(
                Check("recall_of_regular", {"band": "new"}, ">= 0.7", 0.07, passed=False),
                Check("accuracy", {}, ">= 0.5", 0.5, passed=True),
            ),
            roc=tuple(RocPoint(0.5, 0.1, 0.6, name) for name in CLASSES),
            calibration=(),
            classes=CLASSES,
            matrices=(Matrix({"band": "new"}, ((40.0, 10.0), (5.0, 0.0))), Matrix({}, ((900.0, 100.0), (60.0, 40.0)))),
        ),
    )
