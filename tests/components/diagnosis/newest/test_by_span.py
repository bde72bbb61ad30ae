"""Spans that share their luck: their metrics have intervals that hold it, and spans that do not have those by key."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from components.diagnosis.newest.by_span import widened_by_span
from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.chance.influence import influences
from components.evaluation.metric import Metric
from components.evaluation.split_scores import SplitRows
from components.model.task import BINARY

SPANS, ROWS = 14, 200


def intervals(seed: int, luck: float, spans: int = SPANS) -> tuple[Metric, Metric]:
    """The calibration of a version that is right on average, by key and by span; days differ by some luck."""
    chance = np.random.default_rng(seed)
    of = np.repeat(np.arange(spans), ROWS)
    score = 1 / (1 + np.exp(-chance.normal(-1, 0.7, len(of))))
    labels = (chance.random(len(of)) < np.clip(score * np.exp(luck * chance.normal(size=spans))[of], 0, 1)).astype(np.float64)
    rows = SplitRows(labels, np.ones(len(of)), np.arange(len(of)), {(): np.arange(len(of))}, {"it": score[:, None].astype(np.float32)})
    value = influences(rows.of("it", rows.slices[()]), BINARY)["calibration"].value
    (by_key,) = with_key_intervals([Metric("calibration", {}, value, None, None, len(of))], rows, "it", BINARY)
    (by_span,) = widened_by_span([by_key], replace(rows), "it", pa.chunked_array([pa.array(of)]), BINARY)
    return by_key, by_span


def holds(metric: Metric) -> bool:
    return metric.ci_low is not None and metric.ci_high is not None and metric.ci_low <= 1 <= metric.ci_high


@pytest.mark.parametrize(("luck", "by_key_holds"), [(0.0, True), (0.25, False)])
def test_an_interval_holds_the_luck_of_days(luck: float, by_key_holds: bool) -> None:
    found = [intervals(seed, luck) for seed in range(100)]
    assert (np.mean([holds(by_key) for by_key, _ in found]) >= 0.9) == by_key_holds
    assert np.mean([holds(by_span) for _, by_span in found]) >= 0.9


def test_of_few_spans_it_is_not_known_how_much_they_differ() -> None:
    by_key, by_span = intervals(1, 0.25, spans=4)
    assert by_key == by_span
