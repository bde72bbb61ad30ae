"""Three tables by day, made by formula, each with a label that depends on its columns; and forty incidents that happen to them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Columns = dict[str, np.ndarray]
"""Values by column; object arrays where some are None."""
Spoil = Callable[[Columns, np.random.Generator], Columns]

ROWS = 700


@dataclass(frozen=True, eq=False)
class World:
    """A table, and what its labels follow from."""

    name: str
    numbers: Mapping[str, tuple[float, float]]
    """Mean and spread of the normal that each number is made of; those of a mean above 20 are its exponential's, as amounts are."""
    groups: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, float]
    """What a standard deviation of a number, or a step of a group's values, adds to the label's log odds."""
    casts: frozenset[str] = frozenset()
    """Numbers that the table holds as text."""
    offset: float = -0.3
    scale: Mapping[str, float] = field(default_factory=dict)

    def rows(self, rng: np.random.Generator) -> tuple[Columns, np.ndarray]:
        """The rows of a day, as they truly are, and their labels."""
        count, odds, columns = int(rng.poisson(ROWS)), np.full(1, self.offset), Columns()
        for name, (mean, spread) in self.numbers.items():
            normal = rng.normal(size=count)
            odds = odds + self.weights.get(name, 0.0) * normal
            value = np.exp(math.log(mean) + spread * normal) if mean > 20 else mean + spread * normal
            columns[name] = np.round(value * self.scale.get(name, 1.0), 2)
        for name, values in self.groups.items():
            chosen = rng.choice(len(values), count, p=_shares(len(values)))
            odds = odds + self.weights.get(name, 0.0) * (chosen - (len(values) - 1) / 2)
            columns[name] = np.array(values, object)[chosen]
        columns["key"] = rng.integers(0, 1_000_000, count)
        return columns, (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(np.int64)


def _shares(count: int) -> np.ndarray:
    shares = 1 / np.arange(2, count + 2)
    return np.asarray(shares / shares.sum())


ORDERS = World(
    "orders",
    {"amount": (40.0, 0.6), "items": (6.0, 1.5), "hour": (13.0, 3.0)},
    {"segment": ("web", "shop", "app", "phone")},
    {"amount": 0.8, "items": 0.5, "hour": -0.4, "segment": 0.7},
    casts=frozenset({"amount"}),
)
FLIGHTS = World(
    "flights",
    {"distance": (900.0, 0.5), "minute": (15.0, 4.0), "temperature": (12.0, 6.0)},
    {"carrier": ("UA", "DL", "AA", "B6", "WN")},
    {"distance": -0.5, "minute": 0.9, "temperature": -0.6, "carrier": 0.4},
)
VISITS = World(
    "visits",
    {"pages": (9.0, 2.0), "seconds": (180.0, 0.7), "age": (14.0, 3.0)},
    {"device": ("phone", "desk", "tablet"), "country": ("US", "DE", "FR", "BR")},
    {"pages": 0.9, "seconds": 0.6, "age": 0.3, "device": -0.7, "country": 0.3},
)
WORLDS = (ORDERS, FLIGHTS, VISITS)


@dataclass(frozen=True)
class Incident:
    """What happens to a world: its source breaks in a column, or labels follow from something else."""

    world: World
    what: str
    column: str = ""
    """That is broken; empty if the world changed."""
    spoil: Spoil | None = None
    after: World | None = None
    """What the world is since."""

    @property
    def is_broken(self) -> bool:
        """Whether training would learn a fault."""
        return self.spoil is not None


def put(column: str, make: Callable[[Any], Any], share: float = 1.0) -> Spoil:
    """Other values in a share of the rows."""

    def spoil(columns: Columns, rng: np.random.Generator) -> Columns:
        values = columns[column].astype(object)
        for place in np.flatnonzero(rng.random(len(values)) < share):
            values[place] = make(values[place])
        return columns | {column: values}

    return spoil


def _broken(world: World, column: str, what: str, make: Callable[[Any], Any], share: float = 1.0) -> Incident:
    return Incident(world, f"{column}: {what}", column, put(column, make, share))


BROKEN = (
    _broken(ORDERS, "amount", "60 % NULL", lambda _: None, 0.6),
    _broken(ORDERS, "amount", "in cents", lambda value: value * 100),
    _broken(ORDERS, "amount", "a currency behind each", lambda value: f"{value} USD"),
    _broken(ORDERS, "amount", "text in 40 %", lambda value: f"{value} USD", 0.4),
    _broken(ORDERS, "segment", "in capitals", str.upper),
    _broken(ORDERS, "segment", "all the same", lambda _: "web"),
    _broken(ORDERS, "items", "always NULL", lambda _: None),
    _broken(FLIGHTS, "carrier", "all the same", lambda _: "UA"),
    _broken(FLIGHTS, "carrier", "60 % NULL", lambda _: None, 0.6),
    _broken(FLIGHTS, "carrier", "lower case", str.lower),
    _broken(FLIGHTS, "distance", "in metres", lambda value: value * 1609),
    _broken(FLIGHTS, "temperature", "always -999", lambda _: -999.0),
    _broken(FLIGHTS, "minute", "always NULL", lambda _: None),
    _broken(VISITS, "pages", "always 0", lambda _: 0.0),
    _broken(VISITS, "pages", "half NULL", lambda _: None, 0.5),
    _broken(VISITS, "seconds", "in milliseconds", lambda value: value * 1000),
    _broken(VISITS, "device", "always NULL", lambda _: None),
    _broken(VISITS, "device", "with a letter before", lambda value: f"d:{value}"),
    _broken(VISITS, "country", "all the same", lambda _: "US"),
    _broken(VISITS, "age", "always NULL", lambda _: None),
)


def _changed(world: World, what: str, *, scale: Mapping[str, float] | None = None, offset: float = 0.0, **weights: float) -> Incident:
    after = replace(world, weights={**world.weights, **weights}, offset=world.offset + offset, scale=scale or {})
    return Incident(world, what, after=after)


CHANGED = (
    _changed(ORDERS, "large amounts no longer tell", amount=-0.8),
    _changed(ORDERS, "other segments", segment=-0.7),
    _changed(ORDERS, "many items tell the opposite", items=-0.9),
    _changed(ORDERS, "late hours", hour=0.8),
    _changed(ORDERS, "more of the label", offset=1.5),
    _changed(ORDERS, "less of the label", offset=-1.5),
    _changed(ORDERS, "prices + 30 %, and other segments", scale={"amount": 1.3}, segment=-0.7),
    _changed(FLIGHTS, "mornings", minute=-0.9),
    _changed(FLIGHTS, "long distances", distance=0.9),
    _changed(FLIGHTS, "heat", temperature=0.8),
    _changed(FLIGHTS, "other carriers", carrier=-0.6),
    _changed(FLIGHTS, "more of the label", offset=1.5),
    _changed(FLIGHTS, "mornings and heat", minute=-0.5, temperature=0.6),
    _changed(VISITS, "few pages", pages=-0.9),
    _changed(VISITS, "short visits", seconds=-0.8),
    _changed(VISITS, "other devices", device=0.7),
    _changed(VISITS, "other countries", country=-0.8),
    _changed(VISITS, "less of the label", offset=-1.5),
    _changed(VISITS, "the age of visitors alone", pages=0.0, seconds=0.0, age=1.2),
    _changed(VISITS, "pages tell nothing", pages=0.0),
)
INCIDENTS = (*BROKEN, *CHANGED)
