"""Resolve which spans a run trains on, and which partitions they need."""

from dataclasses import dataclass
from datetime import date, timedelta

from components.errors import SourceError
from components.model.folder import Model


@dataclass(frozen=True)
class Window:
    """Spans, and the first and the last partition that source.sql may read for them."""

    spans: tuple[date, ...]
    first_partition: date
    last_partition: date

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that must have a partition."""
        return tuple(self.first_partition + timedelta(days=i) for i in range((self.last_partition - self.first_partition).days + 1))


def resolve_window(model: Model, through: date, *, first: date, last: date) -> Window:
    """The window of the last spans whose labels are known at the end of `through`.

    Spans lie on a grid of `every_days` days that does not move with `through`, so that windows share spans. History that
    would reach back before the table's first partition ends there.

    Args:
        model: tells how many spans, how far apart, and how far source.sql looks back and ahead.
        through: the last partition that may be used.
        first: the table's first partition.
        last: the table's last partition.

    Raises:
        SourceError: `through` is outside the table, or leaves fewer spans than the window has.
    """
    table, every, delay = model.source.table, model.window.every_days, model.rows.label_delay_days
    require_within(model, through, first=first, last=last)
    reach = every * (model.window.spans - 1)
    newest = _on_grid(through.toordinal() - delay, every)  # a number, since it may be before year 1
    if newest - reach <= first.toordinal():
        earliest = _on_grid(first.toordinal(), every) + every * model.window.spans + delay
        possible = earliest <= last.toordinal()
        remedy = (
            f"choose --through {date.fromordinal(earliest)} or later" if possible else "load more of them, or narrow [window] in model.toml"
        )
        raise SourceError(
            f"--through {through} leaves an empty window: {model.name} needs {model.window.spans} spans of {every} days with known labels "
            f"after {first}, the first partition of {table}; {remedy}"
        )
    spans = tuple(date.fromordinal(newest - reach + every * i) for i in range(model.window.spans))
    return Window(
        spans=spans,
        first_partition=max(first, span_history_start(model, spans[0])),
        last_partition=span_label_end(model, spans[-1]),
    )


def require_within(model: Model, through: date, *, first: date, last: date) -> None:
    """Refuse a last partition outside the table.

    Raises:
        SourceError: it is before the first or after the last one.
    """
    if not first <= through <= last:
        table = model.source.table
        raise SourceError(f"--through {through} is outside {table}, which has partitions {first} to {last}: choose a date between them")


def _on_grid(day: int, every: int) -> int:
    """The last day of the grid that is not after `day`, by their ordinals."""
    return day - day % every


def span_history_start(model: Model, span: date) -> date:
    """The first partition that a span's features may read."""
    return date.fromordinal(max(1, span.toordinal() - model.source.history_days + 1))


def span_label_end(model: Model, span: date) -> date:
    """The last partition that a span's labels read."""
    return span + timedelta(days=model.rows.label_delay_days)
