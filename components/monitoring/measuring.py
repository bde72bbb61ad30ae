"""Measure days of predictions by the scores that were logged, each against the labels that are known, and record what they came to."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path

from components.diagnosis.own_model import OwnModel, read_own_model
from components.diagnosis.served_again import profile_served_again
from components.errors import SourceError
from components.evaluation.metric import recordable
from components.labels.log_query import LogQuery
from components.model.folder import Model
from components.monitoring.inputs import look_at_inputs
from components.monitoring.record import LiveDay, Operation, ServedDay, record_live_day
from components.monitoring.served_rows import ServedRows, UnansweredDay, read_served, read_unanswered, served_population
from components.monitoring.watching import SHADOW, DueDay, read_due_days
from components.predictions.measuring import measure_batches
from components.profiles.file import write_profiles
from components.profiles.profile import ColumnProfile, ColumnProfiles, ProfileKey, Profiles
from components.profiles.record import ProfileKind, read_kept_profiles
from components.registry.history import read_version
from components.runs.outcome import Step

log = logging.getLogger(__name__)


def measure_due_days(step: Step, target: str, through: str, due: Path, profiles: Path) -> None:
    """Measure the days that `write_due_days` wrote, each recorded as soon as it is measured.

    Args:
        step: the step.
        target: where the versions serve.
        through: the last day whose predictions and labels are read.
        due: the days.
        profiles: the file that is given the profiles of what was served.

    Raises:
        SourceError: the queries do not run on the log.
        AccessError: a service refuses or does not answer.
    """
    query = LogQuery(step.cloud, step.model, target, date.fromisoformat(through))
    served: dict[ProfileKey, dict[str, ColumnProfile]] = {}

    @cache
    def trained(version: int) -> Profiles:
        return _training_profiles(step, version)

    @cache
    def own_model(version: int) -> OwnModel:
        return read_own_model(step, version)

    due_days = read_due_days(due)
    unanswered = read_unanswered(query, {one.served.day for one in due_days})
    _record(step, target, [_silent_day(query, one, unanswered) for one in due_days if one.is_silent])
    for day, ones in groupby((one for one in due_days if not one.is_silent), key=lambda one: one.served.day):
        wanted = {one.served: one for one in ones}
        for which, rows in _read(query, day, wanted, own_model):
            one = wanted[which]
            again = _served_again(query, rows.model, one)
            measured = _measure(query, one, rows, trained(one.served.version), again, step.settings.beam_args)
            if one.is_last_live and day in unanswered:
                measured = replace(measured, operation=replace(measured.operation, **vars(unanswered[day])))
            _record(step, target, [measured])
            served[ProfileKey(served_population(one.served.version, one.served.role), day, one.fingerprint)] = rows.profiles
    write_profiles(served, profiles)


def _read(
    query: LogQuery, day: date, wanted: Mapping[ServedDay, DueDay], own_model: Callable[[int], OwnModel]
) -> Iterator[tuple[ServedDay, ServedRows]]:
    """The rows of each version and role, to be read before the next day is asked for."""
    logged = min(one.first_logged for one in wanted.values()), max(one.last_logged for one in wanted.values())
    with tempfile.TemporaryDirectory(prefix="served-") as folder:
        yield from read_served(query, day, logged, {which: own_model(which.version) for which in wanted}, Path(folder)).items()


def _record(step: Step, target: str, days: Sequence[LiveDay]) -> None:
    for day in days:
        with step.cloud.engine.begin() as connection:
            record_live_day(connection, step.model.name, target, day, run_id=step.run_id)


def _silent_day(query: LogQuery, due: DueDay, unanswered: Mapping[date, UnansweredDay]) -> LiveDay:
    """A day on which every request was refused, or failed."""
    return LiveDay(
        served=due.served,
        state=due.state,
        through=query.through,
        rows=0,
        labelled=0,
        contradicting=0,
        fingerprint=due.fingerprint,
        operation=Operation(predictions=0.0, latency_microseconds=(0, 0, 0), **vars(unanswered.get(due.served.day, UnansweredDay()))),
        scores=(),
        inputs=(),
        metrics=(),
        attempt=due.attempt,
    )


def _training_profiles(step: Step, version: int) -> Profiles:
    """The profiles of the rows that a version was trained on, by span; none if they were not kept."""
    with step.cloud.engine.connect() as connection:
        snapshot_id = read_version(connection, step.model.name, version).snapshot.snapshot_id
    bucket = step.settings.bucket
    return read_kept_profiles(step.cloud.storage, bucket, model=step.model.name, snapshot_id=snapshot_id, kind=ProfileKind.ROWS)


def _served_again(query: LogQuery, own: Model, due: DueDay) -> ColumnProfiles | None:
    """What the version's own source.sql gives for a day; None if that cannot be said, or not yet."""
    if not due.is_whole or due.served.role == SHADOW:
        return None
    try:
        return profile_served_again(query.cloud, own, [due.served.day], due.served.day).get(due.served.day)
    except SourceError as error:
        log.warning("what was served is not held against source.sql", extra={"day": str(due.served.day), "error": str(error)})
        return None


def _measure(
    query: LogQuery, due: DueDay, rows: ServedRows, trained: Profiles, again: ColumnProfiles | None, beam_args: Sequence[str]
) -> LiveDay:
    if rows.unmeasurable:
        where = {"day": str(due.served.day), "version": due.served.version, "rows": rows.unmeasurable}
        log.warning("predictions are NaN or infinite, and not measured", extra=where)
    return LiveDay(
        served=due.served,
        state=due.state,
        through=query.through,
        rows=rows.rows,
        labelled=rows.labelled.rows,
        contradicting=rows.contradicting,
        fingerprint=due.fingerprint,
        operation=rows.operation,
        scores=rows.score_counts,
        slice_scores=rows.slice_scores,
        inputs=look_at_inputs(query.model, trained, rows.profiles, again),
        metrics=recordable(measure_batches(rows.model, rows.labelled.batches, beam_args=beam_args)) if rows.labelled.rows else (),
        attempt=due.attempt,
    )
