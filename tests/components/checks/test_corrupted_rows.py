"""Every way that we know of to spoil the rows of source.sql: what must be found first, where, and in which words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.looks.data_check import DataCheck
from tests.components.checks.corruptions import (
    BAD_SPAN,
    FIRST,
    SPANS,
    Columns,
    Spans,
    each_span,
    keep,
    row_findings,
    shop_model,
    some,
    spans_of,
)


@dataclass(frozen=True)
class RowCase:
    """A corruption of the rows, and the finding that it must give first."""

    name: str
    change: Callable[[Spans], Spans]
    check: DataCheck
    column: str
    says: str
    since: date | None = BAD_SPAN
    only: bool = True


def anew(
    name: str, make: Callable[[Columns, np.random.Generator], list[Any]], *, since: date = BAD_SPAN, spans: int = 99
) -> Callable[[Spans], Spans]:
    return each_span(lambda columns, rng: columns | {name: make(columns, rng)}, since=since, spans=spans)


def size(columns: Columns) -> int:
    return len(columns["label"])


ROW_CASES = (
    RowCase(
        "labels turned round",
        anew("label", lambda c, _: [1 - v for v in c["label"]]),
        DataCheck.LABEL,
        "label",
        "as if it were turned round",
    ),
    RowCase(
        "one class in a span", anew("label", lambda c, _: [0] * size(c), spans=1), DataCheck.LABEL, "label", "is 1 in 0% of 1,500 rows"
    ),
    RowCase(
        "one class in all",
        anew("label", lambda c, _: [1] * size(c), since=FIRST),
        DataCheck.LABEL,
        "label",
        "is 1 in all 12,000 rows",
        FIRST,
    ),
    RowCase(
        "labels that are lost",
        each_span(some("label", 0.7, lambda _: 0)),
        DataCheck.LABEL,
        "label",
        "31.5% before",
    ),
    RowCase(
        "a leak",
        anew("score", lambda c, rng: (np.array(c["label"]) + rng.normal(0, 0.1, size(c))).tolist(), since=FIRST),
        DataCheck.LEAK,
        "score",
        "ranks the label alone (AUC 1.0",
        None,
    ),
    RowCase(
        "a leak in text",
        anew("status", lambda c, _: ["closed" if v else "active" for v in c["label"]], since=FIRST),
        DataCheck.LEAK,
        "status",
        "ranks the label alone (AUC 1.0000",
        None,
    ),
    RowCase(
        "a leak in what is missing",
        anew("reason", lambda c, _: ["moved" if v else None for v in c["label"]], since=FIRST),
        DataCheck.LEAK,
        "reason",
        "AUC 1.0000",
        None,
    ),
    RowCase(
        "a feature that is NULL",
        anew("visits", lambda c, _: [None] * size(c)),
        DataCheck.NULLS,
        "visits",
        "of span 2026-02-09 is NULL in all 1,500 rows; never NULL before",
    ),
    RowCase(
        "a feature that is NULL for some", each_span(some("spend", 0.2, lambda _: None)), DataCheck.NULLS, "spend", "300 of 1,500 rows"
    ),
    RowCase(
        "a feature that is zero", anew("visits", lambda c, _: [0] * size(c)), DataCheck.CONSTANT, "visits", "is zero in all 1,500 values"
    ),
    RowCase(
        "a feature that is constant in one span",
        anew("spend", lambda c, _: [7.5] * size(c), spans=1),
        DataCheck.CONSTANT,
        "spend",
        "is 7.5 in all",
    ),
    RowCase("a text that is constant", anew("region", lambda c, _: ["north"] * size(c)), DataCheck.CONSTANT, "region", 'is "north" in all'),
    RowCase(
        "a feature of last week",
        lambda clean: clean | {BAD_SPAN: clean[BAD_SPAN] | {"spend": clean[SPANS[4]]["spend"]}},
        DataCheck.FROZEN,
        "spend",
        "has to the digit the 1,500 values of the span before",
    ),
    RowCase(
        "a feature in cents", anew("spend", lambda c, _: [v * 100 for v in c["spend"]]), DataCheck.RANGE, "spend", "out of all range in"
    ),
    RowCase(
        "a feature with a sentinel", each_span(some("visits", 0.02, lambda _: -1)), DataCheck.RANGE, "visits", "the least \N{MINUS SIGN}1"
    ),
    RowCase(
        "a feature that moved",
        anew("visits", lambda c, _: [v + 4 for v in c["visits"]]),
        DataCheck.DRIFT,
        "visits",
        "than a span before (Jensen-Shannon 0.",
    ),
    RowCase("a category for another", each_span(some("region", 0.6, lambda _: "west")), DataCheck.DRIFT, "region", '"west" is'),
    RowCase("a band of the schema for all", each_span(some("band", 0.7, lambda _: "top")), DataCheck.DRIFT, "band", '"top" is'),
    RowCase(
        "a new category",
        each_span(some("region", 0.1, lambda _: "moon")),
        DataCheck.UNSEEN,
        "region",
        '150 of 1,500 rows (most often "moon")',
    ),
    RowCase(
        "a segment that is missing",
        each_span(keep(lambda row: row["region"] != "south")),
        DataCheck.COVERAGE,
        "region",
        'no row of "south"',
    ),
)


@pytest.mark.parametrize("case", ROW_CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("has_champion", [True, False], ids=["champion", "first run"])
def test_spoilt_rows_are_found_out(tmp_path: Path, case: RowCase, has_champion: bool) -> None:
    model = shop_model(tmp_path, segments=("region",))
    champion = {span: columns for span, columns in spans_of().items() if span < SPANS[4]} if has_champion else None
    findings = row_findings(model, case.change(spans_of()), champion)
    assert findings, "nothing was found"
    first, told = findings[0], [finding.sentence for finding in findings]
    assert (first.check, first.column, first.blocks) == (case.check, case.column, True), told
    assert first.since == case.since or (has_champion and case.since == FIRST), told
    assert case.says in first.sentence
    assert not case.only or len([finding for finding in findings if finding.blocks]) == 1, told


def test_labels_that_are_not_known_yet_are_named(tmp_path: Path) -> None:
    findings = row_findings(shop_model(tmp_path), spans_of(), last=SPANS[-1])
    assert [f.sentence for f in findings] == ["column label of span 2026-02-23 is known on 2026-02-24, the last partition is 2026-02-23"]
    assert findings[0].blocks
    assert row_findings(shop_model(tmp_path / "closed", closed=(date(2026, 2, 24),)), spans_of(), last=SPANS[-1]) == ()


def test_a_feature_that_moved_since_an_old_champion_is_told_and_let_through(tmp_path: Path) -> None:
    slow = {span: columns | {"visits": [v + place for v in columns["visits"]]} for place, (span, columns) in enumerate(spans_of().items())}
    past = {span: columns for span, columns in slow.items() if span < SPANS[2]}
    findings = row_findings(shop_model(tmp_path), {span: columns for span, columns in slow.items() if span >= SPANS[5]}, past)
    assert [(f.check, f.column, f.since, f.blocks) for f in findings] == [(DataCheck.DRIFT, "visits", None, False)]
    assert findings[0].what.startswith("has moved since the champion was trained (Jensen-Shannon 0.")


def test_values_that_the_schema_allows_may_come(tmp_path: Path) -> None:
    some_top = each_span(some("band", 0.1, lambda _: "top"))
    assert row_findings(shop_model(tmp_path), some_top(spans_of())) == ()
