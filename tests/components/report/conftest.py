"""A report like those of real runs: a churn model, weekly spans, seven numeric and five categorical features, six slices."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
    NumericStatistics,
    StringStatistics,
)

from components.report.content import (
    CalibrationBin,
    Check,
    Command,
    DataSection,
    LineageEntry,
    MetricValue,
    Outcome,
    RocPoint,
    RunReport,
    SpanRows,
    SplitRows,
    Step,
    StepState,
    Verdict,
)

Numeric = Callable[..., FeatureNameStatistics]
SNAPSHOT = "9f2c1e07b4a85d63f0c7e1d2a9b8476533fe10c4d7a2b9815e6c0f4d3b2a1908"


def _common(present: int, missing: int) -> CommonStatistics:
    return CommonStatistics(num_non_missing=present, num_missing=missing, tot_num_values=present, min_num_values=1, max_num_values=1)


def numeric(name: str, values: Sequence[float], *, missing: int = 0) -> FeatureNameStatistics:
    """What TFDV writes of these values, its two histograms of ten buckets among it."""
    ordered = sorted(values)
    low, high, rows = ordered[0], ordered[-1], len(ordered)
    mean = sum(ordered) / rows
    edges = [low + (high - low) * tenth / 10 for tenth in range(11)]
    even = [sum(1 for value in ordered if a < value <= b) + (ordered.count(low) if a == low else 0) for a, b in pairwise(edges)]
    deciles = [ordered[min(rows - 1, rows * tenth // 10)] for tenth in range(11)]
    is_whole = all(isinstance(value, int) for value in ordered)
    return FeatureNameStatistics(
        name=name,
        type=FeatureNameStatistics.INT if is_whole else FeatureNameStatistics.FLOAT,
        num_stats=NumericStatistics(
            common_stats=_common(rows, missing),
            mean=mean,
            std_dev=(sum((value - mean) ** 2 for value in ordered) / rows) ** 0.5,
            num_zeros=ordered.count(0),
            min=low,
            median=ordered[rows // 2],
            max=high,
            histograms=[_histogram(edges, even, Histogram.STANDARD), _histogram(deciles, [rows / 10] * 10, Histogram.QUANTILES)],
        ),
    )


def _histogram(edges: Sequence[float], counts: Sequence[float], kind: Histogram.HistogramType) -> Histogram:
    buckets = zip(edges, edges[1:], counts, strict=False)
    return Histogram(type=kind, buckets=[Histogram.Bucket(low_value=a, high_value=b, sample_count=n) for a, b, n in buckets])


def text(name: str, values: Sequence[str], *, missing: int = 0) -> FeatureNameStatistics:
    """What TFDV writes of these values."""
    ranked = Counter(values).most_common()
    return FeatureNameStatistics(
        name=name,
        type=FeatureNameStatistics.STRING,
        string_stats=StringStatistics(
            common_stats=_common(len(values), missing),
            unique=len(ranked),
            top_values=[StringStatistics.FreqAndValue(value=value, frequency=rows) for value, rows in ranked[:2]],
            rank_histogram={"buckets": [{"low_rank": i, "high_rank": i, "label": v, "sample_count": n} for i, (v, n) in enumerate(ranked)]},
        ),
    )


def statistics(*features: FeatureNameStatistics) -> DatasetFeatureStatisticsList:
    """One split's statistics, as TFDV writes them."""
    return DatasetFeatureStatisticsList(datasets=[DatasetFeatureStatistics(features=features)])


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


SLICES = {
    "cohort: 1997-01": 0.0061,
    "cohort: 1997-02": -0.004,
    "cohort: 1997-03": 0.0127,
    "spend: none": -0.031,
    "spend: low": -0.0085,
    "spend: high": 0.0214,
}


def _metrics() -> tuple[MetricValue, ...]:
    found = []
    for name, whole, width in (
        ("auc", 0.8423, 0.0052),
        ("precision", 0.7788, 0.008),
        ("recall", 0.8145, 0.0078),
        ("binary_crossentropy", 0.4713, 0.006),
    ):
        found.append(MetricValue(name, None, whole, whole - width, whole + width, 31204))
        for place, (slice_name, shift) in enumerate(SLICES.items()):
            wide, value = width * (1.6 + place * 0.35), whole + shift * (1 if whole > 0.5 else -2)
            found.append(MetricValue(name, slice_name, value, value - wide, value + wide, 10401 - place * 1312))
    return tuple(found)


@pytest.fixture(scope="session")
def numeric_feature() -> Numeric:
    return numeric


@pytest.fixture(scope="session")
def text_feature() -> Numeric:
    return text


@pytest.fixture(scope="session")
def split_statistics() -> Callable[..., DatasetFeatureStatisticsList]:
    return statistics


@pytest.fixture(scope="session")
def pushed() -> RunReport:
    """A run that ended well."""
    steps = (
        ("pin", 0.9),
        ("read", 6.4),
        ("statistics", 4.8),
        ("validate", 0.3),
        ("transform", 7.7),
        ("train", 14.2),
        ("evaluate", 8.1),
        ("push", 0.8),
        ("record", 0.2),
    )
    first = date(1997, 11, 2)
    rows = (13012, 13108, 13255, 13240, 13391, 13467, 13480, 13533)
    rates = (0.742, 0.731, 0.725, 0.744, 0.768, 0.781, 0.779, 0.792)
    return RunReport(
        model="churn",
        run_id="churn-1997-12-21-6f31",
        verdict=Verdict(Outcome.PUSHED, "All 9 checks hold, and AUC is 0.0041 above version 6 on the same rows.", version=7),
        started=datetime(2026, 3, 2, 6, 0, tzinfo=UTC),
        seconds=43.4,
        steps=tuple(Step(name, StepState.CACHED if name == "read" else StepState.DONE, seconds) for name, seconds in steps),
        data=DataSection(
            snapshot_id=SNAPSHOT,
            source_table="perennial-local.shop.purchases",
            splits=(SplitRows("train", 75282), SplitRows("eval", 31204)),
            spans=tuple(SpanRows(first + timedelta(weeks=week), *facts) for week, facts in enumerate(zip(rows, rates, strict=True))),
        ),
        train_statistics=_split(3000, 1, ["de", "fr", "it", "es", "pt"]),
        eval_statistics=_split(1200, 2, ["de", "fr", "it", "es", "pt"]),
        anomalies=(),
        checks=(
            *(Check("auc", name, ">= 0.7", 0.8423 + shift, passed=True) for name, shift in ((None, 0.0), *SLICES.items())),
            Check("auc", None, "at most 0.005 below version 6", 0.8423, passed=True),
            Check("binary_crossentropy", None, "<= 0.55", 0.4713, passed=True),
        ),
        metrics=_metrics(),
        roc=tuple(RocPoint(step / 60, (step / 60) ** 0.22 if step else 0.0, 1 - step / 60) for step in range(61)),
        calibration=tuple(CalibrationBin(p / 20, (p / 20) ** 1.12, 400 + 190 * p) for p in range(1, 20, 2)),
        lineage=(
            LineageEntry("Snapshot", SNAPSHOT),
            LineageEntry("Git commit", "938c02744d2b1a5f7c1fd0be02dc1c3a1b7f5e55"),
            LineageEntry("Environment", "sha256:3b1f0a7be0d2f5c4987a1d2e6c5b4f3a291817161514131211100f0e0d0c0b0a"),
            LineageEntry("Model", "gs://perennial-local/churn/objects/sha256/70a1c6f2d5e84b39"),
            LineageEntry("Random seed", "20260302"),
        ),
        commands=(
            Command("See what the registry knows of this version", "perennial show churn 7"),
            Command("Train from the same snapshot again", f"perennial reproduce churn 7 --snapshot {SNAPSHOT[:12]}"),
        ),
    )
