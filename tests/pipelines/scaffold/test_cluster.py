"""Which rows of a day belong together: lines of orders, events of sessions, readings of sensors, and no countries."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.scaffold.cluster import find_cluster
from pipelines.scaffold.features import guess_features
from pipelines.scaffold.table import SourceTable

FIRST, DAYS = date(2025, 3, 3), 30
KINDS = {"int64": "INTEGER", "string": "STRING", "double": "FLOAT", "timestamp[us, tz=UTC]": "TIMESTAMP", "date32[day]": "DATE"}


def table(rows: dict[str, Any], day: np.ndarray, hour: np.ndarray | None = None) -> SourceTable:
    """A table of days, or of moments if there are hours. All have a country, which is a category, and a label."""
    chance = np.random.default_rng(9)
    days = [FIRST + timedelta(days=int(number)) for number in day]
    moments = [
        datetime(one.year, one.month, one.day, int(at), tzinfo=UTC) for one, at in zip(days, [] if hour is None else hour, strict=False)
    ]
    others = {"country": chance.choice([f"C{n}" for n in range(30)], len(day)), "row": chance.permutation(len(day)), "y": day % 2}
    found = pa.table({"day": pa.array(days), **{name: pa.array(values) for name, values in (rows | others).items()}})
    kinds = {field.name: KINDS[str(field.type)] for field in found.schema} | ({"day": "TIMESTAMP"} if moments else {})
    return SourceTable("shop.rows", "day", kinds, tuple(sorted({*days})), found, pa.chunked_array([moments]) if moments else None)


def orders() -> SourceTable:
    """Lines of 40 to 60 orders a day, some by customers who come again, of articles of which some are popular."""
    chance = np.random.default_rng(1)
    day = np.repeat(np.arange(DAYS), chance.integers(40, 60, DAYS))
    lines = chance.geometric(0.4, len(day))
    order = np.repeat(np.arange(len(day)), lines)
    columns = {
        "order": [f"O{number}" for number in order],
        "line": np.concatenate([np.arange(1, count + 1) for count in lines]),
        "article": chance.zipf(1.8, len(order)) % 500,
        "channel": chance.choice(["web", "app", "shop"], len(day))[order],
    }
    return table(columns, np.repeat(day, lines))


def sensors(count: int = 40, loss: float = 0.02) -> SourceTable:
    """A reading an hour of each, of which few are lost; sensors stand in six places, and it is day or night."""
    chance = np.random.default_rng(2)
    day, sensor, hour = (each.ravel() for each in np.meshgrid(np.arange(DAYS), np.arange(count), np.arange(24), indexing="ij"))
    kept = chance.random(len(day)) > loss
    day, sensor, hour = day[kept], sensor[kept], hour[kept]
    columns = {"sensor": sensor + 700, "place": [f"P{s % 6}" for s in sensor], "clock": hour, "light": np.where(hour // 12 == 1, "a", "b")}
    return table(columns, day, hour)


def couriers() -> SourceTable:
    """Some 30 parcels a day of each of 30 couriers who work three days in five."""
    chance = np.random.default_rng(3)
    day, courier = (each.ravel() for each in np.meshgrid(np.arange(DAYS), np.arange(30), indexing="ij"))
    count = chance.integers(20, 40, len(day)) * (chance.random(len(day)) < 0.6)
    return table({"courier": [f"K{number}" for number in np.repeat(courier, count)]}, np.repeat(day, count))


def shops() -> SourceTable:
    """A row a day of each of 20 products in each of 12 shops."""
    day, shop, product = (each.ravel() for each in np.meshgrid(np.arange(DAYS), np.arange(12), np.arange(20), indexing="ij"))
    return table({"shop": [f"S{number}" for number in shop], "product": [f"A{number}" for number in product]}, day)


def events() -> SourceTable:
    """Events of 25 machines, more of some than of others, at any time."""
    chance = np.random.default_rng(4)
    day, machine = (each.ravel() for each in np.meshgrid(np.arange(DAYS), np.arange(25), indexing="ij"))
    count = chance.poisson(4 + machine)
    return table({"machine": [f"M{number}" for number in np.repeat(machine, count)]}, np.repeat(day, count))


def trials() -> SourceTable:
    """As many visitors a day with one of three prices as with another, at any time."""
    day = np.repeat(np.arange(DAYS), 120)
    return table({"price": [f"P{number % 3}" for number in range(len(day))]}, day, np.random.default_rng(7).integers(0, 24, len(day)))


def purchases() -> SourceTable:
    """Independent ones."""
    return table({}, np.repeat(np.arange(DAYS), np.random.default_rng(5).poisson(200, DAYS)))


@pytest.mark.parametrize(
    ("of", "key", "cluster"),
    [
        (orders(), "order,line", "order"),
        (orders(), "row", "order"),
        (sensors(), "sensor,day", "sensor"),
        (sensors(), "row", "sensor"),
        (sensors(count=4), "row", "sensor"),
        (couriers(), "row", "courier"),
        (shops(), "shop,product", "product"),
        (events(), "machine,row", "machine"),
        (purchases(), "row", None),
        (trials(), "row", None),
        (purchases(), "country,row", "country"),
    ],
    ids=lambda each: each.name if isinstance(each, SourceTable) else None,
)
def test_the_column_is_found_whose_value_rows_share_that_belong_together(of: SourceTable, key: str, cluster: str | None) -> None:
    assert find_cluster(of, key.split(","), "y") == cluster


def test_a_value_that_is_on_no_two_days_is_no_feature() -> None:
    guess = guess_features(orders(), key=("row",), label="y", labels=np.zeros(orders().rows.num_rows, int))
    assert guess.left_out["order"] == "no value of it is there on two days, as of an order"
    assert "order" in guess.ids
    assert {"article", "line", "channel"} <= {feature.column for feature in guess.features}
    assert "sensor" in {
        one.column for one in guess_features(sensors(), key=("row",), label="y", labels=np.zeros(sensors().rows.num_rows, int)).features
    }


def test_of_a_large_table_the_newest_week_tells_since_the_sample_has_a_share_of_the_rows() -> None:
    whole = orders()
    rows = whole.rows.filter(pa.array(np.random.default_rng(6).random(whole.rows.num_rows) < 0.05))
    thin = SourceTable(whole.name, whole.partition_field, whole.columns, whole.days, rows)
    assert find_cluster(thin, ("row",), "y") is None
    week = whole.rows.filter(pa.array([day >= FIRST + timedelta(days=DAYS - 7) for day in whole.rows.column("day").to_pylist()]))
    known = SourceTable(whole.name, whole.partition_field, whole.columns, whole.days, rows, None, week)
    assert find_cluster(known, ("row",), "y") == "order"
    guess = guess_features(known, key=("row",), label="y", labels=np.zeros(rows.num_rows, int))
    assert "order" in guess.ids
