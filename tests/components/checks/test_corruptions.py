"""Every way that we know of to spoil a table: what must be found first, in which column, since which day, and in which words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.checks.findings import refusal
from components.looks.data_check import DataCheck
from components.model.folder import Model
from tests.components.checks.corruptions import (
    BAD,
    CHAMPION_DAYS,
    FIRST,
    HOSTILE,
    Change,
    Days,
    batch,
    each,
    keep,
    orders,
    shop,
    shop_model,
    some,
    source_findings,
)


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
    check: DataCheck
    column: str
    says: str
    """Part of the sentence."""
    since: date | None = BAD
    days: int | None = None
    blocks: bool = True
    only: bool = True
    """Nothing else is found."""
    may_be_holiday: bool = False
    """In a first run it only warns."""


def text_in(share: float, value: str = "n/a") -> Change:
    return each(some("price", share, lambda _: value))


CASES = (
    Case("one text in a thousand numbers", text_in(0.001), DataCheck.TEXT, "price", 'is text in 1 of 622 values (most often "n/a")'),
    Case("text in 1 % of numbers", text_in(0.01), DataCheck.TEXT, "price", 'of 622 values (most often "n/a")', days=11),
    Case("text in 10 % of numbers", text_in(0.1), DataCheck.TEXT, "price", "number until 2026-02-18"),
    Case("text in half of the numbers", text_in(0.5), DataCheck.TEXT, "price", "311 of 622"),
    Case("text in all numbers", text_in(1.0), DataCheck.TEXT, "price", "622 of 622", days=11),
    Case("text in numbers on one day", each(some("price", 0.2, lambda _: "?"), days=1), DataCheck.TEXT, "price", '"?"', days=1),
    Case("a decimal comma", each(some("price", 1.0, lambda v: v.replace(".", ","))), DataCheck.TEXT, "price", ", a decimal comma)"),
    Case(
        "a decimal comma in some rows", each(some("price", 0.05, lambda v: v.replace(".", ","))), DataCheck.TEXT, "price", "a decimal comma"
    ),
    Case("dates in numbers", each(some("price", 0.3, lambda _: "2026-02-19")), DataCheck.TEXT, "price", '"2026-02-19", a date)'),
    Case("empty texts in place of numbers", text_in(0.2, ""), DataCheck.TEXT, "price", '"", nothing at all)'),
    Case("currency in numbers", each(some("price", 0.4, lambda v: f"{v} €")), DataCheck.TEXT, "price", " €"),
    Case("NaN", each(some("amount", 0.01, lambda _: float("nan"))), DataCheck.NOT_FINITE, "amount", "is NaN in 6 of 622 values"),
    Case("infinity", each(some("amount", 0.002, lambda _: float("inf"))), DataCheck.NOT_FINITE, "amount", "is infinite in 1 of 622"),
    Case("NaN as text", text_in(0.02, "NaN"), DataCheck.NOT_FINITE, "price", "is NaN in 12 of 622"),
    Case("a sentinel", each(some("items", 0.03, lambda _: -999)), DataCheck.RANGE, "items", "the least \N{MINUS SIGN}999"),
    Case("zero for none", each(some("amount", 0.08, lambda _: 0.0)), DataCheck.RANGE, "amount", "the least 0"),
    Case("cents", column("amount", lambda v, _: [x * 100 for x in v]), DataCheck.DRIFT, "amount", "103 times as large"),
    Case("cents in a tenth of the rows", each(some("amount", 0.1, lambda v: v * 100)), DataCheck.RANGE, "amount", "out of all range"),
    Case("thousands", column("tax", lambda v, _: [x / 1000 for x in v]), DataCheck.DRIFT, "tax", "times as small"),
    Case("the other sign", column("amount", lambda v, _: [-x for x in v]), DataCheck.DRIFT, "amount", "of the other sign"),
    Case("damaged by Latin-1", each(some("city", 1.0, lambda v: v.encode().decode("latin-1"))), DataCheck.ENCODING, "city", "damaged text"),
    Case("damaged by Windows-1252", each(some("note", 1.0, lambda v: v.encode().decode("cp1252"))), DataCheck.ENCODING, "note", "Ã"),
    Case("replaced characters", each(some("city", 0.3, lambda v: f"{v[:3]}\ufffd")), DataCheck.ENCODING, "city", "damaged text"),
    Case(
        "a burst of NULLs",
        each(some("items", 0.3, lambda _: None)),
        DataCheck.NULLS,
        "items",
        "187 of 622 rows, and in 10 more since; never NULL until",
    ),
    Case("all NULL", column("country", lambda v, _: [None] * len(v)), DataCheck.NULLS, "country", "is NULL in all 622 rows"),
    Case("more NULLs than usual", each(some("coupon", 0.8, lambda _: None)), DataCheck.NULLS, "coupon", "% of rows until"),
    Case("all zero", column("items", lambda v, _: [0] * len(v)), DataCheck.CONSTANT, "items", "is zero in all 622 values"),
    Case("a constant number", column("amount", lambda v, _: [9.99] * len(v)), DataCheck.CONSTANT, "amount", "is 9.99 in all"),
    Case("a constant text", column("device", lambda v, _: ["phone"] * len(v)), DataCheck.CONSTANT, "device", 'is "phone" in all'),
    Case("a constant category", column("country", lambda v, _: ["US"] * len(v)), DataCheck.CONSTANT, "country", 'is "US" in all'),
    Case("a constant truth", column("is_member", lambda v, _: [False] * len(v)), DataCheck.CONSTANT, "is_member", 'is "false" in all'),
    Case(
        "a frozen feature",
        frozen_amounts,
        DataCheck.FROZEN,
        "amount",
        "has to the digit the 622 values of the partition before",
        only=False,
    ),
    Case(
        "a partition again",
        instead(lambda clean: at_day(clean[BAD - timedelta(days=1)])),
        DataCheck.FROZEN,
        "",
        "partition 2026-02-19 has to the digit the rows of partition 2026-02-18",
    ),
    Case(
        "the partition of last week again",
        instead(lambda clean: at_day(clean[BAD - timedelta(days=7)])),
        DataCheck.FROZEN,
        "",
        "partition 2026-02-19 has to the digit the rows of partition 2026-02-12",
    ),
    Case("every row twice", instead(lambda clean: twice(clean[BAD])), DataCheck.ROWS, "", "partition 2026-02-19 has every row 2 times"),
    Case("every row three times", instead(lambda clean: twice(clean[BAD], 3)), DataCheck.ROWS, "", "has every row 3 times", only=False),
    Case(
        "four other days appended",
        instead(
            lambda clean: pa.Table.from_batches([at_day(clean[BAD - timedelta(days=n)]) for n in range(4)]).combine_chunks().to_batches()[0]
        ),
        DataCheck.ROWS,
        "",
        "those around it",
    ),
    Case(
        "a tenth of the rows",
        each(keep(lambda row: row["order_id"].endswith("7")), days=1),
        DataCheck.ROWS,
        "",
        "has 62 rows, those around",
    ),
    Case(
        "a partition that is missing",
        drop(lambda day: day == BAD),
        DataCheck.MISSING_PARTITION,
        "",
        "partition 2026-02-19 of project.shop",
        may_be_holiday=True,
    ),
    Case(
        "an empty partition",
        instead(lambda clean: clean[BAD].slice(0, 0)),
        DataCheck.MISSING_PARTITION,
        "",
        "is missing (1 of 56",
        may_be_holiday=True,
    ),
    Case(
        "a weekday that is missing",
        drop(lambda day: day >= BAD and day.weekday() == 3),
        DataCheck.MISSING_PARTITION,
        "",
        "missing (2 of 56 between 2026-01-05 and 2026-03-01, all Thursdays since then)",
        days=2,
    ),
    Case("swapped categories", swap("country", "device"), DataCheck.SWAPPED, "country", "and column device have changed places"),
    Case("swapped numbers", swap("amount", "items"), DataCheck.SWAPPED, "amount", "and column items have changed places"),
    Case("swapped number and text", swap("price", "country"), DataCheck.SWAPPED, "price", "and column country have changed places"),
    Case("another time zone", late(5), DataCheck.TIME_ZONE, "at", "runs 5 h late"),
    Case("another time zone to the west", late(-8), DataCheck.TIME_ZONE, "at", "runs 8 h early"),
    Case("hours after 16:00 cut", each(keep(lambda row: row["at"].hour < 16)), DataCheck.COVERAGE, "at", "no row from 16:00 to 22:00, and"),
    Case(
        "no time of day", column("at", lambda v, _: [x.replace(hour=0) for x in v]), DataCheck.COVERAGE, "at", "no row from 6:00 to 24:00"
    ),
    Case(
        "a segment that is missing", each(keep(lambda row: row["device"] != "desk")), DataCheck.COVERAGE, "device", 'has no row of "desk"'
    ),
    Case("a country that vanished", each(keep(lambda row: row["country"] != "FR")), DataCheck.COVERAGE, "country", 'has no row of "FR"'),
    Case("another case", each(some("country", 1.0, str.lower)), DataCheck.UNSEEN, "country", 'another spelling of "US")'),
    Case("spaces", each(some("country", 0.2, lambda v: f"{v} ")), DataCheck.UNSEEN, "country", 'another spelling of "US")'),
    Case(
        "a flood of new categories",
        column("country", lambda v, rng: [f"X{n}" for n in rng.integers(0, 5000, len(v))]),
        DataCheck.UNSEEN,
        "country",
        "never there in 622 of 622",
    ),
    Case(
        "a new category", each(some("device", 0.2, lambda _: "watch")), DataCheck.UNSEEN, "device", '124 of 622 rows (most often "watch")'
    ),
    Case("turned round", column("is_member", lambda v, _: [not x for x in v]), DataCheck.DRIFT, "is_member", "L-infinity"),
    Case("a category for another", each(some("country", 0.8, lambda _: "BR")), DataCheck.DRIFT, "country", '"BR" is 8'),
    Case("10,000 characters", each(some("note", 0.01, lambda _: "x" * 10_000)), DataCheck.LENGTH, "note", "a value of 10,000 characters"),
    Case(
        "10,000 characters in a category", each(some("city", 0.002, lambda _: "y" * 10_000)), DataCheck.LENGTH, "city", "10,000 characters"
    ),
    Case("10,000 characters in a number", text_in(0.01, "z" * 10_000), DataCheck.TEXT, "price", '"zzzz'),
    Case(
        "hostile values",
        each(some("country", 0.2, lambda _: HOSTILE)),
        DataCheck.UNSEEN,
        "country",
        r"\u202e<script>alert(1)</script>\x00\n",
    ),
    Case("hostile text in numbers", text_in(0.05, HOSTILE), DataCheck.TEXT, "price", r"\u202e<script>alert(1)</script>\x00\n"),
)


def named(case: Any) -> str:
    return str(case.name)


@pytest.mark.parametrize("case", CASES, ids=named)
@pytest.mark.parametrize("has_champion", [pytest.param(True, id="champion"), pytest.param(False, id="first run", marks=pytest.mark.slow)])
def test_a_spoilt_table_is_found_out(model: Model, case: Case, has_champion: bool, tmp_path: Path) -> None:
    champion = {day: rows for day, rows in shop().items() if day < FIRST + timedelta(days=CHAMPION_DAYS)} if has_champion else None
    findings = source_findings(model, case.change(shop()), champion)
    assert findings, "nothing was found"
    first, told = findings[0], [finding.sentence for finding in findings]
    blocks = case.blocks and (has_champion or not case.may_be_holiday)
    assert (first.check, first.column, first.since, first.blocks) == (case.check, case.column, case.since, blocks), told
    assert case.says in first.sentence
    assert case.days in (None, first.days), told
    assert not case.only or len(findings) == 1, told
    assert (refusal(findings) is not None) == blocks
