"""Every way that we know of to spoil a table: what must be found first, in which column, since which day, and in which words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.checks.findings import Check, refusal
from components.checks.page import write_page
from components.model import Model
from tests.components.checks.corruptions import (
    BAD,
    BAD_SPAN,
    CHAMPION_DAYS,
    FIRST,
    SPANS,
    Change,
    Columns,
    Days,
    Spans,
    batch,
    days_of,
    each,
    each_span,
    keep,
    orders,
    row_findings,
    shop_model,
    some,
    source_findings,
    spans_of,
)

HOSTILE = '\N{RIGHT-TO-LEFT OVERRIDE}<script>alert(1)</script>\x00\n"; DROP TABLE orders; --'


@lru_cache(maxsize=8)
def shop(seed: int = 1) -> Days:
    return days_of(seed)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return shop_model(tmp_path, segments=("device",))


def column(name: str, make: Callable[[list[Any], np.random.Generator], list[Any]]) -> Change:
    """Every day since the bad one, a whole column anew."""
    return each(lambda columns, rng: columns | {name: make(columns[name], rng)})


def swap(one: str, other: str) -> Change:
    return each(lambda columns, _: columns | {one: columns[other], other: columns[one]})


def drop(lost: Callable[[date], bool]) -> Change:
    return lambda clean: {day: rows for day, rows in clean.items() if not lost(day)}


def instead(make: Callable[[Days], pa.RecordBatch], day: date = BAD) -> Change:
    return lambda clean: clean | {day: make(clean)}


def at_day(rows: pa.RecordBatch, day: date = BAD) -> pa.RecordBatch:
    """The same rows as if they were of another day."""
    columns = rows.to_pydict()
    moved = [time + (day - columns["day"][0]) for time in columns["at"]]
    return batch(columns | {"day": [day] * rows.num_rows, "at": moved})


def twice(rows: pa.RecordBatch, times: int = 2) -> pa.RecordBatch:
    return batch({name: values * times for name, values in rows.to_pydict().items()})


def late(hours: int) -> Change:
    def move(times: list[Any], _rng: np.random.Generator) -> list[Any]:
        return [time.replace(hour=(time.hour + hours) % 24) for time in times]

    return column("at", move)


def frozen_amounts(clean: Days) -> Days:
    rows, before = clean[BAD].to_pydict(), clean[BAD - timedelta(days=1)].to_pydict()
    size = len(before["amount"])
    same = orders(np.random.default_rng(3), BAD, size)
    return clean | {BAD: batch(same | {"amount": before["amount"]})} if rows else clean


@dataclass(frozen=True)
class Case:
    """A corruption, and the finding that it must give first."""

    name: str
    change: Change
    check: Check
    column: str
    says: str
    """Part of the sentence."""
    since: date | None = BAD
    days: int | None = None
    blocks: bool = True
    only: bool = True
    """Nothing else is found."""


def text_in(share: float, value: str = "n/a") -> Change:
    return each(some("price", share, lambda _: value))


CASES = (
    Case("one text in a thousand numbers", text_in(0.001), Check.TEXT, "price", 'is text in 1 of 622 values (most often "n/a")'),
    Case("text in 1 % of numbers", text_in(0.01), Check.TEXT, "price", 'of 622 values (most often "n/a")', days=11),
    Case("text in 10 % of numbers", text_in(0.1), Check.TEXT, "price", "number until 2026-02-18"),
    Case("text in half of the numbers", text_in(0.5), Check.TEXT, "price", "311 of 622"),
    Case("text in all numbers", text_in(1.0), Check.TEXT, "price", "622 of 622", days=11),
    Case("text in numbers on one day", each(some("price", 0.2, lambda _: "?"), days=1), Check.TEXT, "price", '"?"', days=1),
    Case("a decimal comma", each(some("price", 1.0, lambda v: v.replace(".", ","))), Check.TEXT, "price", ", a decimal comma)"),
    Case("a decimal comma in some rows", each(some("price", 0.05, lambda v: v.replace(".", ","))), Check.TEXT, "price", "a decimal comma"),
    Case("dates in numbers", each(some("price", 0.3, lambda _: "2026-02-19")), Check.TEXT, "price", '"2026-02-19", a date)'),
    Case("empty texts in place of numbers", text_in(0.2, ""), Check.TEXT, "price", '"", nothing at all)'),
    Case("currency in numbers", each(some("price", 0.4, lambda v: f"{v} €")), Check.TEXT, "price", " €"),
    Case("NaN", each(some("amount", 0.01, lambda _: float("nan"))), Check.NOT_FINITE, "amount", "is NaN in 6 of 622 values"),
    Case("infinity", each(some("amount", 0.002, lambda _: float("inf"))), Check.NOT_FINITE, "amount", "is infinite in 1 of 622"),
    Case("NaN as text", text_in(0.02, "NaN"), Check.NOT_FINITE, "price", "is NaN in 12 of 622"),
    Case("a sentinel", each(some("items", 0.03, lambda _: -999)), Check.RANGE, "items", "the least \N{MINUS SIGN}999"),
    Case("zero for none", each(some("amount", 0.08, lambda _: 0.0)), Check.RANGE, "amount", "the least 0"),
    Case("cents", column("amount", lambda v, _: [x * 100 for x in v]), Check.DRIFT, "amount", "103 times as large"),
    Case("cents in a tenth of the rows", each(some("amount", 0.1, lambda v: v * 100)), Check.RANGE, "amount", "out of all range"),
    Case("thousands", column("tax", lambda v, _: [x / 1000 for x in v]), Check.DRIFT, "tax", "times as small"),
    Case("the other sign", column("amount", lambda v, _: [-x for x in v]), Check.DRIFT, "amount", "of the other sign"),
    Case("damaged by Latin-1", each(some("city", 1.0, lambda v: v.encode().decode("latin-1"))), Check.ENCODING, "city", "damaged text"),
    Case("damaged by Windows-1252", each(some("note", 1.0, lambda v: v.encode().decode("cp1252"))), Check.ENCODING, "note", "Ã"),
    Case("replaced characters", each(some("city", 0.3, lambda v: f"{v[:3]}\ufffd")), Check.ENCODING, "city", "damaged text"),
    Case(
        "a burst of NULLs",
        each(some("items", 0.3, lambda _: None)),
        Check.NULLS,
        "items",
        "187 of 622 rows, and in 10 more since; never NULL until",
    ),
    Case("all NULL", column("country", lambda v, _: [None] * len(v)), Check.NULLS, "country", "is NULL in all 622 rows"),
    Case("more NULLs than usual", each(some("coupon", 0.8, lambda _: None)), Check.NULLS, "coupon", "% of rows until"),
    Case("all zero", column("items", lambda v, _: [0] * len(v)), Check.CONSTANT, "items", "is zero in all 622 values"),
    Case("a constant number", column("amount", lambda v, _: [9.99] * len(v)), Check.CONSTANT, "amount", "is 9.99 in all"),
    Case("a constant text", column("device", lambda v, _: ["phone"] * len(v)), Check.CONSTANT, "device", 'is "phone" in all'),
    Case("a constant category", column("country", lambda v, _: ["US"] * len(v)), Check.CONSTANT, "country", 'is "US" in all'),
    Case("a constant truth", column("is_member", lambda v, _: [False] * len(v)), Check.CONSTANT, "is_member", 'is "false" in all'),
    Case("a frozen feature", frozen_amounts, Check.FROZEN, "amount", "has to the digit the 622 values of the partition before", only=False),
    Case(
        "a partition again",
        instead(lambda clean: at_day(clean[BAD - timedelta(days=1)])),
        Check.FROZEN,
        "",
        "partition 2026-02-19 has to the digit the rows of partition 2026-02-18",
    ),
    Case(
        "the partition of last week again",
        instead(lambda clean: at_day(clean[BAD - timedelta(days=7)])),
        Check.FROZEN,
        "",
        "partition 2026-02-19 has to the digit the rows of partition 2026-02-12",
    ),
    Case("every row twice", instead(lambda clean: twice(clean[BAD])), Check.ROWS, "", "partition 2026-02-19 has every row 2 times"),
    Case("every row three times", instead(lambda clean: twice(clean[BAD], 3)), Check.ROWS, "", "has every row 3 times", only=False),
    Case(
        "four other days appended",
        instead(
            lambda clean: pa.Table.from_batches([at_day(clean[BAD - timedelta(days=n)]) for n in range(4)]).combine_chunks().to_batches()[0]
        ),
        Check.ROWS,
        "",
        "those around it",
    ),
    Case("a tenth of the rows", each(keep(lambda row: row["order_id"].endswith("7")), days=1), Check.ROWS, "", "has 62 rows, those around"),
    Case("a partition that is missing", drop(lambda day: day == BAD), Check.MISSING_PARTITION, "", "partition 2026-02-19 of project.shop"),
    Case("an empty partition", instead(lambda clean: clean[BAD].slice(0, 0)), Check.MISSING_PARTITION, "", "is missing (1 of 56"),
    Case(
        "a weekday that is missing",
        drop(lambda day: day >= BAD and day.weekday() == 3),
        Check.MISSING_PARTITION,
        "",
        "missing (2 of 56 between 2026-01-05 and 2026-03-01, all Thursdays since then)",
        days=2,
    ),
    Case("swapped categories", swap("country", "device"), Check.SWAPPED, "country", "and column device have changed places"),
    Case("swapped numbers", swap("amount", "items"), Check.SWAPPED, "amount", "and column items have changed places"),
    Case("swapped number and text", swap("price", "country"), Check.SWAPPED, "price", "and column country have changed places"),
    Case("another time zone", late(5), Check.TIME_ZONE, "at", "runs 5 h late"),
    Case("another time zone to the west", late(-8), Check.TIME_ZONE, "at", "runs 8 h early"),
    Case("hours after 16:00 cut", each(keep(lambda row: row["at"].hour < 16)), Check.COVERAGE, "at", "no row from 16:00 to 22:00, and"),
    Case("no time of day", column("at", lambda v, _: [x.replace(hour=0) for x in v]), Check.COVERAGE, "at", "no row from 6:00 to 24:00"),
    Case("a segment that is missing", each(keep(lambda row: row["device"] != "desk")), Check.COVERAGE, "device", 'has no row of "desk"'),
    Case(
        "a country that vanished",
        each(keep(lambda row: row["country"] != "FR")),
        Check.COVERAGE,
        "country",
        'has no row of "FR"',
        blocks=False,
    ),
    Case("another case", each(some("country", 1.0, str.lower)), Check.UNSEEN, "country", 'another spelling of "US")'),
    Case("spaces", each(some("country", 0.2, lambda v: f"{v} ")), Check.UNSEEN, "country", 'another spelling of "US")'),
    Case(
        "a flood of new categories",
        column("country", lambda v, rng: [f"X{n}" for n in rng.integers(0, 5000, len(v))]),
        Check.UNSEEN,
        "country",
        "never there in 622 of 622",
    ),
    Case("a new category", each(some("device", 0.2, lambda _: "watch")), Check.UNSEEN, "device", '124 of 622 rows (most often "watch")'),
    Case("turned round", column("is_member", lambda v, _: [not x for x in v]), Check.DRIFT, "is_member", "L-infinity"),
    Case("a category for another", each(some("country", 0.8, lambda _: "BR")), Check.DRIFT, "country", '"BR" is 8'),
    Case("10,000 characters", each(some("note", 0.01, lambda _: "x" * 10_000)), Check.LENGTH, "note", "a value of 10,000 characters"),
    Case("10,000 characters in a category", each(some("city", 0.002, lambda _: "y" * 10_000)), Check.LENGTH, "city", "10,000 characters"),
    Case("10,000 characters in a number", text_in(0.01, "z" * 10_000), Check.TEXT, "price", '"zzzz'),
    Case(
        "hostile values", each(some("country", 0.2, lambda _: HOSTILE)), Check.UNSEEN, "country", r"\u202e<script>alert(1)</script>\x00\n"
    ),
    Case("hostile text in numbers", text_in(0.05, HOSTILE), Check.TEXT, "price", r"\u202e<script>alert(1)</script>\x00\n"),
)


def named(case: Any) -> str:
    return str(case.name)


@pytest.mark.parametrize("case", CASES, ids=named)
@pytest.mark.parametrize("has_champion", [True, False], ids=["champion", "first run"])
def test_a_spoilt_table_is_found_out(model: Model, case: Case, has_champion: bool, tmp_path: Path) -> None:
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)} if has_champion else None
    findings = source_findings(model, case.change(shop()), champion)
    assert findings, "nothing was found"
    first, told = findings[0], [finding.sentence for finding in findings]
    assert (first.check, first.column, first.since, first.blocks) == (case.check, case.column, case.since, case.blocks), told
    assert case.says in first.sentence
    assert case.days in (None, first.days), told
    assert not case.only or len(findings) == 1, told
    assert (refusal(findings) is not None) == case.blocks


def test_a_column_that_became_text_is_named_since_its_first_text(model: Model) -> None:
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)}
    spoil = each(lambda columns, _: columns | {"items": [f"{v} pcs" for v in columns["items"]]})
    texts = each(lambda columns, _: columns | {"items": [str(v) for v in columns["items"]]}, since=FIRST)
    findings = source_findings(model, spoil(texts(shop())), champion)
    assert [(f.check, f.column, f.since, f.blocks) for f in findings] == [
        (Check.TEXT, "items", BAD, True),
        (Check.TYPE, "items", None, True),
    ]
    assert findings[1].sentence == "column items of project.shop.orders is STRING, it was INTEGER"


def test_a_column_that_is_gone_is_named(model: Model) -> None:
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)}
    without = {day: rows.drop_columns(["city"]) for day, rows in shop().items()}
    findings = source_findings(model, without, champion)
    assert [(f.check, f.column, f.blocks) for f in findings] == [(Check.MISSING_COLUMN, "city", True)]
    assert findings[0].sentence == "column city of project.shop.orders is gone"


def test_a_partition_that_was_rewritten_is_told_and_let_through(model: Model) -> None:
    day = FIRST + timedelta(days=30)
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)}
    findings = source_findings(model, shop() | {day: shop()[day].slice(0, 500)}, champion)
    assert [(f.check, f.column, f.since, f.blocks) for f in findings] == [(Check.LATE, "", day, False)]
    assert findings[0].sentence == (
        f"partition 2026-02-04 was rewritten since the champion's data were pinned ({shop()[day].num_rows} rows then, 500 now)"
    )
    assert refusal(findings) is None


def test_a_partition_that_was_rewritten_badly_is_found_out(model: Model) -> None:
    day = FIRST + timedelta(days=30)
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)}
    findings = source_findings(model, each(some("price", 0.1, lambda _: "n/a"), since=day, days=1)(shop()), champion)
    assert [(f.check, f.column, f.since, f.blocks) for f in findings] == [(Check.TEXT, "price", day, True), (Check.LATE, "", day, False)]


def test_what_the_champion_was_let_through_with_is_not_told_again(model: Model) -> None:
    cents = each(lambda columns, _: columns | {"amount": [v * 100 for v in columns["amount"]]}, since=FIRST + timedelta(days=30))(shop())
    champion = {day: rows for day, rows in cents.items() if day < FIRST + timedelta(days=CHAMPION_DAYS)}
    assert [f.column for f in source_findings(model, cents)] == ["amount"]
    assert source_findings(model, cents, champion) == ()


def test_the_first_of_several_is_what_names_a_cause(model: Model) -> None:
    first = each(some("country", 0.5, lambda _: "XX"), since=BAD - timedelta(days=2))(shop())
    findings = source_findings(model, each(some("price", 0.01, lambda _: "n/a"))(first))
    assert [(f.check, f.column) for f in findings] == [(Check.TEXT, "price"), (Check.UNSEEN, "country")]
    assert (refusal(findings, "version 3 was trained on good data") or "").endswith(
        "; number until 2026-02-18 (and 1 more); version 3 was trained on good data; "
        "mend the preparation of the data and load these partitions again"
    )


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_clean_shop_gives_nothing(model: Model, seed: int) -> None:
    clean = days_of(seed)
    assert [f.sentence for f in source_findings(model, clean)] == []
    assert [f.sentence for f in source_findings(model, clean, {day: rows for day, rows in clean.items() if day < BAD})] == []
    assert [f.sentence for f in row_findings(model, spans_of(seed))] == []


def test_a_shop_that_is_closed_on_sundays_gives_nothing(tmp_path: Path) -> None:
    model = shop_model(tmp_path, closed=("Sunday", FIRST + timedelta(days=10)))
    open_days = {day: rows for day, rows in shop().items() if day.weekday() != 6 and day != FIRST + timedelta(days=10)}
    assert source_findings(model, open_days) == ()


def test_a_shop_that_closes_at_noon_on_saturdays_gives_nothing(model: Model) -> None:
    def half(clean: Days) -> Days:
        saturdays = [day for day in clean if day.weekday() == 5]
        return clean | {
            day: batch(keep(lambda row: row["at"].hour < 12)(clean[day].to_pydict(), np.random.default_rng(1))) for day in saturdays
        }

    assert [f.sentence for f in source_findings(model, half(shop()))] == []


def test_hostile_values_are_legible_on_the_page(model: Model, tmp_path: Path) -> None:
    findings = source_findings(model, each(some("country", 0.2, lambda _: HOSTILE))(shop()))
    write_page("shop", findings, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert r"\u202e&lt;script&gt;alert(1)&lt;/script&gt;\x00\n&#34;; DROP TABLE orders; --" in page
    assert "<script" not in page
    assert not {"\N{RIGHT-TO-LEFT OVERRIDE}", "\x00"} & set(page)


# The rows of source.sql


@dataclass(frozen=True)
class RowCase:
    """A corruption of the rows, and the finding that it must give first."""

    name: str
    change: Callable[[Spans], Spans]
    check: Check
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
        "labels turned round", anew("label", lambda c, _: [1 - v for v in c["label"]]), Check.LABEL, "label", "as if it were turned round"
    ),
    RowCase("one class in a span", anew("label", lambda c, _: [0] * size(c), spans=1), Check.LABEL, "label", "is 1 in 0% of 1,500 rows"),
    RowCase(
        "one class in all", anew("label", lambda c, _: [1] * size(c), since=FIRST), Check.LABEL, "label", "is 1 in all 12,000 rows", FIRST
    ),
    RowCase(
        "labels that are lost",
        each_span(some("label", 0.7, lambda _: 0)),
        Check.LABEL,
        "label",
        "31.5% before",
    ),
    RowCase(
        "a leak",
        anew("score", lambda c, rng: (np.array(c["label"]) + rng.normal(0, 0.1, size(c))).tolist(), since=FIRST),
        Check.LEAK,
        "score",
        "ranks the label alone (AUC 1.0",
        None,
    ),
    RowCase(
        "a leak in text",
        anew("status", lambda c, _: ["closed" if v else "active" for v in c["label"]], since=FIRST),
        Check.LEAK,
        "status",
        "ranks the label alone (AUC 1.0000",
        None,
    ),
    RowCase(
        "a leak in what is missing",
        anew("reason", lambda c, _: ["moved" if v else None for v in c["label"]], since=FIRST),
        Check.LEAK,
        "reason",
        "AUC 1.0000",
        None,
    ),
    RowCase(
        "a feature that is NULL",
        anew("visits", lambda c, _: [None] * size(c)),
        Check.NULLS,
        "visits",
        "of span 2026-02-09 is NULL in all 1,500 rows; never NULL before",
    ),
    RowCase("a feature that is NULL for some", each_span(some("spend", 0.2, lambda _: None)), Check.NULLS, "spend", "300 of 1,500 rows"),
    RowCase("a feature that is zero", anew("visits", lambda c, _: [0] * size(c)), Check.CONSTANT, "visits", "is zero in all 1,500 values"),
    RowCase(
        "a feature that is constant in one span",
        anew("spend", lambda c, _: [7.5] * size(c), spans=1),
        Check.CONSTANT,
        "spend",
        "is 7.5 in all",
    ),
    RowCase("a text that is constant", anew("region", lambda c, _: ["north"] * size(c)), Check.CONSTANT, "region", 'is "north" in all'),
    RowCase(
        "a feature of last week",
        lambda clean: clean | {BAD_SPAN: clean[BAD_SPAN] | {"spend": clean[SPANS[4]]["spend"]}},
        Check.FROZEN,
        "spend",
        "has to the digit the 1,500 values of the span before",
    ),
    RowCase("a feature in cents", anew("spend", lambda c, _: [v * 100 for v in c["spend"]]), Check.RANGE, "spend", "out of all range in"),
    RowCase("a feature with a sentinel", each_span(some("visits", 0.02, lambda _: -1)), Check.RANGE, "visits", "the least \N{MINUS SIGN}1"),
    RowCase(
        "a feature that moved",
        anew("visits", lambda c, _: [v + 4 for v in c["visits"]]),
        Check.DRIFT,
        "visits",
        "than a span before (Jensen-Shannon 0.",
    ),
    RowCase("a category for another", each_span(some("region", 0.6, lambda _: "west")), Check.DRIFT, "region", '"west" is'),
    RowCase("a band of the schema for all", each_span(some("band", 0.7, lambda _: "top")), Check.DRIFT, "band", '"top" is'),
    RowCase(
        "a new category", each_span(some("region", 0.1, lambda _: "moon")), Check.UNSEEN, "region", '150 of 1,500 rows (most often "moon")'
    ),
    RowCase(
        "a segment that is missing", each_span(keep(lambda row: row["region"] != "south")), Check.COVERAGE, "region", 'no row of "south"'
    ),
)


@pytest.mark.parametrize("case", ROW_CASES, ids=named)
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


def test_a_feature_that_moved_since_an_old_champion_is_told_and_let_through(tmp_path: Path) -> None:
    slow = {span: columns | {"visits": [v + place for v in columns["visits"]]} for place, (span, columns) in enumerate(spans_of().items())}
    past = {span: columns for span, columns in slow.items() if span < SPANS[2]}
    findings = row_findings(shop_model(tmp_path), {span: columns for span, columns in slow.items() if span >= SPANS[5]}, past)
    assert [(f.check, f.column, f.since, f.blocks) for f in findings] == [(Check.DRIFT, "visits", None, False)]
    assert findings[0].what.startswith("has moved since the champion was trained (Jensen-Shannon 0.")


def test_values_that_the_schema_allows_may_come(tmp_path: Path) -> None:
    some_top = each_span(some("band", 0.1, lambda _: "top"))
    assert row_findings(shop_model(tmp_path), some_top(spans_of())) == ()


def test_what_must_be_covered_is_asked_for_from_the_first_run_on(tmp_path: Path) -> None:
    cover: dict[str, tuple[int | str, ...]] = {"at": tuple(range(24)), "device": ("phone", "desk", "watch"), "items": (1, 2)}
    model = shop_model(tmp_path, cover=cover | {"region": ("north", "moon")})
    day = each(keep(lambda row: 8 <= row["at"].hour < 16), since=FIRST)(shop())
    assert [f.sentence for f in source_findings(model, day)] == [
        "column at has no row from 0:00 to 8:00 and from 16:00 to 24:00 in the whole window, as checks.cover of model.toml asks for",
        'column device has no row of "watch" in the whole window, as checks.cover of model.toml asks for',
    ]
    (finding,) = row_findings(shop_model(tmp_path, cover={"region": ("north", "moon")}), spans_of())
    assert finding.sentence == 'column region has no row of "moon" in the whole window, as checks.cover of model.toml asks for'


def test_a_slip_of_the_pen_in_the_settings_is_named(tmp_path: Path) -> None:
    (finding,) = row_findings(shop_model(tmp_path, segments=("regoin",)), spans_of())
    assert finding.sentence == "column regoin of checks.segments in model.toml is in neither project.shop.orders nor source.sql"
