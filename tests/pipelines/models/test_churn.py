"""churn's query, against the same counted in Python, and at each of its edges."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from components.settings import Settings
from pipelines.local.seed import read_cdnow
from tests.pipelines.models.shop import Shop, open_shop


@pytest.fixture(scope="module")
def churn_shop(cloud: Settings) -> Shop:
    return open_shop(cloud, "churn")


def counted(purchases: Sequence[dict[str, Any]], as_of: date) -> list[dict[str, Any]]:
    """The training rows of a day, in Python."""
    by_customer: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for purchase in purchases:
        by_customer[purchase["customer_id"]].append(purchase)
    rows = []
    for customer, all_ in sorted(by_customer.items()):
        ages = [((as_of - date.fromisoformat(purchase["purchase_date"])).days, purchase) for purchase in all_]
        past = [(age, purchase) for age, purchase in ages if 0 <= age < 730]
        if past:
            spend = sum(round(100 * purchase["dollar_value"]) for _, purchase in past) / 100
            last = min(age for age, _ in past)
            rows.append(
                {
                    "as_of": as_of,
                    "customer_id": customer,
                    "days_since_purchase": last,
                    "days_since_first": max(age for age, _ in past),
                    "purchases": len(past),
                    "purchases_30_days": sum(age < 30 for age, _ in past),
                    "purchases_90_days": sum(age < 90 for age, _ in past),
                    "cds": sum(purchase["number_of_cds"] for _, purchase in past),
                    "spend": pytest.approx(spend, abs=1e-9),
                    "spend_90_days": pytest.approx(sum(purchase["dollar_value"] for age, purchase in past if age < 90), abs=1e-9),
                    "largest_purchase": max(purchase["dollar_value"] for _, purchase in past),
                    "mean_purchase": pytest.approx(spend / len(past)),
                    "segment": "one-time" if len(past) == 1 else "occasional" if len(past) < 5 else "regular",
                    "recency_band": next(name for until, name in BANDS if last <= until),
                    "churned": int(not any(-30 <= age < 0 for age, _ in ages)),
                }
            )
    return rows


BANDS = ((30, "0-30 days"), (90, "31-90 days"), (365, "91-365 days"), (729, "over a year"))


def test_rows_of_cdnow_are_those_that_python_counts(churn_shop: Shop) -> None:
    _, days = read_cdnow()
    purchases = [purchase for day, rows in days.items() if day < date(1997, 6, 1) for purchase in rows]
    spans = [date(1997, 3, 2) + timedelta(weeks=week) for week in range(3)]
    table = churn_shop.load(purchases)
    together = churn_shop.ask(table, *spans)
    assert len(together) > 40_000
    for span in spans:
        rows = [row for row in together if row["as_of"] == span]
        assert rows == counted(purchases, span)
        assert rows == churn_shop.ask(table, span), "a span's rows depend on the window that it is in"


def test_the_past_is_two_years_and_ends_that_evening(churn_shop: Shop) -> None:
    rows = churn_shop.customers((1, -730, 9, 9.99), (1, 0, 1, 10.0), (2, -729, 2, 20.0), (3, -730, 9, 9.99), (4, 1, 9, 9.99))
    assert set(rows) == {1, 2}
    assert (rows[1]["purchases"], rows[1]["days_since_purchase"], rows[1]["cds"], rows[1]["spend"]) == (1, 0, 1, 10.0)
    assert (rows[2]["days_since_first"], rows[2]["recency_band"]) == (729, "over a year")


def test_nothing_of_the_future_is_in_a_feature(churn_shop: Shop) -> None:
    plain = churn_shop.customers((1, -5, 1, 10.0), (2, -5, 1, 10.0))
    told = churn_shop.customers((1, -5, 1, 10.0), (2, -5, 1, 10.0), (2, 1, 50, 999.0), (2, 31, 50, 999.0))
    assert told[1] == plain[1]
    assert told[2] == plain[2] | {"churned": 0}


@pytest.mark.parametrize(("days", "churned"), [(0, 1), (1, 0), (30, 0), (31, 1)])
def test_a_customer_stays_who_buys_on_one_of_the_next_thirty_days(churn_shop: Shop, days: int, churned: int) -> None:
    assert churn_shop.customers((1, -5, 1, 10.0), (1, days, 1, 10.0))[1]["churned"] == churned


def test_windows_of_thirty_and_ninety_days_end_that_evening(churn_shop: Shop) -> None:
    row = churn_shop.customers((1, -90, 1, 1.0), (1, -89, 1, 2.0), (1, -30, 1, 4.0), (1, -29, 1, 8.0), (1, 0, 1, 16.0))[1]
    assert (row["purchases"], row["purchases_30_days"], row["purchases_90_days"]) == (5, 2, 4)
    assert (row["spend"], row["spend_90_days"]) == (31.0, 30.0)


def test_every_customer_has_a_segment_and_a_band_of_the_schema(churn_shop: Shop) -> None:
    purchases = [(customer, -age, 1, 5.0) for customer, age in enumerate((0, 30, 31, 90, 91, 365, 366, 729))]
    rows = churn_shop.customers(*purchases, *[(0, -1, 1, 5.0)] * 3, *[(1, -40, 1, 5.0)] * 4)
    assert [rows[customer]["recency_band"] for customer in range(8)] == [name for _, name in BANDS for _ in range(2)]
    assert [rows[customer]["segment"] for customer in range(3)] == ["occasional", "regular", "one-time"]


def test_money_is_summed_exactly(churn_shop: Shop) -> None:
    row = churn_shop.customers(*[(1, -day, 1, 0.1) for day in range(10)])[1]
    assert (row["spend"], row["mean_purchase"], row["largest_purchase"]) == (1.0, 0.1, 0.1)
