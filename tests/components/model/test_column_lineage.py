"""Which features a column of the source feeds, in queries as teams write them."""

import pytest

from components.model.column_lineage import Lineage, trace
from components.settings import REPOSITORY

CHURN = (REPOSITORY / "pipelines" / "models" / "churn" / "source.sql").read_text()
CHURN_COLUMNS = ("customer_id", "purchase_date", "number_of_cds", "dollar_value")
MONEY = {"spend", "spend_90_days", "largest_purchase", "mean_purchase"}
DATES = {"days_since_purchase", "days_since_first", "purchases_30_days", "purchases_90_days", "spend_90_days", "recency_band"}
CHURN_FEATURES = tuple(sorted(MONEY | DATES | {"purchases", "cds", "segment", "churned"}))


def of(sql: str, *, columns: tuple[str, ...] = ("a", "b", "c", "d", "k"), features: tuple[str, ...] = ("x",)) -> Lineage:
    return trace(sql, columns, features, key="k")


def test_churns_money_feeds_the_features_of_money() -> None:
    lineage = trace(CHURN, CHURN_COLUMNS, CHURN_FEATURES, key="customer_id")
    assert lineage.is_known
    assert lineage.fed_by("dollar_value") == MONEY
    assert lineage.fed_by("number_of_cds") == {"cds"}
    assert lineage.values["purchase_date"] == DATES
    assert lineage.values["customer_id"] == {"churned"}


def test_churns_customers_and_dates_decide_which_rows_there_are_and_so_feed_all() -> None:
    lineage = trace(CHURN, CHURN_COLUMNS, CHURN_FEATURES, key="customer_id")
    assert lineage.deciding == {"customer_id", "purchase_date"}
    assert lineage.fed_by("customer_id") == lineage.fed_by("purchase_date") == set(CHURN_FEATURES)
    assert lineage.keys == {"customer_id"}


@pytest.mark.parametrize(
    ("sql", "fed"),
    [
        ("SELECT k, a + b AS x FROM {source}", "ab"),
        ("SELECT K, A AS X FROM {source}", "a"),
        ("SELECT k, x FROM (SELECT *, a + b AS x FROM {source})", "ab"),
        ("SELECT * FROM (SELECT k, a AS x FROM {source} UNION ALL SELECT k, c FROM {source})", "ac"),
        ("SELECT k, a AS x FROM {source} WHERE b > 1", "ab"),
        ("SELECT k, COUNT(*) AS x FROM {source} GROUP BY k", "k"),
        ("SELECT k, ANY_VALUE(a) AS x FROM {source} GROUP BY k HAVING MAX(d) > 0", "adk"),
        ("SELECT DISTINCT k, a AS x FROM {source}", "ak"),
        ("SELECT k, a AS x FROM {source} QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY d DESC) = 1", "adk"),
        ("SELECT k, a AS x FROM {source} ORDER BY d LIMIT 10", "ad"),
        ("SELECT k, a AS x FROM {source} ORDER BY d", "a"),
        ("SELECT k, LAG(a) OVER (PARTITION BY b ORDER BY c) AS x FROM {source}", "abc"),
        ("SELECT s.k, (SELECT MAX(o.a) FROM {source} AS o WHERE o.k = s.k AND o.b = 1) AS x FROM {source} AS s", "abk"),
        ("SELECT s.k, s.a AS x FROM {source} AS s WHERE EXISTS (SELECT 1 FROM {source} AS t WHERE t.c = s.c)", "ac"),
        ("SELECT k, b AS x FROM other JOIN {source} USING (k)", "bk"),
        ("SELECT k, SUM(part) AS x FROM {source}, UNNEST(a) AS part GROUP BY k", "ak"),
        ("SELECT k, SUM(i.price) AS x FROM {source} AS s, UNNEST(s.a) AS i GROUP BY k", "ak"),
        ("SELECT k, a.b.c AS x FROM {source}", "a"),
        ("SELECT k, 1 AS x FROM {source}", ""),
    ],
)
def test_a_feature_is_fed_by_what_it_is_computed_from_and_by_what_chooses_its_rows(sql: str, fed: str) -> None:
    lineage = of(sql)
    assert lineage.is_known
    assert {column for column in "abcdk" if lineage.fed_by(column)} == set(fed)


def test_a_star_feeds_every_column_by_its_name() -> None:
    lineage = of("SELECT * EXCEPT (b) REPLACE (a + d AS a) FROM {source}", features=("a", "c", "d"))
    assert {column: set(lineage.fed_by(column)) for column in "abcd"} == {"a": {"a"}, "b": set(), "c": {"c"}, "d": {"a", "d"}}


def test_a_feature_that_the_query_no_longer_has_is_fed_by_nothing_and_hides_nothing() -> None:
    lineage = of("SELECT k, a AS x FROM {source}", features=("x", "dropped"))
    assert lineage.is_known
    assert lineage.fed_by("a") == {"x"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT this is not sql",
        "SELECT k, x FROM {source} PIVOT (SUM(a) FOR b IN ('x'))",
        "SELECT k, unknown AS x FROM {source}",
        "SELECT k, y FROM {source}",
        "SELECT * FROM other",
        "",
    ],
)
def test_where_the_query_does_not_tell_every_column_feeds_every_feature(sql: str) -> None:
    lineage = of(sql, features=("x", "z"))
    assert not lineage.is_known
    assert lineage.fed_by("a") == {"x", "z"}
    assert lineage.keys == frozenset()
