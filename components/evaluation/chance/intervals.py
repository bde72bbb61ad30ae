"""95 % confidence intervals from what TFMA counts, in closed form.

TFMA's own jackknife costs more than the rest of the evaluation (docs/benchmarks.md); these cost nothing and agree with it closely.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""
Interval = tuple[float, float]
"""Its ends."""


@dataclass(frozen=True)
class Confusion:
    """Weighted counts: at the threshold 0.5, or of one class against all others where the highest score decides."""

    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float

    @property
    def positives(self) -> float:
        """Rows with label 1."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> float:
        """Rows with label 0."""
        return self.true_negatives + self.false_positives


def interval(metric: str, value: float, counts: Confusion) -> Interval | None:
    """The 95 % interval of a metric; None where it has none, or cannot be known from these counts.

    Args:
        metric: its name, without the class that it is of.
        value: what it came to.
        counts: of the same rows.
    """
    if not math.isfinite(value):
        return None
    rows = counts.positives + counts.negatives
    match metric:
        case "auc":
            return _auc(value, counts.positives, counts.negatives)
        case "binary_accuracy" | "accuracy":
            return _wilson(value, rows)
        case "precision":
            return _wilson(value, counts.true_positives + counts.false_positives)
        case "recall":
            return _wilson(value, counts.positives)
        case "f1":
            return _f1(value, counts.positives + counts.false_positives)
        case "calibration":
            return _ratio_to_mean_label(value, counts.positives, rows)
        case _:
            return None


def mean_interval(values: Sequence[tuple[float, Interval]], *, independent: bool) -> Interval:
    """The interval of the mean of values, from theirs.

    Of independent ones, such as the recalls of several classes, the squares of the distances add up; source: Zou and Donner (2008),
    Construction of confidence limits about effect measures. Else the mean of the ends is taken, which is wide enough however the values
    depend on each other: a mean deviates by no more than the mean of the deviations.
    """
    mean = sum(value for value, _ in values) / len(values)
    below, above = [value - low for value, (low, _) in values], [high - value for value, (_, high) in values]
    if independent:
        return mean - math.hypot(*below) / len(values), mean + math.hypot(*above) / len(values)
    return mean - sum(below) / len(values), mean + sum(above) / len(values)


def _wilson(share: float, count: float) -> Interval | None:
    """Source: Wilson (1927), Probable inference, the law of succession, and statistical inference."""
    if count <= 0:
        return None
    centre = share + Z * Z / (2 * count)
    half = Z * math.sqrt(max(share * (1 - share), 0.0) / count + Z * Z / (4 * count * count))
    scale = 1 + Z * Z / count
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def _f1(f1: float, rows: float) -> Interval | None:
    """Wilson's of f1 / (2 - f1), the hits' share of the rows that are of the class or taken for it, turned into f1 again.

    Source: Takahashi, Yamamoto, Kuchiba and Koyama (2022), Confidence interval for micro-averaged F1 and macro-averaged F1 scores.
    """
    bounds = _wilson(f1 / (2 - f1), rows)
    return None if bounds is None else (2 * bounds[0] / (1 + bounds[0]), 2 * bounds[1] / (1 + bounds[1]))


def _auc(auc: float, positives: float, negatives: float) -> Interval | None:
    """Source: Hanley and McNeil (1982), The meaning and use of the area under a ROC curve."""
    if positives <= 0 or negatives <= 0:
        return None
    auc = min(auc, 1.0)  # a sum of floats may come to a little more
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    half = Z * math.sqrt(max(variance, 0.0) / (positives * negatives))
    return max(0.0, auc - half), min(1.0, auc + half)


def _ratio_to_mean_label(ratio: float, positives: float, rows: float) -> Interval | None:
    """Mean prediction over mean label: the label's mean is the uncertain part (delta method)."""
    if positives <= 0 or rows <= 0:
        return None
    half = Z * abs(ratio) * math.sqrt((1 - positives / rows) / positives)
    return ratio - half if ratio < 0 else max(0.0, ratio - half), ratio + half
