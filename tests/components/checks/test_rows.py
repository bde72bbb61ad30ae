"""Labels, features of spans, what is served: the looks at rows that the table of corruptions does not go through."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.checks.findings import DataCheck, Finding, Severity, ranked, read_findings, refusal, write_findings
from components.checks.labels import label_counts, ranking_auc
from components.checks.rows import known_days
from components.checks.skew import check_skew
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, ProfileKey, label_population
from components.profiles.profiling import profile_batch
from tests.components.checks.corruptions import BAD_SPAN, SPANS, Columns, each_span, row_findings, shop_model, span_profiles, spans_of


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
    counts = {day: found.tolist() for day, found in label_counts(model, profiles).items()}
    assert counts == {SPANS[0]: [2000, 0], SPANS[1]: [0, 2000], SPANS[2]: [1500, 500]}


@pytest.mark.parametrize(
    ("negative", "positive", "auc"),
    [([10, 0], [0, 10], 1.0), ([5, 5], [5, 5], 0.5), ([10, 10], [0, 20], 0.75), ([0, 0], [1, 1], 0.0), ([0, 7, 0], [9, 0, 9], 1.0)],
)
def test_the_auc_of_a_feature_alone(negative: list[int], positive: list[int], auc: float) -> None:
    assert ranking_auc(np.array(negative), np.array(positive)) == pytest.approx(auc)


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


def test_a_feature_of_only_some_spans_is_looked_at_where_it_is(model: Model) -> None:
    spans = spans_of()
    spans[BAD_SPAN] = {name: values for name, values in spans[BAD_SPAN].items() if name != "visits"}
    assert row_findings(model, spans) == ()


def test_days_with_the_same_content_are_known() -> None:
    one, other = ProfileKey(label_population(0), SPANS[0], "a"), ProfileKey(label_population(1), SPANS[0], "a")
    changed, same = replace(other, fingerprint="b"), ProfileKey(label_population(0), SPANS[1], "c")
    past: dict[ProfileKey, ColumnProfiles] = {one: {}, other: {}, same: {}}
    assert known_days({one: {}, other: {}, same: {}}, past) == {SPANS[0], SPANS[1]}
    assert known_days({one: {}, changed: {}, same: {}}, past) == {SPANS[1]}


# Several classes


@pytest.fixture
def levels(model: Model) -> Model:
    rows = model.rows.model_copy(update={"classes": ("low", "middle", "high")})
    return model.model_copy(update={"task": "multiclass_classification", "rows": rows})


def shared(*shares: tuple[float, float, float], rows: int = 3000) -> dict[date, Columns]:
    """Spans with these shares of three labels."""
    spans = rated(dict.fromkeys(range(len(shares)), 0.0), rows=rows)
    for columns, share in zip(spans.values(), shares, strict=True):
        columns["label"] = np.repeat(range(3), [round(part * rows) for part in share]).tolist()
    return spans


def test_the_rows_of_each_label_are_counted(levels: Model) -> None:
    counts = label_counts(levels, span_profiles(levels, shared((0.5, 0.3, 0.2), (0.0, 1.0, 0.0))))
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


# What is served


def served(columns: Columns) -> ColumnProfiles:
    return profile_batch(pa.RecordBatch.from_pydict({name: columns[name] for name in ("spend", "visits", "region", "band")}))


def test_what_is_served_as_it_is_trained_on_has_no_skew(model: Model) -> None:
    spans = spans_of()
    assert check_skew(model, span_profiles(model, spans), served(spans[SPANS[-1]])) == []


def test_a_feature_that_is_served_with_other_values_is_named(model: Model) -> None:
    spans = spans_of()
    last = spans[SPANS[-1]]
    logged = served(last | {"spend": [value / 100 for value in last["spend"]], "visits": [None] * 150 + last["visits"][150:]})
    findings = check_skew(model, span_profiles(model, spans), logged)
    assert [(f.check, f.column, f.severity) for f in findings] == [
        (DataCheck.SKEW, "spend", Severity.WARNS),
        (DataCheck.SKEW, "visits", Severity.WARNS),
    ]
    assert findings[0].what.startswith("is served with other values than it is trained on (Jensen-Shannon 0.9")
    assert findings[1].sentence == "column visits is NULL in 10.0% of what is served"


# Findings


def test_findings_are_kept_as_they_are(tmp_path: Path) -> None:
    found = [
        Finding(
            check=DataCheck.DRIFT,
            level="rows",
            column="a",
            what="moved",
            remedy="nothing",
            measure=0.2,
            threshold=0.1,
            touched=0.2,
            severity=Severity.WARNS,
            days=1,
        ),
        Finding(
            check=DataCheck.LEAK, level="rows", column="b\x00", what="knows ✓", remedy="drop it", since=SPANS[1], threshold=0.99, days=3
        ),
    ]
    write_findings(found, tmp_path / "deep" / "findings.json")
    assert read_findings(tmp_path / "deep" / "findings.json") == tuple(found)


def test_what_blocks_comes_first_then_the_cause_then_what_touches_most() -> None:
    warning = Finding(check=DataCheck.LABEL, level="rows", column="w", what="", remedy="", severity=Severity.WARNS, days=1)
    drift, small, large = (
        Finding(check=check, level="rows", column=name, what="", remedy="mend it", days=1, touched=touched)
        for check, name, touched in ((DataCheck.DRIFT, "d", 1.0), (DataCheck.NULLS, "s", 0.1), (DataCheck.NULLS, "l", 0.9))
    )
    assert ranked([warning, drift, small, large]) == (large, small, drift, warning)
    assert refusal(ranked([warning, drift, small])) == "blocked: column s  (and 1 more); mend it"
    assert refusal([warning]) is None
