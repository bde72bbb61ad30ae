"""A shop whose data can be spoilt: eight weeks of orders, partition by partition, and rows of source.sql with their labels."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.checks.coverage import check_partitions
from components.checks.findings import Finding, ranked
from components.checks.rows import check_rows, known_days
from components.checks.source import check_source
from components.examples.span_profile import SpanProfiler
from components.model.folder import Model, read_model
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, ProfileKey, profiles_by_day
from components.profiles.profiling import profile_batch
from components.snapshot.document import Partition, Snapshot
from tests.components.visits import write_model

FIRST = date(2026, 1, 5)
"""A Monday."""
WEEKS = 8
BAD = FIRST + timedelta(days=45)
"""A Thursday, after the champion's data."""
CHAMPION_DAYS = 42
TABLE = "project.shop.orders"
SCHEMA = pa.schema(
    [
        ("order_id", pa.string()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("amount", pa.float64()),
        ("tax", pa.decimal128(38, 9)),
        ("price", pa.string()),
        ("items", pa.int64()),
        ("country", pa.string()),
        ("city", pa.string()),
        ("device", pa.string()),
        ("coupon", pa.string()),
        ("note", pa.string()),
        ("is_member", pa.bool_()),
    ]
)
COUNTRIES = {"US": 0.45, "DE": 0.25, "FR": 0.2, "BR": 0.1}
CITIES = ("Berlin", "München", "Köln", "Zürich", "Paris", "Besançon", "São Paulo", "Łódź", "Austin")
DEVICES = {"phone": 0.6, "desk": 0.3, "tablet": 0.1}
WORDS = ("please", "ring", "twice", "leave", "at", "door", "gift", "thanks", "Grüße", "call", "before", "noon", "blue", "box", "fragile")
HOURS = np.array([0, 0, 0, 0, 0, 0, 1, 3, 6, 8, 8, 7, 9, 8, 6, 5, 5, 6, 9, 11, 10, 6, 3, 1]) / 112
WEEKDAY_ROWS = (600, 590, 610, 620, 700, 520, 300)

HOSTILE = '\N{RIGHT-TO-LEFT OVERRIDE}<script>alert(1)</script>\x00\n"; DROP TABLE orders; --'

Columns = dict[str, Any]
"""Values by column: lists or arrays."""
Days = dict[date, pa.RecordBatch]


def days_of(seed: int = 1, weeks: int = WEEKS) -> Days:
    """The partitions of a shop, always the same of the same seed."""
    rng = np.random.default_rng(seed)
    days = (FIRST + timedelta(days=number) for number in range(7 * weeks))
    return {day: batch(orders(rng, day, int(rng.poisson(WEEKDAY_ROWS[day.weekday()])))) for day in days}


@lru_cache(maxsize=8)
def shop(seed: int = 1) -> Days:
    """The same, made once."""
    return days_of(seed)


def orders(rng: np.random.Generator, day: date, rows: int) -> Columns:
    """The orders of one day."""
    amounts = np.round(rng.lognormal(3.2, 0.7, rows) + 1, 2)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = rng.choice(24, rows, p=HOURS) * 3600 + rng.integers(0, 3600, rows)
    return {
        "order_id": [f"{day:%Y%m%d}-{number}" for number in range(rows)],
        "day": [day] * rows,
        "at": [midnight + timedelta(seconds=int(second)) for second in seconds],
        "amount": amounts.tolist(),
        "tax": [Decimal(str(round(amount * 0.19, 2))) for amount in amounts],
        "price": [f"{amount:.2f}" for amount in np.round(rng.lognormal(2.5, 0.5, rows) + 1, 2)],
        "items": (1 + rng.poisson(1.4, rows)).tolist(),
        "country": rng.choice(list(COUNTRIES), rows, p=list(COUNTRIES.values())).tolist(),
        "city": rng.choice(CITIES, rows).tolist(),
        "device": rng.choice(list(DEVICES), rows, p=list(DEVICES.values())).tolist(),
        "coupon": [None if rng.random() < 0.8 else "SPRING" for _ in range(rows)],
        "note": [" ".join(rng.choice(WORDS, 4)) for _ in range(rows)],
        "is_member": (rng.random(rows) < 0.3).tolist(),
    }


def batch(columns: Columns) -> pa.RecordBatch:
    """As BigQuery gives them; a column whose values do not fit its type is another one."""
    arrays = []
    for field in SCHEMA:
        try:
            arrays.append(pa.array(columns[field.name], field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays.append(pa.array(columns[field.name]))
    return pa.RecordBatch.from_arrays(arrays, SCHEMA.names)


Change = Callable[[Days], Days]
"""Spoils some days of a shop."""


def each(change: Callable[[Columns, np.random.Generator], Columns], *, since: date = BAD, days: int = 99) -> Change:
    """Change the columns of every day since the bad one, or of so many of them."""

    def spoil(clean: Days) -> Days:
        rng = np.random.default_rng(7)
        bad = [day for day in clean if day >= since][:days]
        return clean | {day: batch(change(clean[day].to_pydict(), rng)) for day in bad}

    return spoil


def some(column: str, share: float, make: Callable[[Any], Any]) -> Callable[[Columns, np.random.Generator], Columns]:
    """Other values in a share of a column's rows, at least one."""

    def change(columns: Columns, rng: np.random.Generator) -> Columns:
        values = list(columns[column])
        for place in rng.choice(len(values), max(1, round(share * len(values))), replace=False):
            values[place] = make(values[place])
        return columns | {column: values}

    return change


def keep(holds: Callable[[dict[str, Any]], bool]) -> Callable[[Columns, np.random.Generator], Columns]:
    """Only the rows of which something holds."""

    def change(columns: Columns, _rng: np.random.Generator) -> Columns:
        rows = [row for row in (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)) if holds(row)]
        return {name: [row[name] for row in rows] for name in columns}

    return change


# What is found


@lru_cache(maxsize=4096)
def _profile(rows: "Rows") -> dict[str, ColumnProfile]:
    """Columns that are the same as ever are not profiled again: what spoils a day leaves most of them alone."""
    columns = {name: rows.batch.select([name]) for name in rows.batch.schema.names}
    return {name: _COLUMNS.get(key := _content(one)) or _COLUMNS.setdefault(key, profile_batch(one)[name]) for name, one in columns.items()}


_COLUMNS: dict[str, ColumnProfile] = {}
"""By the content of a column."""


def _content(batch: pa.RecordBatch) -> str:
    return hashlib.sha256(str(batch.schema.types).encode() + batch.serialize()).hexdigest()[:32]


@dataclass(frozen=True)
class Rows:
    """A batch that is its content."""

    batch: pa.RecordBatch

    def __hash__(self) -> int:
        return id(self.batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.batch is other.batch


def shop_model(folder: Path, **checks: object) -> Model:
    """The model that reads the shop's orders; `checks` replace those of its section."""
    toml = {
        'key = "visitor"': 'key = "order_id"',
        'label = "returned"': 'label = "label"',
        "every_days = 1": "every_days = 7",
    }
    sql = "SELECT * FROM {source} -- amount tax price items country city device coupon note is_member at"
    schema = 'feature { name: "band" type: BYTES domain: "band" } string_domain { name: "band" value: "low" value: "high" value: "top" }'
    write_model(folder, table="shop.orders", name="shop", sql=sql, schema=schema, toml=toml)
    model = read_model(folder, "shop")
    return model.model_copy(update={"checks": model.checks.model_copy(update=checks)})


def pinned(days: Days) -> Snapshot:
    """The snapshot of the partitions."""
    newest = max(days)
    types = {name: column.type for day in days for name, column in _profile(Rows(days[day])).items()}
    return Snapshot(
        model="shop",
        source_table=TABLE,
        partition_field="day",
        columns=tuple(sorted(types.items())),
        partitions=tuple(Partition(day, rows.num_rows, _checksum(rows)) for day, rows in sorted(days.items()) if rows.num_rows),
        spans=(newest - timedelta(days=8), newest - timedelta(days=1)),
        query_sha256="q",
    )


@lru_cache(maxsize=4096)
def _digest(rows: Rows) -> str:
    return _content(rows.batch)


def _checksum(rows: pa.RecordBatch) -> str:
    return _digest(Rows(rows))


def source_findings(model: Model, days: Days, champion: Days | None = None) -> tuple[Finding, ...]:
    """What the gate finds in the partitions, with what the champion was trained on."""
    snapshot, reference = pinned(days), pinned(champion) if champion else None
    profiles, past = _profiles(snapshot, days), _profiles(reference, champion) if reference and champion else {}
    known = known_days(profiles, past)
    now, before = profiles_by_day(profiles, SOURCE_TABLE), profiles_by_day(past, SOURCE_TABLE)
    return ranked([*check_partitions(model, snapshot, now, reference, known), *check_source(model, now, before, known)])


def _profiles(snapshot: Snapshot, days: Days) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    types = snapshot.schema_fingerprint
    return {ProfileKey(SOURCE_TABLE, part.day, types + part.checksum): _profile(Rows(days[part.day])) for part in snapshot.partitions}


# The rows of source.sql

SPANS = tuple(FIRST + timedelta(days=7 * number) for number in range(8))
BAD_SPAN = SPANS[5]


def spans_of(seed: int = 1) -> dict[date, Columns]:
    """Rows by span: mostly the same customers from week to week."""
    rng = np.random.default_rng(seed)
    spend, visits = rng.lognormal(3, 1, 1500), rng.poisson(3, 1500)
    spans = {}
    for span in SPANS:
        spend, visits = spend + rng.exponential(2, 1500) * (rng.random(1500) < 0.3), np.maximum(visits + rng.integers(-1, 2, 1500), 0)
        chance = 1 / (1 + np.exp(0.4 * visits - 0.2 + rng.normal(0, 1, 1500)))
        spans[span] = {
            "order_id": [f"c{number}" for number in range(1500)],
            "as_of": [span] * 1500,
            "spend": np.round(spend, 2).tolist(),
            "visits": visits.tolist(),
            "region": rng.choice(["north", "south", "west"], 1500, p=[0.5, 0.3, 0.2]).tolist(),
            "band": np.where(spend > 60, "high", "low").tolist(),
            "label": (rng.random(1500) < chance).astype(int).tolist(),
        }
    return spans


Spans = dict[date, Columns]


def each_span(
    change: Callable[[Columns, np.random.Generator], Columns], *, since: date = BAD_SPAN, spans: int = 99
) -> Callable[[Spans], Spans]:
    """Change the rows of every span since the bad one, or of so many of them."""

    def spoil(clean: Spans) -> Spans:
        rng = np.random.default_rng(7)
        bad = [span for span in clean if span >= since][:spans]
        return clean | {span: change(clean[span], rng) for span in bad}

    return spoil


def row_findings(model: Model, spans: Spans, champion: Spans | None = None, *, last: date | None = None) -> tuple[Finding, ...]:
    """What the gate finds in the rows of source.sql."""
    newest = last or max(spans) + timedelta(days=model.rows.label_delay_days)
    snapshot = replace(_one_week(), partitions=(Partition(newest, 600, "0" * 32),), spans=tuple(spans))
    return ranked(check_rows(model, snapshot, span_profiles(model, spans), span_profiles(model, champion or {})))


@lru_cache(maxsize=1)
def _one_week() -> Snapshot:
    return pinned(days_of(weeks=1))


def span_profiles(model: Model, spans: Spans) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """As the step `read` makes them."""
    profiles: dict[ProfileKey, dict[str, ColumnProfile]] = {}
    for span, columns in spans.items():
        rows = pa.RecordBatch.from_pydict(columns)
        profiler = SpanProfiler(model, span, hashlib.sha256(str(columns).encode()).hexdigest())
        profiler.batch(rows)
        profiles |= profiler.profiles
    return profiles
