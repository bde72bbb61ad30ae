"""How `perennial new` plans the spans of a model: days, weeks or months, and how many of them."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from components.errors import SourceError
from pipelines.scaffold.plan import make_plan
from pipelines.scaffold.table import SourceTable
from tests.pipelines.scaffold.rows import draft, loans, with_label


@pytest.mark.parametrize(
    ("days", "closed", "every", "spans"),
    [(40, None, 1, 34), (90, None, 1, 60), (90, 6, 7, 11), (200, 0, 7, 16)],
)
def test_spans_are_days_or_weeks_if_some_days_have_no_rows(days: int, closed: int | None, every: int, spans: int) -> None:
    plan = make_plan(loans(days, rows=60, closed_weekday=closed), 5)
    assert (plan.every_days, plan.spans) == (every, spans)


@pytest.mark.parametrize(
    ("days", "rows", "every", "spans", "span"),
    [
        (200, 30, 1, 100, "a day"),
        (900, 5, 7, 86, "a week, since a day has few rows"),
        (900, 1, 7, 126, "a week, since a day has few rows"),
    ],
)
def test_a_table_of_few_rows_has_more_spans(days: int, rows: int, every: int, spans: int, span: str) -> None:
    plan = make_plan(loans(days, rows), 5)
    assert (plan.every_days, plan.spans, plan.span) == (every, spans, span)


def test_spans_of_a_table_with_rows_once_a_month_are_months_and_a_key_of_each_month_is_told_apart() -> None:
    table = only(loans(900, rows=5), lambda day: day.day == 1)
    made = draft(with_label(table, "customer", "INTEGER", [1, 2, 3, 4, 5]), key="customer")
    assert (made.plan.every_days, made.plan.spans, made.plan.closed) == (31, 26, ())
    assert "CONCAT(CAST(t.`customer` AS STRING), ' ', CAST(t.`applied` AS STRING)) AS `customer_applied`" in made.render()["source.sql"]
    assert "BETWEEN DATE_SUB(as_of, INTERVAL 30 DAY) AND as_of\n" in made.render()["source.sql"]


def test_the_days_of_a_break_that_is_longer_than_a_span_are_closed() -> None:
    first, last = date(2023, 2, 20), date(2023, 3, 4)
    table = only(loans(90, rows=50, closed_weekday=6), lambda day: not first <= day <= last)
    made = draft(table)
    assert made.plan.every_days == 7
    closed = tomllib.loads(made.render()["model.toml"])["checks"]["closed"]
    assert closed == ["Sunday", *(day for n in range(13) if (day := first + timedelta(days=n)).weekday() != 6)]
    assert draft(loans(90, closed_weekday=6)).plan.closed == ()


def only(table: SourceTable, is_there: Callable[[date], bool]) -> SourceTable:
    """The rows of some days."""
    days = tuple(day for day in table.days if is_there(day))
    rows = table.rows.filter(pc.is_in(table.rows.column("applied"), pa.array(days)))
    return replace(table, days=days, rows=rows)


def test_a_newest_day_that_is_not_whole_is_told() -> None:
    table = loans(30, rows=60)
    assert table.last_whole is None
    assert replace(table, rows=table.rows.slice(0, 29 * 60 + 10)).last_whole == table.days[-2]


@pytest.mark.parametrize(
    ("days", "rows", "needed"),
    [(6, 60, "10 days"), (6, 1, "40 days, for spans of 7 days, since a day has few rows")],
)
def test_too_few_days_are_named(days: int, rows: int, needed: str) -> None:
    with pytest.raises(
        SourceError, match=f"^table bank.loans has 6 days with rows from 2023-01-02 to 2023-01-07; a model needs {needed}: load more$"
    ):
        make_plan(loans(days, rows), 5)
