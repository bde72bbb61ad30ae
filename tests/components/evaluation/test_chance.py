"""What chance explains, held by simulation: rows of one key are one observation, and many questions are asked at once."""

import numpy as np
import pytest

from components.evaluation.chance.by_key import changes_by_key, with_key_intervals
from components.evaluation.chance.influence import LabelledScores, by_key, influences
from components.evaluation.chance.spread import correct, interval_by_key, paired_change, powers
from components.evaluation.metric import Metric
from components.evaluation.split_scores import SplitRows
from components.model.task import BINARY
from tests.components.evaluation.simulated import customers

TRUE = customers(20_000, seed=99, most=20)
TRUE_AUC = influences(TRUE.of("champion", TRUE.slices[()]), BINARY)["auc"].value


def interval(seed: int, *, is_by_key: bool) -> tuple[float, float]:
    rows = customers(300, seed=seed, most=20)
    found = influences(rows.of("champion", rows.slices[()]), BINARY)["auc"]
    keys = rows.keys if is_by_key else np.arange(len(rows.keys))
    bounds = interval_by_key("auc", found.value, powers(by_key(found.rows, keys)).spread)
    assert bounds is not None
    return bounds


def test_an_interval_by_key_holds_the_true_value_where_one_by_row_does_not() -> None:
    share = {
        is_by_key: np.mean([low <= TRUE_AUC <= high for seed in range(200) for low, high in [interval(seed, is_by_key=is_by_key)]])
        for is_by_key in (True, False)
    }
    assert share[True] >= 0.90
    assert share[False] <= 0.85


def test_an_interval_by_key_of_an_area_of_a_little_more_than_one_has_its_ends_in_order() -> None:
    """Floats may add up to 1.0000000000000002 where every pair of rows is in order."""
    rows = np.arange(40)
    labels, keys = (rows % 2).astype(float), rows // 2
    perfect = SplitRows(labels, np.ones(40), keys, {(): rows}, {"it": labels[:, None].astype(np.float32)})
    more = 1.0000000000000002
    (found,) = with_key_intervals([Metric("auc", {}, more, 0.99, 1.0, 40)], perfect, "it", BINARY)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < found.ci_high == 1.0
    (found,) = with_key_intervals([Metric("auc", {}, more, 1.0, 1.0, 40)], perfect, "it", BINARY)
    assert (found.ci_low, found.ci_high) == (1.0, 1.0)


@pytest.mark.parametrize("keys", [60, 400])
def test_two_equal_versions_differ_in_1_of_20_comparisons_at_most(keys: int) -> None:
    found = 0
    for seed in range(120):
        changes = changes_by_key(customers(keys, seed=seed), "champion", "candidate", BINARY)
        found += any(p < 0.05 for p in correct([change.p for change in changes.values()]))
    assert found <= 10  # 6 are to be expected at most


def test_a_worse_version_is_found() -> None:
    rows = customers(3_000, seed=1, harm=1.0)
    before, after = (influences(rows.of(name, rows.slices[()]), BINARY)["auc"] for name in ("champion", "candidate"))
    change = paired_change(before, after, rows.keys)
    assert change.value < -0.02
    assert change.p < 1e-6


def test_few_keys_have_neither_interval_nor_change() -> None:
    rows = customers(12, seed=1)
    found = influences(rows.of("champion", rows.slices[()]), BINARY)["auc"]
    assert interval_by_key("auc", found.value, powers(by_key(found.rows, rows.keys)).spread) is None
    other = influences(rows.of("candidate", rows.slices[()]), BINARY)["auc"]
    assert np.isnan(paired_change(found, other, rows.keys).p)


def test_a_perfect_version_and_a_blind_one_differ_for_certain() -> None:
    rows = customers(100, seed=1)
    scores = {"perfect": rows.labels[:, None], "blind": np.full((len(rows.labels), 1), 0.3)}
    perfect, blind = (influences(LabelledScores(rows.labels, one, rows.weights), BINARY)["auc"] for one in scores.values())
    assert paired_change(perfect, blind, rows.keys).value == -0.5
    assert paired_change(perfect, blind, rows.keys).p < 1e-9
    few = rows.keys < 10
    few_rows = [influences(LabelledScores(rows.labels[few], one[few], rows.weights[few]), BINARY)["auc"] for one in scores.values()]
    assert np.isnan(paired_change(few_rows[0], few_rows[1], rows.keys[few]).p)


def test_two_versions_that_say_the_same_are_not_judged() -> None:
    rows = customers(100, seed=1)
    found = influences(rows.of("champion", rows.slices[()]), BINARY)["auc"]
    change = paired_change(found, found, rows.keys)
    assert (change.value, np.isnan(change.p)) == (0.0, True)


def test_holm_multiplies_the_smallest_by_all_and_leaves_out_what_is_not_asked() -> None:
    found = correct([0.01, np.nan, 0.04, 0.03])
    assert found[0] == pytest.approx(0.03)
    assert np.isnan(found[1])
    assert found[2:] == pytest.approx((0.06, 0.06))
    assert correct([]) == ()
