"""Ways to spoil days of the tables that are unlike the shops."""

from typing import Any

import numpy as np

from components.looks.data_check import DataCheck
from tests.components.checks.shop_faults import Fault, hours_lost, moved, only, put, texts
from tests.components.checks.shops import Frame
from tests.components.checks.tables import bakery, clinic, ledger, loans, parcels, subscriptions

DRIFT, UNIT, RANGE, NULLS = DataCheck.DRIFT, DataCheck.UNIT, DataCheck.RANGE, DataCheck.NULLS
CONSTANT, UNSEEN, COVERAGE, TEXT = DataCheck.CONSTANT, DataCheck.UNSEEN, DataCheck.COVERAGE, DataCheck.TEXT


def set_where(column: str, other: str, values: tuple[Any, ...], value: Any) -> Any:
    """Another value in the rows of which another column has one of some values."""

    def spoil(frame: Frame, _rng: np.random.Generator) -> Frame:
        changed = frame[column].astype(object)
        changed[np.isin(frame[other].astype(object), values)] = value
        return frame | {column: changed}

    return spoil


def swapped(one: str, other: str) -> Any:
    """Two columns have each other's values."""
    return lambda frame, _rng: frame | {one: frame[other], other: frame[one]}


TABLE_FAULTS = (
    Fault("prices in cents", bakery, put("unit_price", 1.0, lambda v: v * 100), "unit_price", (DRIFT, UNIT, RANGE)),
    Fault("a quarter of prices in cents", bakery, put("unit_price", 0.25, lambda v: v * 100), "unit_price", (UNIT, RANGE)),
    Fault("a currency in prices", bakery, put("unit_price", 1.0, lambda v: f"{v} EUR"), "unit_price", (TEXT,), always=texts("unit_price")),
    Fault("ages lost for half", bakery, put("age", 0.5, lambda _: None), "age", (NULLS,)),
    Fault("a channel gone", bakery, only(lambda frame, _: frame["channel"] != "web"), "channel", (COVERAGE, DRIFT)),
    Fault("a channel spelt otherwise", bakery, set_where("channel", "channel", ("web",), "WEB"), "channel", (UNSEEN,)),
    Fault("one store for all", bakery, put("store", 1.0, lambda _: "S1"), "store", (CONSTANT,)),
    Fault("the afternoon gone", bakery, hours_lost("sold_at", 14, 18), "sold_at", (COVERAGE,)),
    Fault("Tuesday mornings gone", bakery, hours_lost("sold_at", 8, 11), "sold_at", (COVERAGE,), (1,), 14),
    Fault("two hours late", bakery, moved("sold_at", 2), "sold_at", (DataCheck.TIME_ZONE,)),
    Fault("an amount in thousands", ledger, put("amount", 1.0, lambda v: v / 1000), "amount", (UNIT, DRIFT)),
    Fault("half of amounts in cents", ledger, put("amount", 0.5, lambda v: v * 100), "amount", (UNIT, RANGE, DRIFT)),
    Fault("no branches", ledger, put("branch", 1.0, lambda _: None), "branch", (NULLS,)),
    Fault("no currency in some", ledger, put("currency", 0.05, lambda _: None), "currency", (NULLS,)),
    Fault("card payments gone", ledger, only(lambda frame, _: frame["kind"] != "card"), "kind", (COVERAGE, DRIFT)),
    Fault("risks lost where a third has none", ledger, put("risk", 0.6, lambda _: None), "risk", (NULLS,)),
    Fault("a three hours' shift", ledger, moved("booked_at", 3), "booked_at", (DataCheck.TIME_ZONE,)),
    Fault("plans and countries swapped", subscriptions, swapped("plan", "country"), "plan", (DataCheck.SWAPPED,), others=("country",)),
    Fault(
        "no time of day",
        subscriptions,
        lambda frame, _: frame | {"paid_at": frame["paid_at"].astype("datetime64[D]").astype("datetime64[us]")},
        "paid_at",
        (COVERAGE, CONSTANT),
    ),
    Fault("a plan gone", subscriptions, only(lambda frame, _: frame["plan"] != "pro"), "plan", (COVERAGE, DRIFT)),
    Fault("every second coupon", subscriptions, put("coupon", 1.0, lambda v: v or "C1"), "coupon", (DRIFT, CONSTANT)),
    Fault("one country for all", subscriptions, put("country", 1.0, lambda _: "US"), "country", (CONSTANT,)),
    Fault("refunds in cents", subscriptions, put("amount", 0.3, lambda v: v * 100), "amount", (UNIT, RANGE, DRIFT)),
    Fault("incomes lost for a third", loans, put("income", 0.35, lambda _: None), "income", (NULLS,)),
    Fault("income of 0 for none", loans, put("income", 0.1, lambda _: 0.0), "income", (RANGE,)),
    Fault("amounts in thousands", loans, put("amount", 1.0, lambda v: v / 1000), "amount", (UNIT, RANGE, DRIFT)),
    Fault("everybody is new", loans, put("is_new", 1.0, lambda _: True), "is_new", (CONSTANT,)),
    Fault("regions without their letter", loans, put("region", 1.0, lambda v: v[1:]), "region", (UNSEEN, DRIFT)),
    Fault("ages as years of birth", loans, put("age", 0.2, lambda v: 2023 - v), "age", (RANGE, UNIT)),
    Fault("a weight lost", parcels, put("weight", 0.2, lambda _: None), "weight", (NULLS,)),
    Fault("weights in grams", parcels, put("weight", 1.0, lambda v: v * 1000), "weight", (UNIT, RANGE, DRIFT)),
    Fault("damaged umlauts", parcels, put("Kind of", 1.0, lambda v: v.replace("Ü", "Ã\u009c")), "Kind of", (DataCheck.ENCODING, UNSEEN)),
    Fault("fees in cents", clinic, put("fee", 1.0, lambda v: v * 100), "fee", (UNIT, RANGE, DRIFT)),
    Fault("doctors lost", clinic, put("doctor", 1.0, lambda _: None), "doctor", (NULLS,)),
    Fault("half of the ages lost", clinic, put("age", 0.5, lambda _: None), "age", (NULLS,)),
    Fault("minutes in seconds", clinic, put("minutes", 1.0, lambda v: v * 60), "minutes", (UNIT, RANGE, DRIFT)),
    Fault("a code's letter in lower case", clinic, put("icd", 1.0, str.lower), "icd", (UNSEEN, DRIFT)),
)
