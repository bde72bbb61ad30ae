"""Rows that are grouped, ordered and chosen by values whose computation may be an error."""

from datetime import date
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest

from tests.infra.emulators.bigquery_process import Dataset

ROWS = (
    "SELECT '12' AS text, 1.5 AS price, -2.0 AS factor, DATE '2026-01-05' AS day "
    "UNION ALL SELECT '25', 2.5, 3.0, DATE '2026-01-06' UNION ALL SELECT '12', 0.5, NULL, DATE '2026-01-06'"
)
TEN = "FLOOR(CAST(text AS FLOAT64) / 10)"
SHARE = "SUM(price) / COUNT(*)"
MONTH_END = (
    "DATE_SUB(DATE_ADD(DATE_TRUNC(DATE_ADD(DATE_TRUNC(DATE_SUB(DATE_TRUNC(DATE_SUB(DATE_ADD(day, INTERVAL 6 MONTH), INTERVAL 6 MONTH), "
    "MONTH), INTERVAL 1 MONTH), YEAR), INTERVAL 1 DAY), YEAR), INTERVAL 0 YEAR), INTERVAL 1 DAY)"
)
NEAREST = [(1,), (2,), (3,)]
TWICE = [(1.0,), (3.0,), (5.0,)]
FIRST = [(None,), (1.0,)]
OF_TEXTS = [("12", 1.0), ("12", 3.0), ("25", 5.0)]


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
        ("SELECT price / 10 AS tenth, COUNT(*) FROM shop GROUP BY price / 10 ORDER BY price / 10", [(0.05, 1), (0.15, 1), (0.25, 1)]),
        ("SELECT ROUND(price / 10), COUNT(*) FROM shop GROUP BY ROUND(price / 10) ORDER BY ROUND(price / 10)", [(0.0, 3)]),
        (
            "SELECT CAST(price * 1.0 AS INT64) AS whole FROM shop GROUP BY CAST(price * 1.0 AS INT64) ORDER BY CAST(price * 1.0 AS INT64)",
            NEAREST,
        ),
        (
            "SELECT SAFE_DIVIDE(price, factor) FROM shop GROUP BY SAFE_DIVIDE(price, factor) ORDER BY SAFE_DIVIDE(price, factor) LIMIT 1",
            [(None,)],
        ),
        ("SELECT LENGTH(text) / 2, COUNT(*) FROM shop GROUP BY LENGTH(text) / 2 ORDER BY LENGTH(text) / 2", [(1.0, 3)]),
        ("SELECT price * 2.0 AS twice FROM shop GROUP BY 1 ORDER BY price * 2.0", TWICE),
        ("SELECT price * 2.0 AS twice FROM shop GROUP BY twice ORDER BY price * 2.0", TWICE),
        ("SELECT price * 2.0 AS twice FROM shop GROUP BY ALL ORDER BY price * 2.0", TWICE),
        ("SELECT price * 2.0 AS price FROM shop GROUP BY 1 ORDER BY price", TWICE),
        ("SELECT t.price * 2.0 FROM shop AS t GROUP BY PRICE * 2.0 ORDER BY price * 2.0", TWICE),
        ("SELECT price * 2.0 AS twice FROM shop GROUP BY ROLLUP(price * 2.0) ORDER BY twice", [(None,), *TWICE]),
        (
            "SELECT price * 2.0 AS twice FROM shop GROUP BY GROUPING SETS((price * 2.0), (price * 2.0, text), ()) ORDER BY twice LIMIT 2",
            FIRST,
        ),
        (
            "SELECT GROUPING(price * 2.0) AS level, COUNT(*) FROM shop GROUP BY CUBE(price * 2.0) ORDER BY level DESC LIMIT 2",
            [(1, 3), (0, 1)],
        ),
        (
            "SELECT day + 1, COUNT(*) FROM shop AS t GROUP BY t.day + 1 ORDER BY day + 1 DESC",
            [(date(2026, 1, 7), 2), (date(2026, 1, 6), 1)],
        ),
        (
            "SELECT u.*, v.price * 2.0 FROM (SELECT text FROM shop) AS u JOIN shop AS v USING (text) GROUP BY 1, v.price * 2.0 ORDER BY 2",
            OF_TEXTS,
        ),
        (
            "SELECT u.price * 2.0, v.price * 2.0 FROM shop AS u, shop AS v GROUP BY v.price * 2.0, u.price * 2.0 ORDER BY 1, 2 LIMIT 2",
            [(1.0, 1.0), (1.0, 3.0)],
        ),
        (
            "SELECT LEAST(price, factor) AS least FROM shop GROUP BY LEAST(price, factor) ORDER BY LEAST(price, factor) DESC LIMIT 1",
            [(2.5,)],
        ),
        ("SELECT * FROM (SELECT text, price FROM shop) PIVOT(SUM(price) FOR text IN ('12', '25'))", [(2.0, 2.5)]),
        ("SELECT * FROM (SELECT text, price FROM shop) PIVOT(AVG(price) AS a, SUM(price * 2.0) AS s FOR text IN ('12'))", [(1.0, 4.0)]),
        (f"SELECT {MONTH_END} AS deep, COUNT(*) FROM shop GROUP BY {MONTH_END} ORDER BY deep", [(date(2024, 12, 31), 3)]),
        ("SELECT price AS p FROM shop UNION ALL SELECT factor FROM shop ORDER BY p DESC LIMIT 2", [(3.0,), (2.5,)]),
        ("SELECT price * 2.0 AS twice, COUNT(*) FROM shop GROUP BY ALL ORDER BY twice DESC LIMIT 1", [(5.0, 1)]),
        ("SELECT ROUND(price, 1) AS r FROM shop GROUP BY ROUND(price, 1) ORDER BY ROUND(price, 1)", [(0.5,), (1.5,), (2.5,)]),
        ("SELECT p FROM (SELECT price AS p FROM shop UNION DISTINCT SELECT 0.5 ORDER BY p LIMIT 1)", [(0.5,)]),
        ("SELECT price > 1.0, COUNT(*) FROM shop GROUP BY price > 1.0 ORDER BY price > 1.0", [(False, 1), (True, 2)]),
        (
            "SELECT JSON_VALUE(text, '$.a'), COUNT(*) FROM shop GROUP BY JSON_VALUE(text, '$.a') ORDER BY JSON_VALUE(text, '$.a')",
            [(None, 3)],
        ),
    ],
)
def test_what_may_fail_is_grouped_by(dataset: Dataset, query: str, expected: list[tuple[Any, ...]]) -> None:
    dataset.client.query_and_wait(f"CREATE TABLE {dataset.name}.shop AS {ROWS}")
    found = dataset.client.query_and_wait(query.replace("shop", f"{dataset.name}.shop"))
    assert [row.values() for row in found] == expected


@pytest.mark.parametrize("groups", ["price * 1e308", "1", "huge", "ALL", "ROLLUP(price * 1e308)"])
def test_a_group_that_overflows_is_refused(dataset: Dataset, groups: str) -> None:
    dataset.client.query_and_wait(f"CREATE TABLE {dataset.name}.shop AS {ROWS}")
    query = f"SELECT price * 1e308 AS huge, COUNT(*) FROM {dataset.name}.shop {{}} GROUP BY {groups} ORDER BY huge"
    with pytest.raises(BadRequest, match=r"double overflow: \*"):
        dataset.client.query_and_wait(query.format(""))
    assert [row.values() for row in dataset.client.query_and_wait(query.format("WHERE price < 1"))][-1:] == [(0.5e308, 1)]
