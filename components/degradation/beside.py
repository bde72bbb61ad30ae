"""Whether rows have other values than those that they should have."""

import math

import numpy as np

from components.looks.deviation import LEAST_ROWS
from components.profiles.distance import cells, total_variation
from components.profiles.profile import ColumnProfile

SKEWED_SHARE = 0.1
"""Of the rows, from which it is told that they have other values."""


def look_beside(computed: ColumnProfile, served: ColumnProfile) -> tuple[float | None, bool]:
    """The share of the rows with values that source.sql gives less often, None if that cannot be said; and whether that is for a part.

    The service may be asked about a part of the rows, or more than once. Of a small part anything may be one: only if it is like the
    whole is it known that it is nothing else.
    """
    is_text = not computed.is_numeric and (computed.has_uncounted_values or served.has_uncounted_values)
    if is_text or min(computed.rows, served.rows) < LEAST_ROWS:
        return None, False
    compared, times = cells(computed, served), max(1.0, served.rows / computed.rows)
    share = float(np.maximum(compared.after - times * compared.before, 0).sum()) / served.rows
    by_chance = math.sqrt(len(compared.labels) / served.rows) / 2
    if share <= SKEWED_SHARE and 2 * served.rows < computed.rows and total_variation(compared) > SKEWED_SHARE + by_chance:
        return None, True
    return share, False
