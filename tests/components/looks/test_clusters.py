"""Rows that are there twice, and orders that lost some of their lines: found by how rows of an order belong together."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from components.looks.clusters import look_at_clusters
from components.profiles.profile import ColumnProfiles
from components.profiles.profiling import profile_batch
from tests.components.checks.shops import KEYS, Days, Frame, batch, grocery, marketplace, wholesale
from tests.components.checks.tables import TABLES, bakery, loans, parcels

Table = Callable[[int], Days]
KEY = {**KEYS, **TABLES}
FIRST, NEW = 30, 5
"""Good days, and spoilt ones after them."""


def twice(frame: Frame, rng: np.random.Generator, share: float) -> Frame:
    rows = len(next(iter(frame.values())))
    places = np.sort(np.concatenate([np.arange(rows), np.flatnonzero(rng.random(rows) < share)]))
    return {name: values[places] for name, values in frame.items()}


def without(frame: Frame, rng: np.random.Generator, share: float) -> Frame:
    kept = rng.random(len(next(iter(frame.values())))) >= share
    return {name: values[kept] for name, values in frame.items()}


def days_of(table: Table, spoil: Callable[[Frame, np.random.Generator, float], Frame], share: float) -> dict[date, ColumnProfiles]:
    frames, rng = table(1), np.random.default_rng(1)
    order = sorted(frames)[20 : 20 + FIRST + NEW]
    return {
        day: profile_batch(batch(spoil(frames[day], rng, share) if place >= FIRST else frames[day]), KEY[table])
        for place, day in enumerate(order)
    }


@pytest.mark.parametrize("table", [wholesale, grocery, marketplace, loans, parcels], ids=lambda table: str(table.__name__))
def test_a_third_of_the_rows_twice_is_found_on_the_first_day(table: Table) -> None:
    days = days_of(table, twice, 1 / 3)
    new = [*days][FIRST:]
    ((wrong, found),) = look_at_clusters(days, new)
    assert (wrong[0], found.blocks) == (new[0], True)
    assert len(wrong) == NEW or table is wholesale  # whose orders of a hundred lines hold equal ones
    assert f"rows twice, and so have {len(wrong) - 1} more partitions; hardly any were before" in found.what


def test_orders_that_lost_a_third_of_their_lines_are_found_within_days() -> None:
    days = days_of(grocery, without, 1 / 3)
    ((_, found),) = look_at_clusters(days, [*days][FIRST:])
    assert found.blocks
    assert "of them are missing" in found.what


@pytest.mark.parametrize("table", [wholesale, bakery, loans], ids=lambda table: str(table.__name__))
def test_clean_days_have_neither(table: Table) -> None:
    days = days_of(table, lambda frame, _rng, _share: frame, 0.0)
    assert look_at_clusters(days, days) == []


def test_a_customer_who_buys_the_same_thirty_times_is_no_finding() -> None:
    days = days_of(grocery, lambda frame, _rng, _share: frame, 0.0)
    *_, last = days
    frame = grocery(1)[last]
    first = {name: values[:1] for name, values in frame.items()}
    many = {name: np.concatenate([values, *[first[name]] * 30]) for name, values in frame.items()}
    days[last] = profile_batch(batch(many), KEY[grocery])
    assert look_at_clusters(days, [last]) == []


def test_columns_of_lists_are_no_obstacle_where_rows_share_a_cluster() -> None:
    frame = {"order": [1, 1, 2], "tags": [["a"], ["a", "b"], []], "price": [1.5, 1.5, 2.0]}
    found = profile_batch(batch(frame), "order")
    assert (found["tags"].pairs, found["price"].pairs, found["price"].twins) == (0, 2, 2)
