"""Labels: of one class, of another share than before, or leaked by a feature."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from components.checks.labels import _immature, _label_counts, _ranking_auc
from components.looks.data_check import DataCheck
from components.model.checks_section import ColumnBounds
from components.model.folder import Model
from components.model.task import TaskName
from components.snapshot.document import Partition, Snapshot
from tests.components.checks.corruptions import SPANS, Columns, each_span, row_findings, shop_model, span_profiles, spans_of


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return shop_model(tmp_path)


def rated(rates: dict[int, float], rows: int = 2000) -> dict[date, Columns]:
    """Spans with these shares of positive labels."""
    rng = np.random.default_rng(1)
    return {
        SPANS[place]: {
            "order_id": [f"c{number}" for number in range(rows)],
            "as_of": [SPANS[place]] * rows,
            "spend": rng.lognormal(3, 1, rows).tolist(),
            "label": [1] * round(rate * rows) + [0] * (rows - round(rate * rows)),
        }
        for place, rate in rates.items()
    }


@pytest.mark.parametrize(
    ("before", "now", "is_found"),
    [
        (0.3, 0.38, False),
        (0.3, 0.5, True),
        (0.03, 0.04, False),
        (0.03, 0.0, True),
        (0.03, 0.005, True),
        (0.03, 0.15, True),
        (0.97, 1.0, True),
    ],
)
def test_a_rate_of_labels_may_move_a_little(model: Model, before: float, now: float, is_found: bool) -> None:
    findings = row_findings(model, rated({0: before, 1: before, 2: now}))
    assert [finding.check for finding in findings] == ([DataCheck.LABEL] if is_found else [])
    assert [finding.since for finding in findings] == ([SPANS[2]] if is_found else [])


@pytest.mark.parametrize(("before", "now"), [(0.03, 0.3), (0.1, 0.9)])
def test_a_bound_that_nothing_exceeds_turns_the_check_off(tmp_path: Path, before: float, now: float) -> None:
    rates = rated({0: before, 1: before, 2: now})
    assert row_findings(shop_model(tmp_path / "on"), rates) != ()
    assert row_findings(shop_model(tmp_path / "off", label_change=1.0), rates) == ()


def test_few_rows_may_have_any_labels(model: Model) -> None:
    assert row_findings(model, rated({0: 0.5, 1: 0.9}, rows=10)) == ()
    assert row_findings(model, rated({0: 0.2, 1: 0.4}, rows=60)) == ()


def test_a_span_is_held_against_what_its_own_labels_were(model: Model) -> None:
    (finding,) = row_findings(model, rated({0: 0.3, 1: 0.3, 2: 0.6}), rated({2: 0.3}))
    assert finding.sentence == "column label of span 2026-01-19 is 1 in 60.0% of 2,000 rows, 30.0% before"


def test_an_older_champion_is_not_taken_for_the_span_before(model: Model) -> None:
    assert row_findings(model, rated({4: 0.5, 5: 0.5}), rated({0: 0.32, 1: 0.37, 2: 0.42, 3: 0.46})) == ()


def test_the_rate_of_a_span_with_one_class_is_known(model: Model) -> None:
    profiles = span_profiles(model, rated({0: 0.0, 1: 1.0, 2: 0.25}))
    counts = {day: found.tolist() for day, found in _label_counts(model, profiles).items()}
    assert counts == {SPANS[0]: [2000, 0], SPANS[1]: [0, 2000], SPANS[2]: [1500, 500]}


@pytest.mark.parametrize(
    ("negative", "positive", "auc"),
    [([10, 0], [0, 10], 1.0), ([5, 5], [5, 5], 0.5), ([10, 10], [0, 20], 0.75), ([0, 0], [1, 1], 0.0), ([0, 7, 0], [9, 0, 9], 1.0)],
)
def test_the_auc_of_a_feature_alone(negative: list[int], positive: list[int], auc: float) -> None:
    assert _ranking_auc(np.array(negative), np.array(positive)) == pytest.approx(auc)


def test_a_good_feature_is_no_leak(model: Model) -> None:
    def score(columns: Columns, rng: np.random.Generator) -> Columns:
        return columns | {"score": (np.array(columns["label"]) + rng.normal(0, 0.45, len(columns["label"]))).tolist()}

    assert row_findings(model, each_span(score, since=SPANS[0])(spans_of())) == ()


def test_few_rows_are_no_leak(model: Model) -> None:
    few = {
        span: {name: values[:40] for name, values in columns.items()} | {"score": columns["label"][:40]}
        for span, columns in spans_of().items()
    }
    assert all(finding.check != DataCheck.LEAK for finding in row_findings(model, {SPANS[0]: few[SPANS[0]]}))


@pytest.fixture
def levels(model: Model) -> Model:
    rows = model.rows.model_copy(update={"classes": ("low", "middle", "high")})
    return model.model_copy(update={"task_name": TaskName.CLASSES, "rows": rows})


def shared(*shares: tuple[float, float, float], rows: int = 3000) -> dict[date, Columns]:
    """Spans with these shares of three labels."""
    spans = rated(dict.fromkeys(range(len(shares)), 0.0), rows=rows)
    for columns, share in zip(spans.values(), shares, strict=True):
        columns["label"] = np.repeat(range(3), [round(part * rows) for part in share]).tolist()
    return spans


def test_the_rows_of_each_label_are_counted(levels: Model) -> None:
    counts = _label_counts(levels, span_profiles(levels, shared((0.5, 0.3, 0.2), (0.0, 1.0, 0.0))))
    assert {day: found.tolist() for day, found in counts.items()} == {SPANS[0]: [1500, 900, 600], SPANS[1]: [0, 3000, 0]}


def test_the_class_whose_share_moved_most_is_named(levels: Model) -> None:
    (finding,) = row_findings(levels, shared((0.5, 0.3, 0.2), (0.5, 0.3, 0.2), (0.75, 0.15, 0.1)))
    assert finding.sentence == "column label of span 2026-01-19 is low in 75.0% of 3,000 rows, 50.0% before"
    assert row_findings(levels, shared((0.5, 0.3, 0.2), (0.5, 0.3, 0.2), (0.55, 0.27, 0.18))) == ()


def test_a_rare_class_that_vanishes_is_seen(levels: Model) -> None:
    (finding,) = row_findings(levels, shared((0.6, 0.37, 0.03), (0.6, 0.37, 0.03), (0.61, 0.39, 0.0)))
    assert finding.sentence == "column label of span 2026-01-19 is high in 0% of 3,000 rows, 3.0% before"


def test_a_window_of_one_class_is_named(levels: Model) -> None:
    (finding, *_) = row_findings(levels, shared((0.0, 1.0, 0.0), (0.0, 1.0, 0.0)))
    assert (finding.check, finding.sentence) == (DataCheck.LABEL, "column label is middle in all 6,000 rows")


def test_a_feature_that_knows_one_class_is_a_leak(levels: Model) -> None:
    """Of the others it knows nothing."""
    spans = shared((0.5, 0.3, 0.2), (0.5, 0.3, 0.2))
    rng = np.random.default_rng(1)
    for columns in spans.values():
        columns["score"] = (rng.normal(0, 1, 3000) + 9 * (np.array(columns["label"]) == 1)).tolist()
    (finding,) = row_findings(levels, spans)
    assert (finding.check, finding.column) == (DataCheck.LEAK, "score")
    assert finding.what.startswith("ranks the label middle alone (AUC 1.0000 of it by itself)")


@pytest.fixture
def amounts(model: Model) -> Model:
    return model.model_copy(update={"task_name": TaskName.REGRESSION})


def paid(*factors: float, rows: int = 2000) -> dict[date, Columns]:
    """Spans whose labels are numbers, so many times as large as usual."""
    spans, rng = rated(dict.fromkeys(range(len(factors)), 0.0), rows=rows), np.random.default_rng(3)
    for columns, factor in zip(spans.values(), factors, strict=True):
        columns["label"] = (factor * rng.lognormal(2, 1, rows)).round(2).tolist()
    return spans


@pytest.mark.parametrize(("factor", "is_found"), [(1.0, False), (1.2, False), (1.6, True), (0.4, True), (-1.0, True), (100.0, True)])
def test_numbers_may_be_spread_a_little_otherwise(amounts: Model, factor: float, is_found: bool) -> None:
    findings = row_findings(amounts, paid(1.0, 1.0, factor))
    assert [(finding.check, finding.since) for finding in findings] == ([(DataCheck.LABEL, SPANS[2])] if is_found else [])


def test_numbers_that_moved_are_told_with_their_mean_and_median(amounts: Model) -> None:
    (finding,) = row_findings(amounts, paid(1.0, 1.0, 100.0))
    assert finding.sentence == (
        "column label of span 2026-01-19 has other numbers: mean 1,217 and median 738.2 of 2,000 rows, 12.15 and 7.463 before "
        "(Kolmogorov-Smirnov 0.98)"
    )
    assert row_findings(amounts, paid(1.0, 1.0, 100.0, rows=19)) == ()
    for bound in ({"label_change": 1.0}, {"columns": {"label": ColumnBounds(label_change=1.0)}}):
        assert row_findings(amounts.model_copy(update={"checks": amounts.checks.model_copy(update=bound)}), paid(1, 9)) == ()


def test_a_feature_that_knows_the_number_is_a_leak(amounts: Model) -> None:
    """One that goes with it is none."""
    spans, rng = paid(1.0, 1.0), np.random.default_rng(1)
    for columns in spans.values():
        labels = np.array(columns["label"])
        columns["score"] = (2 * labels + rng.normal(0, 0.01, len(labels))).tolist()
        columns["hint"] = (labels * rng.lognormal(0, 0.5, len(labels))).tolist()
    (finding,) = row_findings(amounts, spans)
    assert (finding.check, finding.column) == (DataCheck.LEAK, "score")
    assert finding.what.startswith("ranks labels above their median alone (AUC ")


@pytest.mark.parametrize(("months", "is_told"), [(10, False), (9, True)])
def test_labels_of_a_month_are_known_although_no_partition_follows_its_first_day(model: Model, months: int, is_told: bool) -> None:
    partitions = tuple(Partition(date(2026, month, 1), 600, str(month)) for month in range(1, months + 1))
    snapshot = Snapshot("shop", "shop.orders", "month", (), partitions, (date(2026, 10, 19),), "q")
    assert bool(_immature(model, snapshot)) == is_told
