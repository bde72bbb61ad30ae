"""loyalty's query, against the same counted in Python, and at each of its edges."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from components.settings import Settings
from pipelines.local.seed import read_cdnow
from tests.pipelines.models.shop import Shop, open_shop

NEWCOMER, OCCASIONAL, REGULAR = range(3)
POINTS = ("cds_30_days", "cds_90_days", "cds_180_days", "cds_270_days", "cds_360_days", "largest_order", "large_orders")
DOLLARS = 9.9
Purchase = tuple[int, int, int | None]
"""Customer, days after the span, CDs."""


@pytest.fixture(scope="module")
def loyalty_shop(cloud: Settings) -> Shop:
    return open_shop(cloud, "loyalty")


def customers(shop: Shop, *purchases: Purchase) -> dict[int, dict[str, Any]]:
    """The rows by customer."""
    return shop.customers(*((*purchase, DOLLARS) for purchase in purchases))


def counted(purchases: Sequence[dict[str, Any]], as_of: date) -> list[dict[str, Any]]:
    """The training rows of a day, in Python."""
    by_customer: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for purchase in purchases:
        age = (as_of - date.fromisoformat(purchase["purchase_date"])).days
        by_customer[purchase["customer_id"]].append((age, purchase["number_of_cds"]))
    rows = []
    for customer, all_ in sorted(by_customer.items()):
        past = [(age, cds) for age, cds in all_ if 0 <= age < 360]
        last = min((age for age, _ in past), default=360)
        if last < 270:
            year = sum(-90 <= age < 270 for age, _ in all_)
            rows.append(
                {"as_of": as_of, "customer_id": customer}
                | {f"cds_{days}_days": sum(cds for age, cds in past if age < days) for days in (30, 90, 180, 270, 360)}
                | {"largest_order": max(cds for _, cds in past), "large_orders": sum(cds >= 3 for _, cds in past)}
                | {"recency_band": "0-30 days" if last <= 30 else "31-90 days" if last <= 90 else "91-270 days"}
                | {"level": NEWCOMER if year <= 1 else OCCASIONAL if year <= 4 else REGULAR}
            )
    return rows


def test_rows_of_cdnow_are_those_that_python_counts(loyalty_shop: Shop) -> None:
    _, days = read_cdnow()
    purchases = [purchase for day, rows in days.items() if day < date(1998, 4, 1) for purchase in rows]
    spans = [date(1997, 12, 14) + timedelta(weeks=week) for week in range(3)]
    table = loyalty_shop.load(purchases)
    together = loyalty_shop.ask(table, *spans)
    assert len(together) > 25_000
    for span in spans:
        rows = [row for row in together if row["as_of"] == span]
        assert rows == counted(purchases, span)
    assert rows == loyalty_shop.ask(table, span), "a span's rows depend on the window that it is in"


@pytest.mark.parametrize(("purchases", "level"), [(1, NEWCOMER), (2, OCCASIONAL), (4, OCCASIONAL), (5, REGULAR), (12, REGULAR)])
def test_a_level_is_a_number_of_purchases(loyalty_shop: Shop, purchases: int, level: int) -> None:
    assert customers(loyalty_shop, *[(1, -day, 1) for day in range(purchases)])[1]["level"] == level


def test_the_year_of_a_level_ends_ninety_days_later(loyalty_shop: Shop) -> None:
    edges = {1: -270, 2: -269, 3: 90, 4: 91}
    rows = customers(loyalty_shop, *[(customer, -1, 1) for customer in edges], *[(customer, day, 1) for customer, day in edges.items()])
    assert {customer: row["level"] for customer, row in rows.items()} == {1: NEWCOMER, 2: OCCASIONAL, 3: OCCASIONAL, 4: NEWCOMER}


def test_nothing_of_the_future_is_in_a_feature(loyalty_shop: Shop) -> None:
    rows = customers(loyalty_shop, (1, -5, 2), (2, -5, 2), (2, 1, 50), (2, 90, 50))
    assert {name: value for name, value in rows[2].items() if name not in {"customer_id", "level"}} == {
        name: value for name, value in rows[1].items() if name not in {"customer_id", "level"}
    }
    assert (rows[1]["level"], rows[2]["level"]) == (NEWCOMER, OCCASIONAL)


def test_who_did_not_buy_for_270_days_is_left_out(loyalty_shop: Shop) -> None:
    rows = customers(loyalty_shop, (1, -269, 2), (2, -270, 2), (3, -400, 2), (4, 1, 2))
    assert set(rows) == {1}
    assert rows[1]["recency_band"] == "91-270 days"


def test_windows_of_points_end_that_evening(loyalty_shop: Shop) -> None:
    ages = (0, 29, 30, 89, 90, 179, 180, 269, 270, 359, 360)
    row = customers(loyalty_shop, *[(1, -age, 2**place) for place, age in enumerate(ages)])[1]
    assert {days: row[f"cds_{days}_days"] for days in (30, 90, 180, 270, 360)} == {30: 3, 90: 15, 180: 63, 270: 255, 360: 1023}
    assert (row["largest_order"], row["large_orders"]) == (512, 8)


def test_purchases_whose_cds_are_not_known_earn_no_points(loyalty_shop: Shop) -> None:
    """When the source loses the column, every feature of the network is 0, and the labels are what they were."""
    purchases = [(1, -day, day % 4 + 1) for day in range(6)] + [(2, -40, 5)]
    known = customers(loyalty_shop, *purchases)
    lost = customers(loyalty_shop, *[(customer, day, None) for customer, day, _ in purchases])
    assert all(lost[customer][name] == 0 for customer in (1, 2) for name in POINTS)
    assert all(known[customer][name] > 0 for customer in (1, 2) for name in ("cds_90_days", "largest_order"))
    assert [(row["level"], row["recency_band"]) for row in lost.values()] == [(row["level"], row["recency_band"]) for row in known.values()]
