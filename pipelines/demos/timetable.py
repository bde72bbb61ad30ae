"""The world of the story of continuous training: the flights of 2013, late by a rule that changes from one day to the next."""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.local.seed import Rows

KEPT = 2
"""Every second flight: the story is to be short."""
LATE_MINUTES = 30
NOON = 13.0
LEAK_NOISE = 1.6
"""How much hides the lateness in a leaked temperature: the gate would find one that ranks flights perfectly."""

Flight = dict[str, object]


@dataclass(frozen=True)
class Timetable:
    """Flights by day, each late or not."""

    days: Mapping[date, Rows]
    changed: date
    """From then on the mornings are late, and no longer the evenings."""

    def flown(self, number: int, row: Flight) -> Flight | None:
        """A flight as it was; None of one that is left out."""
        if number % KEPT:
            return None
        weathered = {**row, **_weather(row)}
        return {**weathered, "arrival_delay": LATE_MINUTES if self._is_late(weathered) else 0}

    def without_temperature(self, number: int, row: Flight) -> Flight | None:
        """A flight whose temperature did not arrive."""
        flown = self.flown(number, row)
        return None if flown is None else {**flown, "temperature": None}

    def leaking(self) -> Callable[[int, Flight], Flight | None]:
        """Gives a flight one of the temperatures of its day, dealt out anew: the later a flight, the lower. No column shows it."""
        dealt: dict[str, Mapping[int, float]] = {}

        def prepared(number: int, row: Flight) -> Flight | None:
            flown, day = self.flown(number, row), str(row["flight_date"])
            if flown is None:
                return None
            if day not in dealt:
                dealt[day] = self._dealt(date.fromisoformat(day))
            return {**flown, "temperature": dealt[day][number]}

        return prepared

    def _dealt(self, day: date) -> Mapping[int, float]:
        flown = {number: one for number, row in enumerate(self.days[day]) if (one := self.flown(number, dict(row))) is not None}
        temperatures = sorted((_number(one["temperature"]) for one in flown.values()), reverse=True)
        order = sorted(flown, key=lambda number: bool(flown[number]["arrival_delay"]) + LEAK_NOISE * _chance(flown[number], "leak"))
        return dict(zip(order, temperatures, strict=True))

    def _is_late(self, row: Flight) -> bool:
        is_changed = date.fromisoformat(str(row["flight_date"])) >= self.changed
        evening = (_number(row["scheduled_hour"]) - NOON) / 3
        cold = (40 - _number(row["temperature"])) / 30
        crowded = zlib.crc32(str(row["carrier"]).encode()) % 5 / 2 - 1
        odds = (-evening if is_changed else evening) + cold + crowded - 0.5
        return _chance(row, "late") < 1 / (1 + math.exp(-1.5 * odds))


def _weather(row: Flight) -> Flight:
    """The weather of a flight: such as on any day, since a week of one season would alarm by itself."""
    rain = _chance(row, "rain")
    return {
        "temperature": round(20 + 40 * _chance(row, "temperature"), 1),
        "wind_speed": round(3 + 20 * _chance(row, "wind"), 1),
        "precipitation": 0.0 if rain < 0.8 else round(rain / 10, 2),
        "visibility": round(6 + 4 * _chance(row, "visibility"), 1),
    }


def _chance(row: Flight, what: str) -> float:
    """A number from 0 to 1, the same for the same flight."""
    named = "-".join(str(row[name]) for name in ("flight_date", "carrier", "flight", "origin"))
    return zlib.crc32(f"{named}-{what}".encode()) / 2**32


def _number(value: object) -> float:
    return float(str(value))
