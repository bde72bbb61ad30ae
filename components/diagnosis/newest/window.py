"""The window of the newest data: labelled spans that a version has not learned from, and the partition of today's rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from components.cloud import Cloud
from components.errors import SourceError
from components.examples.read import examples_fingerprint
from components.model.folder import Model
from components.snapshot.describe import describe_days
from components.snapshot.document import Snapshot
from components.snapshot.source import History
from components.snapshot.window import Window, require_within, resolve_window, span_history_start


@dataclass(frozen=True, kw_only=True)
class NewestWindow:
    """The partitions and spans to read."""

    snapshot: Snapshot
    """All partitions to `through`, from the first one read or the last one that the version learned from; its spans are the judged ones."""
    first: date
    """The first partition that is read."""
    described_at: datetime
    through: date
    """The last partition: its evening is the span of the rows that have no label yet."""
    learned: tuple[date, ...]
    """Labelled spans of the window that the newer version was trained on, with the same rows."""

    @property
    def judged(self) -> tuple[date, ...]:
        """The spans that versions are measured on: those not learned from or, for two versions without any, the learned ones."""
        return self.snapshot.spans

    @property
    def is_newer(self) -> bool:
        """Whether the newer version was not trained on the judged spans."""
        return bool(self.judged) and self.judged != self.learned

    @property
    def window(self) -> Window:
        """The window of the one query that gives both judged and today's rows."""
        spans = tuple(dict.fromkeys((*self.judged, self.through)))
        return Window(spans, self.first, self.through)


def choose_day(model: Model, through: date | None, history: History) -> date:
    """Choose the last partition to use: `through`, or by default the last one of the table's history.

    Raises:
        SourceError: the table has no partition on that day.
    """
    day = through or history.last
    require_within(model, day, first=history.first, last=history.latest)
    return day


def describe_newest(cloud: Cloud, model: Model, learned: Sequence[Snapshot], *, day: date, history: History) -> NewestWindow:
    """Describe the partitions and spans to read. Writes nothing.

    Args:
        cloud: the services.
        model: the model as it is stored with the version.
        learned: what each version was trained on, the newer one last.
        day: the last partition to use.
        history: the table's partitions.

    Raises:
        SourceError: the table is not as the model says.
        AccessError: BigQuery refuses or does not answer.
    """
    first = history.first
    spans = _labelled(model, day, history)
    read_from = max(first, span_history_start(model, min((*spans, day))))
    begin = min(
        read_from, max(first, min(snapshot.partitions[-1].day for snapshot in learned))
    )  # what happened in between tells since when
    described, described_at = describe_days(cloud, model, begin, day)
    trained = {examples_fingerprint(model, learned[-1], span) for span in learned[-1].spans}
    same = tuple(span for span in spans if examples_fingerprint(model, described, span) in trained)
    judged = tuple(span for span in spans if span not in same) or (same if len(learned) > 1 else ())
    return NewestWindow(
        snapshot=replace(described, spans=judged),
        first=read_from,
        described_at=described_at,
        through=day,
        learned=same,
    )


def _labelled(model: Model, day: date, history: History) -> tuple[date, ...]:
    """The spans of a training through that day; none if the table is too short for one."""
    try:
        return resolve_window(model, day, first=history.first, last=history.latest).spans
    except SourceError:
        return ()
