"""How far a column has moved: what counts, and what does not."""

import numpy as np
import pyarrow as pa

from components.looks.drift import NO_DISTANCE, measure_distance
from components.profiles.profile import ColumnProfile
from components.profiles.profiling import _profile_column


def profile(*values: float) -> ColumnProfile:
    return _profile_column(pa.array(np.repeat(np.array(values, np.float64), 300)))


def test_a_cohort_that_is_a_week_older_has_not_moved() -> None:
    assert measure_distance(profile(461, 468), profile(468, 475)) is NO_DISTANCE


def test_half_of_the_values_in_another_unit_are_far() -> None:
    assert measure_distance(profile(10, 12, 14, 16), profile(10, 12, 1400, 1600)).divergence > 0.2


def test_numbers_of_the_other_sign_are_far() -> None:
    assert measure_distance(profile(10, 12), profile(-10, -12)).divergence > 0.9
