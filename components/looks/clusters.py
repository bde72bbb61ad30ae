"""How rows belong together: rows that are there twice, and orders or customers that lost some of theirs."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise

from components.looks.data_check import DataCheck
from components.looks.deviation import Deviation
from components.looks.history import FINDINGS_A_YEAR
from components.looks.usual import Daily, Series
from components.profiles.profile import ColumnProfiles
from components.profiles.profiler import MOST_VALUES
from components.profiles.twins import rows_twice
from components.wording import count, percent

LEAST_DAYS = 7
"""Partitions before that it takes to know how often rows are alike in all columns."""
LEAST_TWICE = 0.1
TWICE_FACTOR = 2.0
LEAST_ROWS_TWICE, LEAST_NEW_TWICE = 20, 5
"""So many rows there must be twice, where some always are, and where none ever was."""
LOST_PART = 0.2
"""Of the other rows of a row's cluster, so many must be gone."""
LEAST_ROWS = 40
LEVEL_PROBABILITY = 1e-5
LEAST_CLUSTERS, SIZES_DIFFER = 5, 0.5
"""So many there must be on a day, as large as the one of a row in the middle; and by this share their sizes differ."""


Wrong = tuple[list[date], Deviation]
"""The days on which the same is wrong, and what it is on the first of them."""


def look_at_clusters(tables: Mapping[date, ColumnProfiles], judged: Collection[date]) -> list[Wrong]:
    """The days some of whose rows are there twice, or on which the rows of an order or a customer are fewer than they were.

    Args:
        tables: the partitions, those that were good before among them.
        judged: the days in question.
    """
    followed = {day: tables[day] for day in sorted(tables) if tables[day]}
    return [*_twice(followed, judged), *_fewer(followed, judged)]


def as_one_of_cluster(tables: Mapping[date, ColumnProfiles], cluster: str | None) -> dict[date, ColumnProfiles]:
    """The tables, with as many equal pairs in the column that names the clusters as there are: the rows of one all have its name."""
    if cluster is None:
        return {**tables}
    found = dict[date, ColumnProfiles]()
    for day, table in tables.items():
        pairs = max((column.pairs for column in table.values()), default=0)
        own = {cluster: replace(table[cluster], pairs=pairs, twins=pairs)} if cluster in table and pairs else {}
        found[day] = {**table, **own}
    return found


def _twice(tables: Mapping[date, ColumnProfiles], judged: Collection[date]) -> list[Wrong]:
    shares = {day: rows_twice(table) for day, table in tables.items()}
    good, wrong = list[float](), list[tuple[date, float, int]]()
    for day, share in shares.items():
        rows = max(column.rows for column in tables[day].values())
        usual = max(good) if len(good) >= LEAST_DAYS else sorted(shares.values())[len(shares) // 2]
        least = LEAST_ROWS_TWICE if usual else LEAST_NEW_TWICE
        is_wrong = share > LEAST_TWICE + TWICE_FACTOR * usual and share * rows > 2 * least and len(shares) > LEAST_DAYS
        if is_wrong and day in judged:
            wrong.append((day, share, rows))
        else:
            good.append(share)
    bad = {day for day, _, _ in wrong}
    lasts = any({one, after} <= bad for one, after in pairwise(shares))
    if not wrong or (any(good) and not lasts):  # on one day a customer may buy the same ten times
        return []
    (day, share, rows), more = wrong[0], f", and so have {len(wrong) - 1} more partitions" if len(wrong) > 1 else ""
    return [
        (
            [day for day, _, _ in wrong],
            Deviation(
                check=DataCheck.ROWS,
                measure=share / 2,
                threshold=LEAST_TWICE,
                rows=round(share * rows),
                what=f"partition {day} has about {count(share * rows / 2)} of its {count(rows)} rows twice{more}; hardly any were before",
                remedy="load it again, and only once, or look for a join that fans out",
            ),
        )
    ]


def _fewer(tables: Mapping[date, ColumnProfiles], judged: Collection[date]) -> list[Wrong]:
    series, before = Series(), list[float]()
    wrong: list[tuple[date, float, float]] = []
    for day, table in tables.items():
        rows, alike = max((column.rows, column.pairs) for column in table.values())
        clusters = rows**2 / (alike + rows)
        if rows < LEAST_ROWS or not alike or clusters < LEAST_CLUSTERS or rows * len(table) > MOST_VALUES:
            continue
        daily = Daily(-math.log(alike / rows), SIZES_DIFFER / math.sqrt(clusters))
        usual = sorted(before[-28:])[len(before[-28:]) // 2] if before else 0.0
        is_in_question = day in judged and alike / rows < (1 - LOST_PART) * usual
        chance = series.chance(day, daily) if is_in_question else None
        if chance is not None and chance < FINDINGS_A_YEAR / 365 / 10:
            wrong.append((day, alike / rows, usual))
            continue
        series.add(day, daily)
        before.append(alike / rows)
        if is_in_question and series.level(LEVEL_PROBABILITY)[0]:
            wrong.append((day, alike / rows, usual))
    if not wrong:
        return []
    day, now, usual = wrong[0]
    return [
        (
            [day for day, _, _ in wrong],
            Deviation(
                check=DataCheck.ROWS,
                measure=now / usual,
                threshold=1 - LOST_PART,
                rows=max(column.rows for column in tables[day].values()),
                what=f"in partition {day} a row has {now:.3g} others of its order or customer, and had {usual:.3g}: "
                f"{percent(1 - now / usual)} of them are missing",
                remedy="look for a load or a join that loses rows",
            ),
        )
    ]
