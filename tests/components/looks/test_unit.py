"""Numbers of a few sizes that are all in another unit: told on the first day, however much days differ, and of nothing else."""

from collections.abc import Callable

import numpy as np
import pytest

from components.looks.unit import other_measure
from tests.components.checks.observations import CHECKS, numbers, observe


def winds(seed: int, calm: float) -> list[float]:
    """A day of an airport: whole knots from 3 on in miles an hour, of which calm days have small ones and stormy days large ones."""
    knots = np.random.default_rng(seed).poisson(calm, 400)
    return [float(one) for one in np.where(knots < 3, 0, knots) * 1.150779]


def prices(seed: int) -> list[float]:
    return [float(one) for one in np.random.default_rng(seed).choice([0.99, 1.49, 2.99, 4.99, 7.49, 9.99, 14.99, 19.99, 34.99], 400)]


TOLD = 5e-5
"""About what a gate of ten columns, each asked several questions a day, allows chance once a year."""
DAYS = [winds(seed, calm) for seed, calm in enumerate([5, 9, 14, 6, 11, 4, 16, 8, 12, 7])]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda mph: mph * 0.44704, "is 0.447 times what it was, as miles an hour are that are given in m/s"),
        (lambda mph: mph / 1.150779, "is 0.869 times what it was, as miles an hour are that are given in knots"),
        (lambda mph: mph * 1.609344, "is 1.609 times what it was, as miles are that are given in kilometres"),
        (lambda mph: mph, None),
        (lambda mph: mph * 1.03, None),
        (lambda mph: mph * 0.9, None),
        (lambda mph: mph + 2, None),
    ],
    ids=["m/s", "knots", "kilometres", "as they were", "3 % more", "a tenth less", "2 more"],
)
@pytest.mark.parametrize("calm", [5, 15])
def test_winds_in_another_unit_are_told_with_the_unit(change: Callable[[float], float], what: str | None, calm: int) -> None:
    found = other_measure(observe([change(one) for one in winds(50, calm)], *DAYS), CHECKS)
    is_told = found is not None and found.chance < TOLD
    assert (found.what.split(", in all of")[0] if found and is_told else None) == what
    assert not is_told or (found and found.blocks and found.rows == 400)


@pytest.mark.parametrize("factor", [0.447, 1.609344, 2.54])
def test_numbers_of_any_size_may_have_moved_by_themselves(factor: float) -> None:
    assert other_measure(observe([factor * one for one in numbers(1)], *(numbers(seed) for seed in range(2, 12))), CHECKS) is None


@pytest.mark.parametrize(("factor", "is_told"), [(1.0, False), (1.05, False), (1.1, False), (1.609344, True)])
def test_a_price_list_that_rose_is_in_no_other_unit(factor: float, *, is_told: bool) -> None:
    now = [round(factor * one, 2) for one in prices(0)]
    assert (other_measure(observe(now, *map(prices, range(1, 8))), CHECKS) is not None) is is_told
