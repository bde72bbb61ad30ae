"""spend's query, against the same counted in Python."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from components.settings import Settings
from pipelines.local.seed import read_cdnow
from tests.pipelines.models.shop import Shop, open_shop


@pytest.fixture(scope="module")
def spend_shop(cloud: Settings) -> Shop:
    return open_shop(cloud, "spend")


def test_labels_of_cdnow_are_the_dollars_that_python_adds_up(spend_shop: Shop) -> None:
    _, days = read_cdnow()
    span = date(1997, 12, 28)
    purchases = [purchase for day, rows in days.items() if day < date(1998, 4, 15) for purchase in rows]
    before: defaultdict[object, list[date]] = defaultdict(list)
    after: defaultdict[object, Decimal] = defaultdict(Decimal)
    for purchase in purchases:
        day = date.fromisoformat(str(purchase["purchase_date"]))
        if day <= span:
            before[purchase["customer_id"]].append(day)
        elif day <= span + timedelta(days=90):
            after[purchase["customer_id"]] += Decimal(str(purchase["dollar_value"]))
    wanted = {customer: min(300.0, float(after[customer])) for customer, found in before.items() if (span - max(found)).days < 270}
    rows = spend_shop.ask(spend_shop.load(purchases), span)
    assert {row["customer_id"]: row["spent"] for row in rows} == wanted
    assert len(rows) > 5_000
    assert 0.5 < sum(not dollars for dollars in wanted.values()) / len(wanted) < 0.95


def test_the_ninety_days_of_the_label_begin_the_day_after(spend_shop: Shop) -> None:
    rows = spend_shop.customers((1, 0, 1, 5.25), (1, 1, 1, 7.5), (1, 90, 2, 0.25), (1, 91, 1, 100.0), (2, -269, 1, 3.0), (3, -270, 1, 3.0))
    assert {customer: (row["spent"], row["dollars"]) for customer, row in rows.items()} == {1: (7.75, 5.25), 2: (0.0, 3.0)}
    assert spend_shop.customers((1, 0, 1, 5.0), (1, 5, 90, 2_000.0))[1]["spent"] == 300
