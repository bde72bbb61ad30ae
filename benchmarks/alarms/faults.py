"""What goes wrong with a stream from a day on: its source, whoever calls the service, or the world."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from components.policy.facts import Cause

Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Fault:
    """A change of all partitions of the source, or of all rows that the service is given, from a day on."""

    name: str
    causes: tuple[Cause, ...]
    """Those that are right."""
    columns: tuple[str, ...] = ()
    """Of them one is to blame; empty: of no column in particular."""
    source: Change | None = None
    caller: Change | None = None
    world: Change | None = field(default=None)
    """Of the rows of source.sql with their labels, which the service is given as they are."""


def scaled(column: str, factor: float, plus: float = 0.0) -> Change:
    return lambda rows, _: rows.assign(**{column: rows[column].astype(float) * factor + plus})


def constant(column: str, value: object) -> Change:
    return lambda rows, _: rows.assign(**{column: value})


def mapped(column: str, change: Callable[[pd.Series], pd.Series]) -> Change:
    return lambda rows, _: rows.assign(**{column: change(rows[column])})


def partly(column: str, value: object, share: float) -> Change:
    def change(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(**{column: rows[column].where(rng.random(len(rows)) >= share, value)})

    return change


def without(condition: Callable[[pd.DataFrame], pd.Series]) -> Change:
    return lambda rows, _: rows[~condition(rows)]


def relabelled(label: str, new: Callable[[pd.DataFrame, np.random.Generator], np.ndarray]) -> Change:
    return lambda rows, rng: rows.assign(**{label: np.asarray(new(rows, rng)).astype("int64")})


def _shuffled(rows: pd.DataFrame, rng: np.random.Generator, label: str, share: float = 1.0) -> np.ndarray:
    """Labels of a share of the rows have nothing to do with them any longer."""
    is_chosen = rng.random(len(rows)) < share
    labels: np.ndarray = rows[label].to_numpy().copy()
    labels[is_chosen] = rng.permutation(labels[is_chosen])
    return labels


BROKEN, CALLER, WORLD, UNMET = (Cause.BROKEN_SOURCE,), (Cause.SERVING_FAULT,), (Cause.CHANGED_WORLD,), (Cause.COVERAGE,)
FLIGHT_FAULTS = (
    Fault("wind in m/s", BROKEN, ("wind_speed",), source=scaled("wind_speed", 0.447)),
    Fault("temperature in °C", BROKEN, ("temperature",), source=scaled("temperature", 5 / 9, -160 / 9)),
    Fault("temperature NULL", BROKEN, ("temperature",), source=constant("temperature", np.nan)),
    Fault("visibility NULL", BROKEN, ("visibility",), source=constant("visibility", np.nan)),
    Fault("distance in km", BROKEN, ("distance",), source=scaled("distance", 1.609)),
    Fault("distance 0 for half", BROKEN, ("distance",), source=partly("distance", 0, 0.5)),
    Fault("hours in UTC", BROKEN, ("scheduled_hour",), source=mapped("scheduled_hour", lambda c: (c + 5) % 24)),
    Fault("minutes lost", BROKEN, ("scheduled_minute",), source=constant("scheduled_minute", 0)),
    Fault("carrier in lower case", BROKEN, ("carrier",), source=mapped("carrier", lambda c: c.str.lower())),
    Fault("one carrier for all", BROKEN, ("carrier",), source=constant("carrier", "UA")),
    Fault("destination empty for half", BROKEN, ("destination",), source=partly("destination", "", 0.5)),
    Fault("an airport lost", BROKEN, ("origin",), source=without(lambda rows: rows["origin"] == "JFK")),
    Fault("caller: distance in km", CALLER, ("distance",), caller=scaled("distance", 1.609)),
    Fault("caller: distance 0", CALLER, ("distance",), caller=constant("distance", 0.0)),
    Fault("caller: temperature in °C", CALLER, ("temperature",), caller=scaled("temperature", 5 / 9, -160 / 9)),
    Fault("caller: carrier in lower case", (*CALLER, *UNMET), ("carrier",), caller=mapped("carrier", lambda c: c.str.lower())),
    Fault("caller: one origin for all", CALLER, ("origin",), caller=constant("origin", "LGA")),
    Fault("caller: weekday 0", (*CALLER, *UNMET), ("weekday",), caller=constant("weekday", 0)),
    Fault("caller: minutes as hours", CALLER, ("minute_of_day",), caller=mapped("minute_of_day", lambda c: c // 60)),
    Fault("labels are chance", WORLD, world=relabelled("late", lambda r, g: _shuffled(r, g, "late"))),
    Fault("half of the labels are chance", WORLD, world=relabelled("late", lambda r, g: _shuffled(r, g, "late", 0.5))),
    Fault("labels are the other way round", WORLD, world=relabelled("late", lambda r, _: 1 - r["late"])),
    Fault("half as many are late", WORLD, world=relabelled("late", lambda r, g: r["late"] * (g.random(len(r)) < 0.5))),
    Fault("as many again are late", WORLD, world=relabelled("late", lambda r, g: r["late"] | (g.random(len(r)) < 0.25))),
    Fault("one carrier is always late", WORLD, world=relabelled("late", lambda r, _: r["late"] | (r["carrier"] == "DL"))),
    Fault("one airport is never late", WORLD, world=relabelled("late", lambda r, _: r["late"] & (r["origin"] != "EWR"))),
    Fault(
        "the evening is like the morning",
        WORLD,
        world=relabelled("late", lambda r, g: np.where(r["hour"] >= 15, g.random(len(r)) < 0.1, r["late"])),
    ),
    Fault(
        "mornings are late",
        WORLD,
        world=relabelled("late", lambda r, g: np.where(r["hour"] <= 9, g.random(len(r)) < 0.6, r["late"])),
    ),
    Fault("a new carrier", UNMET, ("carrier",), world=partly("carrier", "ZZ", 0.1)),
    Fault("flights at night", UNMET, ("hour",), world=lambda r, g: r.assign(hour=np.where(g.random(len(r)) < 0.1, 3, r["hour"]))),
    Fault("long flights alone", WORLD, ("distance",), world=without(lambda rows: rows["distance"] < 1000)),
)
CUSTOMER_FAULTS = (
    Fault("money in cents", BROKEN, ("dollar_value",), source=scaled("dollar_value", 100)),
    Fault("money NULL", BROKEN, ("dollar_value",), source=constant("dollar_value", np.nan)),
    Fault("number of CDs 0", BROKEN, ("number_of_cds",), source=constant("number_of_cds", 0)),
    Fault("caller: spend in cents", CALLER, ("spend",), caller=scaled("spend", 100)),
    Fault("caller: spend 0", CALLER, ("spend",), caller=constant("spend", 0.0)),
    Fault("caller: segment in capitals", (*CALLER, *UNMET), ("segment",), caller=mapped("segment", lambda c: c.str.upper())),
    Fault("caller: days as weeks", CALLER, ("days_since_purchase",), caller=mapped("days_since_purchase", lambda c: c // 7)),
    Fault("caller: one recency for all", CALLER, ("recency_band",), caller=constant("recency_band", "0-30 days")),
    Fault("labels are chance", WORLD, world=relabelled("churned", lambda r, g: _shuffled(r, g, "churned"))),
    Fault("half of the labels are chance", WORLD, world=relabelled("churned", lambda r, g: _shuffled(r, g, "churned", 0.5))),
    Fault("twice as many buy", WORLD, world=relabelled("churned", lambda r, g: r["churned"] & (g.random(len(r)) > 0.09))),
)
