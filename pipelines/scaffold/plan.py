"""How a new model reads and learns: its spans, and how often it sees its rows."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil

from components.errors import SourceError
from pipelines.scaffold.table import FEW_ROWS, WEEK, SourceTable

USUAL_SPANS = {1: 60, WEEK: 16, 31: 24, 92: 16}
"""How many spans of so many days a window has, if they have FEW_ROWS together."""
LEAST_SPANS, MOST_SPANS = 4, 320
LEAST_SPAN_ROWS = 20
"""Days with fewer rows are taken together, by the week."""
EMPTY_SPANS = 0.25
"""Where a larger part of the spans has no rows, they are too short."""
STEPS, MOST_EPOCHS = 3_000, 40
"""About so many steps are enough for a small network; of few rows, which it would learn by heart, fewer."""
BATCH, SMALL_BATCH, FEW_TO_LEARN = 256, 64, 40_000
"""The rows of a step; fewer where there are less than FEW_TO_LEARN in all, or the network would learn too little."""
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
    span: str
    """What a span is, and why, for a sentence."""
    closed: tuple[date, ...] = ()
    """The days of breaks in the window, which are longer than a span."""


def make_plan(table: SourceTable, delay_days: int) -> TrainingPlan:
    """A span is a day; a week or longer if some days have no rows, since a span without rows cannot be trained on.

    Raises:
        SourceError: the table has too few days.
    """
    every, why = _span(table)
    days = (table.days[-1] - table.days[0]).days + 1 - delay_days
    wanted = max(USUAL_SPANS[every], min(MOST_SPANS, ceil(FEW_ROWS / (table.rows_a_day * every))))
    spans = min((days - every) // every, wanted)
    if spans < LEAST_SPANS:
        needed = (LEAST_SPANS + 1) * every + delay_days
        seen = "1 day with rows," if len(table.days) == 1 else f"{len(table.days)} days with rows from {table.days[0]} to"
        there = f"{seen} {table.days[-1]}"
        spoken = f", for spans of {every} days{why}" if every > 1 else ""
        raise SourceError(f"table {table.name} has {there}; a model needs {needed} days{spoken}: load more")
    share = min(1.0, spans * every / max(1, days))
    rows = max(1, round(table.rows.num_rows * share * 0.8))
    batch = SMALL_BATCH if rows < FEW_TO_LEARN else BATCH
    return TrainingPlan(
        every,
        spans,
        max(2, min(MOST_EPOCHS, round(STEPS * batch / rows))),
        batch,
        PENALTY_ROWS / rows,
        ("a day" if every == 1 else "a week" if every == WEEK else f"{every} days") + why,
        _breaks(table, every, since=table.days[-1] - timedelta(days=(spans + 1) * every + delay_days)),
    )


def _span(table: SourceTable) -> tuple[int, str]:
    """How many days a span has, and why if they are several."""
    if table.longest_gap > 1:
        why = ", since not every day has rows"
        return next((every for every in USUAL_SPANS if every > 1 and _empty_share(table, every) <= EMPTY_SPANS), max(USUAL_SPANS)), why
    is_enough = table.rows_a_day >= LEAST_SPAN_ROWS
    return (1, "") if is_enough else (WEEK, ", since a day has few rows")


def _empty_share(table: SourceTable, every: int) -> float:
    """The share of spans without rows; those of the first and the last day are not whole."""
    there = {ceil(day.toordinal() / every) for day in table.days}
    return 1 - len(there) / (max(there) - min(there) + 1)


def _breaks(table: SourceTable, every: int, *, since: date) -> tuple[date, ...]:
    return tuple(
        earlier + timedelta(days=number)
        for earlier, later in pairwise(table.days)
        if (later - earlier).days > every and later > since
        for number in range(1, (later - earlier).days)
    )
