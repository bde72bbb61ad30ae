"""How a new model reads and learns: its spans, and how often it sees its rows."""

from dataclasses import dataclass

from components.errors import SourceError
from pipelines.scaffold.table import SourceTable

WEEK = 7
LEAST_SPANS, MOST_DAYS, MOST_WEEKS = 4, 60, 16
STEPS, MOST_EPOCHS = 3_000, 40
"""About so many steps are enough for a small network; of few rows, which it would learn by heart, fewer."""
BATCH, SMALL_BATCH, FEW_ROWS = 256, 64, 40_000
"""The rows of a step; fewer where there are less than FEW_ROWS in all, or the network would learn too little."""
PENALTY_ROWS = 10.0
"""The penalty of squared weights counts as much as so many rows: where rows are few, the network stays near a linear model."""


@dataclass(frozen=True)
class TrainingPlan:
    """The numbers of model.toml that depend on how much there is."""

    every_days: int
    spans: int
    epochs: int
    batch_size: int
    penalty: float
    """Of squared weights: the more rows, the less."""


def make_plan(table: SourceTable, delay_days: int) -> TrainingPlan:
    """A span is a day; a week if some days have no rows, since a span without rows cannot be trained on.

    Raises:
        SourceError: the table has too few days.
    """
    every = WEEK if table.has_gaps else 1
    days = (table.days[-1] - table.days[0]).days + 1 - delay_days
    spans = min((days - every) // every, MOST_WEEKS if every == WEEK else MOST_DAYS)
    if spans < LEAST_SPANS:
        needed = (LEAST_SPANS + 1) * every + delay_days
        seen = "1 day with rows," if len(table.days) == 1 else f"{len(table.days)} days with rows from {table.days[0]} to"
        there = f"{seen} {table.days[-1]}"
        raise SourceError(f"table {table.name} has {there}; a model needs {needed} days: load more")
    share = min(1.0, spans * every / max(1, days))
    rows = max(1, round(table.rows.num_rows * share * 0.8))
    batch = SMALL_BATCH if rows < FEW_ROWS else BATCH
    return TrainingPlan(every, spans, max(2, min(MOST_EPOCHS, round(STEPS * batch / rows))), batch, PENALTY_ROWS / rows)
