"""The examples of a run as its page shows them: how many there are by span and split, and what their features hold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from components.examples.span_cache import LabelNumbers, SplitCount, sum_numbers
from components.report.charts import bars_by_day, numbers_by_day, share_by_day, shares_by_day

POSITIVE = "1"
"""The label whose share is drawn where labels are 0 and 1."""


@dataclass(frozen=True)
class SpanLabels:
    """The examples that a span gave to all splits, by label."""

    span: date
    labels: Mapping[str, int]
    numbers: LabelNumbers | None = None
    """Where labels are numbers."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(self.labels.values())

    @property
    def shares(self) -> dict[str, float]:
        """The share of each label; empty where there is no example."""
        return {name: count / self.rows for name, count in self.labels.items()} if self.rows else {}


@dataclass(frozen=True, kw_only=True)
class ExamplesSummary:
    """What the page shows of a run's examples. Charts are None where nothing is known to draw."""

    spans: tuple[SpanLabels, ...]
    splits: Mapping[str, int]
    """Rows by split."""
    classes: tuple[str, ...]
    """The labels of a model of several classes; empty where they are 0 and 1."""
    rows_by_span: Markup | None
    positives: tuple[float, ...]
    """The share of positive labels by span; empty where labels are classes."""
    mean_labels: tuple[float, ...]
    """The mean label by span, where labels are numbers; else empty."""
    labels_by_span: Markup | None
    """A line of the positive labels' share, one for each class, or one of the mean label."""


def summarize_examples(counts: Sequence[SplitCount]) -> ExamplesSummary:
    """Add up the counts of a run's spans and splits, and draw them."""
    splits: dict[str, int] = {}
    by_span: dict[date, dict[str, int]] = {}
    numbers: dict[date, LabelNumbers | None] = {}
    for count in counts:
        splits[count.split] = splits.get(count.split, 0) + count.rows
        labels = by_span.setdefault(count.span, {})
        for name, rows in count.labels.items():
            labels[name] = labels.get(name, 0) + rows
        numbers[count.span] = sum_numbers([numbers.get(count.span), count.numbers])
    spans = tuple(SpanLabels(span, labels, numbers[span]) for span, labels in by_span.items())
    means = [(span.span, span.numbers.total / span.rows) for span in spans if span.numbers]
    classes = tuple(spans[0].labels) if spans and not means and POSITIVE not in spans[0].labels else ()
    positives = [] if classes else [(span.span, share) for span in spans if math.isfinite(share := span.shares.get(POSITIVE, math.nan))]
    return ExamplesSummary(
        spans=spans,
        splits=splits,
        classes=classes,
        rows_by_span=bars_by_day([(span.span, span.rows) for span in spans]) if spans else None,
        positives=tuple(share for _, share in positives),
        mean_labels=tuple(mean for _, mean in means),
        labels_by_span=_draw_labels(spans, classes, positives, means),
    )


def _draw_labels(
    spans: Sequence[SpanLabels], classes: Sequence[str], positives: Sequence[tuple[date, float]], means: Sequence[tuple[date, float]]
) -> Markup | None:
    if means:
        return numbers_by_day(means)
    if classes:
        return shares_by_day([(span.span, span.shares) for span in spans], classes)
    return share_by_day(positives) if positives else None
