"""Read the rows that versions predict on: today's, newly labelled ones, and those of the last span that the newer version learned from."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pyarrow as pa

from components.cloud import Cloud
from components.diagnosis.newest.loaded_version import LoadedVersion
from components.diagnosis.newest.sample import Sample, Sampler, key_texts
from components.diagnosis.newest.window import NewestWindow
from components.errors import SourceError
from components.examples.keys import split_buckets
from components.examples.live import stream_any_rows
from components.examples.read import examples_fingerprint
from components.examples.span_profile import SpanProfiler
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, ProfileKey, Profiles, label_population, sum_profiles
from components.profiles.profiling import profile_batch
from components.snapshot.document import Snapshot
from components.snapshot.window import Window, span_history_start, span_label_end

PREDICTED_ROWS = 20_000
"""At most so many of today's rows are predicted, and as many of those of the last trained span."""
JUDGED_ROWS = 5_000
"""At most so many labelled rows are judged: TFMA takes a second for 2,000 of them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FedRows:
    """The rows that a version predicts on."""

    today: Sample | None = None
    """Rows as of the last partition's evening, whose labels are not known yet."""
    judged: Sample | None = None
    """Labelled rows of the eval split, whose keys (such as customers) no version has learned from."""
    then: Sample | None = None
    """Rows of the last span that the newer version was trained on; None if they are not stored any more."""
    profiles: Profiles = field(default_factory=dict)
    """Profiles by span of all of today's and all labelled rows, before sampling; today's without the label."""
    unreadable: str | None = None
    """Why there are no rows."""


def read_rows(cloud: Cloud, versions: Sequence[LoadedVersion], window: NewestWindow, learned: Snapshot) -> list[FedRows]:
    """Read the rows of each version. Versions with the same recipe share them.

    Args:
        cloud: the services.
        versions: the versions, the newer one last.
        window: the window of the newest data.
        learned: what the newer version was trained on.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    by_recipe: dict[tuple[object, ...], FedRows] = {}
    for version in versions:
        if version.recipe not in by_recipe:
            try:
                rows = _read_newest(cloud, version.model, window, splits=[each.model for each in versions])
            except SourceError as error:
                by_recipe[version.recipe] = FedRows(unreadable=str(error))
                continue
            with suppress(SourceError):
                rows = replace(rows, then=_read_learned(cloud, version.model, learned))
            by_recipe[version.recipe] = rows
    return [by_recipe[version.recipe] for version in versions]


def _read_newest(cloud: Cloud, model: Model, window: NewestWindow, *, splits: Sequence[Model]) -> FedRows:
    """Read the rows of the newest window. A judged row must be in the eval split of every model in `splits`."""
    snapshot, day = window.snapshot, window.through
    today, judged = Sampler(model.rows.key, PREDICTED_ROWS), Sampler(model.rows.key, JUDGED_ROWS)
    profilers = {span: SpanProfiler(model, span, examples_fingerprint(model, snapshot, span)) for span in window.judged}
    profile = _TodayProfile(model, day, f"today {snapshot.content_checksum}")
    for span, batch in stream_any_rows(cloud, model, window.window, table=snapshot.source_table):
        if span in profilers:
            profilers[span].batch(batch)
            judged.add(batch.filter(pa.array(has_label(batch, model) & _is_held_out(batch, model, splits))))
        if span == day:
            profile.add(batch)
            today.add(batch)
    profiles = {part: table for profiler in profilers.values() for part, table in profiler.profiles.items()}
    return FedRows(today=today.sample(), judged=judged.sample(), profiles={**profiles, **profile.found()})


def _read_learned(cloud: Cloud, model: Model, learned: Snapshot) -> Sample:
    """Read the rows of the last span of a snapshot from its pinned table."""
    span = learned.spans[-1]
    first = max(learned.partitions[0].day, span_history_start(model, span))
    window = Window((span,), first, min(learned.partitions[-1].day, span_label_end(model, span)))
    sampler = Sampler(model.rows.key, PREDICTED_ROWS)
    for batch_span, batch in stream_any_rows(cloud, model, window, table=learned.snapshot_table):
        if batch_span == span:
            sampler.add(batch)
    return sampler.sample()


def has_label(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """Which rows have one of the model's labels; bool [rows]."""
    column = batch.column(model.rows.label)
    labels = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan))
    return model.task.are_labels(labels)


def _is_held_out(batch: pa.RecordBatch, model: Model, splits: Sequence[Model]) -> np.ndarray:
    """Which rows lie in every eval split, so that no version can have learned from them; bool [rows]."""
    held_out = np.ones(batch.num_rows, bool)
    for split in {model.split for model in splits}:
        held_out &= split_buckets(key_texts(batch.column(model.rows.key)), split.train + split.eval) >= split.train
    return held_out


@dataclass
class _TodayProfile:
    """The profile of rows whose label is not known: it is left out, since the value that source.sql gives it is not final."""

    model: Model
    day: date
    fingerprint: str
    tables: list[ColumnProfiles] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        rows = self.model.rows
        self.tables = [sum_profiles([*self.tables, profile_batch(batch.drop_columns([rows.key, rows.span, rows.label]))])]

    def found(self) -> Mapping[ProfileKey, ColumnProfiles]:
        return {ProfileKey(label_population(0), self.day, self.fingerprint): table for table in self.tables}
