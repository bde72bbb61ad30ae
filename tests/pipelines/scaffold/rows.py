"""A table of loans by a formula: numbers, gaps, categories, ids, a constant and a column that is only known afterwards."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.scaffold.folder import Draft
from pipelines.scaffold.guess import Wish, draft_of
from pipelines.scaffold.table import SourceTable

FIRST = date(2023, 1, 2)
TYPES = {
    "loan_id": "INTEGER",
    "applied": "DATE",
    "applied_at": "TIMESTAMP",
    "income": "NUMERIC",
    "amount": "FLOAT",
    "purpose": "STRING",
    "region": "STRING",
    "is_new": "BOOLEAN",
    "country": "STRING",
    "note": "STRING",
    "recovered": "FLOAT",
    "tags": "ARRAY",
    "defaulted": "INTEGER",
}


def loans(days: int = 40, rows: int = 100, *, closed_weekday: int | None = None, delay: int = 5, seed: int = 3) -> SourceTable:
    """So many days of so many loans. More of those default that are large for the income, or for debts."""
    random = np.random.default_rng(seed)
    there = [day for day in (FIRST + timedelta(days=i) for i in range(days)) if day.weekday() != closed_weekday]
    dates = [day for day in there for _ in range(rows)]
    count = len(dates)
    income, amount = random.lognormal(10, 0.5, count), random.lognormal(8.5, 0.8, count)
    purpose = random.choice(["car", "debt", "home"], count)
    chance = 1 / (1 + np.exp(2.2 - np.log(amount / income * 4) - 1.2 * (purpose == "debt")))
    defaulted = (random.random(count) < chance).astype(int)
    known = [day <= there[-1] - timedelta(days=delay) for day in dates]
    columns = {
        "loan_id": list(range(count)),
        "applied": dates,
        "applied_at": [
            datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for day, hour in zip(dates, random.integers(0, 24, count), strict=True)
        ],
        "income": [None if gap else Decimal(f"{value:.2f}") for value, gap in zip(income, random.random(count) < 0.1, strict=True)],
        "amount": amount,
        "purpose": purpose,
        "region": [f"R{number}" for number in random.integers(0, 200, count)],
        "is_new": random.random(count) < 0.4,
        "country": ["XX"] * count,
        "note": [f"free text {number}" for number in range(count)],
        "recovered": np.where(defaulted, amount, 0.0),
        "defaulted": [label if is_known else None for label, is_known in zip(defaulted.tolist(), known, strict=True)],
    }
    return SourceTable("bank.loans", "applied", TYPES, tuple(there), pa.table(columns))


def with_label(table: SourceTable, name: str, kind: str, values: list[object]) -> SourceTable:
    """The table with another column, whose values repeat."""
    repeated = [values[i % len(values)] for i in range(table.rows.num_rows)]
    rows = table.rows.append_column(name, pa.array(repeated))
    return SourceTable(table.name, table.partition_field, {**table.columns, name: kind}, table.days, rows)


def draft(table: SourceTable, **changes: str) -> Draft:
    """What is guessed of it."""
    given: dict[str, Any] = {
        "name": "loans",
        "table": table.name,
        "key": "loan_id",
        "label": "defaulted",
        "title": "Will it default?",
        "owner": "risk",
    }
    return draft_of(Wish(partition_field=None, **(given | changes)), table)
