"""Rows that are grouped, ordered and chosen by values whose computation may be an error."""

from datetime import date
from typing import Any

import pytest

from tests.infra.emulators.bigquery_process import Dataset

ROWS = (
    "SELECT '12' AS text, 1.5 AS price, -2.0 AS factor, DATE '2026-01-05' AS day "
    "UNION ALL SELECT '25', 2.5, 3.0, DATE '2026-01-06' UNION ALL SELECT '12', 0.5, NULL, DATE '2026-01-06'"
)
TEN = "FLOOR(CAST(text AS FLOAT64) / 10)"
SHARE = "SUM(price) / COUNT(*)"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"SELECT {TEN} AS ten, COUNT(*) FROM shop GROUP BY {TEN} ORDER BY ten", [(1.0, 2), (2.0, 1)]),
        ("SELECT ABS(price) * 10 AS cost, COUNT(*) FROM shop GROUP BY ABS(price) * 10 ORDER BY cost", [(5.0, 1), (15.0, 1), (25.0, 1)]),
        ("SELECT DATE_TRUNC(day, YEAR) AS year, COUNT(*) FROM shop GROUP BY DATE_TRUNC(day, YEAR) ORDER BY year", [(date(2026, 1, 1), 3)]),
        (f"SELECT text, {SHARE} * 100.0 FROM shop GROUP BY text HAVING {SHARE} > 1 ORDER BY {SHARE}", [("25", 250.0)]),
        ("SELECT text, SUM(price) * 2.0 AS twice FROM shop GROUP BY text HAVING twice > 4.5 ORDER BY -twice", [("25", 5.0)]),
        ("SELECT text, SUM(price) / SUM(SUM(price)) OVER () FROM shop GROUP BY text ORDER BY text", [("12", 2 / 4.5), ("25", 2.5 / 4.5)]),
        ("SELECT (price + 1.5) * 2.0 AS a, price + 1.5 * 2.0 AS b FROM shop WHERE price < 1 GROUP BY price + 1.5 * 2.0, a", [(4.0, 3.5)]),
        ("SELECT MAX(each / ABS(price)) FROM (SELECT price, price * ABS(factor) AS each FROM shop)", [(3.0,)]),
    ],
)
def test_what_may_fail_is_grouped_by(dataset: Dataset, query: str, expected: list[tuple[Any, ...]]) -> None:
    dataset.client.query_and_wait(f"CREATE TABLE {dataset.name}.shop AS {ROWS}")
    found = dataset.client.query_and_wait(query.replace("shop", f"{dataset.name}.shop"))
    assert [row.values() for row in found] == expected
