"""Ways to spoil days of a shop's order lines: each takes a day's columns and a generator of random numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from components.looks.data_check import DataCheck
from tests.components.checks.shops import Days, Frame, grocery, marketplace, wholesale

Spoil = Callable[[Frame, np.random.Generator], Frame]


def only(holds: Callable[[Frame, np.random.Generator], np.ndarray]) -> Spoil:
    """Keep the rows of which something holds."""

    def spoil(frame: Frame, rng: np.random.Generator) -> Frame:
        kept = holds(frame, rng)
        return {name: values[kept] for name, values in frame.items()}

    return spoil


def hours_lost(column: str, first: int, end: int, share: float = 1.0) -> Spoil:
    """The rows of some hours are gone, or a share of them."""
    return only(
        lambda frame, rng: ~((_hour(frame[column]) >= first) & (_hour(frame[column]) < end) & (rng.random(len(frame[column])) < share))
    )


def _hour(times: np.ndarray) -> np.ndarray:
    hours: np.ndarray = (times - times.astype("datetime64[D]")) // np.timedelta64(1, "h")
    return hours


def put(column: str, share: float, make: Callable[[Any], Any]) -> Spoil:
    """Other values in a share of the rows."""

    def spoil(frame: Frame, rng: np.random.Generator) -> Frame:
        values = frame[column].astype(object)
        for place in np.flatnonzero(rng.random(len(values)) < share):
            values[place] = make(values[place])
        return frame | {column: _typed(values)}

    return spoil


def _typed(values: np.ndarray) -> np.ndarray:
    """Numbers as numbers and truths as truths, where none is text or missing."""
    if all(isinstance(value, bool | np.bool_) for value in values):
        return values.astype(bool)
    return values.astype(float) if all(isinstance(value, int | float | np.number) for value in values) else values


def texts(column: str) -> Spoil:
    """Numbers written as text, as the column is from the first day on."""
    return lambda frame, _: frame | {column: np.array([f"{value:.2f}" for value in frame[column]], object)}


def moved(column: str, hours: int) -> Spoil:
    """Another time zone."""
    return lambda frame, _: frame | {column: frame[column] + np.timedelta64(hours, "h")}


def in_both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(frame: Frame, rng: np.random.Generator) -> Frame:
        for one in spoils:
            frame = one(frame, rng)
        return frame

    return spoil


@dataclass(frozen=True)
class Fault:
    """A way to spoil a shop, and what has to be found first."""

    name: str
    shop: Callable[[int], Days]
    spoil: Spoil
    column: str
    checks: tuple[DataCheck, ...]
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """The weekdays that are spoilt."""
    days: int = 10
    """For so many days."""
    always: Spoil | None = None
    """What the clean days are like too."""
    others: tuple[str, ...] = ()
    """Other columns that it needs."""

    def of(self, day: date) -> bool:
        """Whether it spoils a day of the week."""
        return day.weekday() in self.weekdays


FAULTS = (
    Fault("three hours of every day gone", wholesale, hours_lost("ordered_at", 11, 14), "ordered_at", (DataCheck.COVERAGE,)),
    Fault("three hours of Tuesdays gone", wholesale, hours_lost("ordered_at", 11, 14), "ordered_at", (DataCheck.COVERAGE,), (1,), 14),
    Fault("three hours of three weekdays gone", grocery, hours_lost("sold_at", 10, 13), "sold_at", (DataCheck.COVERAGE,), (0, 2, 4), 14),
    Fault("three busy hours gone", grocery, hours_lost("sold_at", 16, 19), "sold_at", (DataCheck.COVERAGE,)),
    Fault("the evening gone", grocery, hours_lost("sold_at", 17, 24), "sold_at", (DataCheck.COVERAGE,)),
    Fault("five hours of the night gone", marketplace, hours_lost("placed_at", 18, 23), "placed_at", (DataCheck.COVERAGE,)),
    Fault("an hour late, twice", wholesale, moved("ordered_at", 3), "ordered_at", (DataCheck.TIME_ZONE, DataCheck.COVERAGE)),
    Fault("another time zone", marketplace, moved("placed_at", -6), "placed_at", (DataCheck.TIME_ZONE,)),
    Fault("prices in cents", wholesale, put("price", 1.0, lambda v: v * 100), "price", (DataCheck.DRIFT, DataCheck.UNIT, DataCheck.RANGE)),
    Fault(
        "a third of prices in cents",
        wholesale,
        put("price", 0.33, lambda v: v * 100),
        "price",
        (DataCheck.UNIT, DataCheck.RANGE, DataCheck.DRIFT),
    ),
    Fault("a tenth of prices in cents", wholesale, put("price", 0.1, lambda v: v * 100), "price", (DataCheck.UNIT, DataCheck.RANGE)),
    Fault(
        "a fifth of amounts in cents",
        grocery,
        put("amount", 0.2, lambda v: v * 100),
        "amount",
        (DataCheck.UNIT, DataCheck.RANGE, DataCheck.DRIFT),
    ),
    Fault(
        "weights in grams", grocery, put("weight", 1.0, lambda v: v * 1000), "weight", (DataCheck.DRIFT, DataCheck.UNIT, DataCheck.RANGE)
    ),
    Fault("a currency in a price", wholesale, put("price", 0.02, lambda v: f"{v} EUR"), "price", (DataCheck.TEXT,), always=texts("price")),
    Fault("n/a in an amount", grocery, put("amount", 0.003, lambda _: "n/a"), "amount", (DataCheck.TEXT,), always=texts("amount")),
    Fault(
        "codes with a sign before", wholesale, put("stock_code", 0.05, lambda v: f"#{v}"), "stock_code", (DataCheck.UNSEEN, DataCheck.TEXT)
    ),
    Fault("a default in codes", wholesale, put("stock_code", 0.08, lambda _: "UNKNOWN"), "stock_code", (DataCheck.UNSEEN, DataCheck.TEXT)),
    Fault("codes of another list", marketplace, put("sku", 0.3, lambda v: v.replace("-", "_")), "sku", (DataCheck.UNSEEN,)),
    Fault("a new spelling of a category", grocery, put("department", 0.15, str.upper), "department", (DataCheck.UNSEEN,)),
    Fault("one category for all", grocery, put("department", 1.0, lambda _: "home"), "department", (DataCheck.CONSTANT,)),
    Fault("one country for all", wholesale, put("country", 1.0, lambda _: "Land 3"), "country", (DataCheck.CONSTANT, DataCheck.DRIFT)),
    Fault("NULL where none was", wholesale, put("price", 0.04, lambda _: None), "price", (DataCheck.NULLS,)),
    Fault("NULL in a new share of members", grocery, put("member", 0.5, lambda _: None), "member", (DataCheck.NULLS,)),
    Fault("no customers", wholesale, put("customer", 1.0, lambda _: None), "customer", (DataCheck.NULLS,)),
    Fault(
        "half of the customers gone, where the share swings",
        wholesale,
        put("customer", 0.5, lambda _: None),
        "customer",
        (DataCheck.NULLS,),
        days=14,
    ),
    Fault("discounts gone", marketplace, put("discount", 1.0, lambda _: None), "discount", (DataCheck.NULLS,)),
    Fault("returns without a sign", wholesale, put("quantity", 1.0, lambda v: -v), "quantity", (DataCheck.DRIFT,)),
    Fault("most tenders alike", grocery, put("tender", 0.8, lambda _: "voucher"), "tender", (DataCheck.DRIFT,)),
    Fault("a sentinel in a quantity", wholesale, put("quantity", 0.03, lambda _: -99_999), "quantity", (DataCheck.RANGE,)),
    Fault("damaged text", marketplace, put("note", 1.0, lambda v: v and v.replace("e", "\ufffd")), "note", (DataCheck.ENCODING,)),
)
