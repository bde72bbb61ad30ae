"""Which days of predictions are due: those that were never measured, and those whose rows, labels or maturity have changed since."""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from google.cloud import bigquery

from components.canonical import fingerprint
from components.diagnosis.own_model import read_own_model
from components.diagnosis.whole_days import whole_days
from components.evaluation.config import eval_config
from components.files import write_whole
from components.labels.log_query import LogQuery
from components.model.folder import Model
from components.monitoring.record import DayState, LiveDay, ServedDay, last_day_of_runs, read_live_days
from components.monitoring.served_rows import UnansweredDay, read_unanswered
from components.registry.history import list_versions
from components.runs.new_run import new_run
from components.runs.outcome import Step
from components.runs.provenance import Launch
from components.runs.record import start_run
from components.runs.steps import PipelineName

FOLDER = Path(__file__).parent
LATE_DAYS = 28
"""For so many days after the label delay a day is looked at again, should labels come late or be corrected."""
EARLY_DAYS = 28
"""A prediction may be asked for so many days before the one that it is of."""
FIRST_PARTITION = date(1970, 1, 1)
"""A prediction of a day before it is not measured: callers give any date, such as 0001-01-01, and the days before that are none."""
COMPARED = timedelta(days=7)
"""Days of the last so many are held against what source.sql gives, as soon as the source has all of them."""
WHOLE = ":whole"
"""At the end of the fingerprint of such a day: it is due again when the source has all of it."""
LIVE = "live"
SHADOW = "shadow"
ROLES = (LIVE, "canary", SHADOW)
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """A day to measure."""

    served: ServedDay
    state: DayState
    fingerprint: str
    first_logged: date
    """The first and the last partition of the log that have rows of it."""
    last_logged: date
    attempt: int
    """Measurements before this one."""
    is_last_live: bool
    """Whether no later version was live on the day: with it requests are counted that were not answered."""
    is_silent: bool = False
    """Whether no request of the day was answered."""
    is_whole: bool = False
    """Whether the source has all of the day, so that what was served is held against what source.sql gives."""


@dataclass(frozen=True)
class _Logged:
    rows: int
    first: date
    last: date
    unanswered: UnansweredDay | None = None
    """Of a day on which no prediction was made."""


def start_watching(step: Step, target: str, through: str, launch: str) -> None:
    """Record that the run starts."""
    parameters = {"model": step.model.name, "target": target, "through": through, "beam_args": list(step.settings.beam_args)}
    run = new_run(
        step.settings,
        step.run_id,
        step.model.name,
        Launch.from_json(launch),
        pipeline_name=PipelineName.MONITORING,
        parameters=parameters,
    )
    with step.cloud.engine.begin() as connection:
        start_run(connection, run)


def write_due_days(step: Step, target: str, through: str, path: Path) -> None:
    """Write the days that are due as JSON.

    Raises:
        SourceError: there is no log, or the queries do not run on it.
        AccessError: BigQuery refuses or does not answer.
    """
    query = LogQuery(step.cloud, step.model, target, date.fromisoformat(through))
    with step.cloud.engine.connect() as connection:
        known = {day.served: day for day in read_live_days(connection, step.model.name, target, with_metrics=False)}
        last_run = last_day_of_runs(connection, step.model.name, target)
        versions = {one.number for one in list_versions(connection, step.model.name)}
    logged = _recordable(_datable(_read_logged(query, _first_logged(query, last_run))), versions)
    checked = [served for served, rows in logged.items() if _may_have_changed(query, known.get(served), served, rows)]
    ways = {number: _way_of_measuring(read_own_model(step, number).model) for number in {served.version for served in checked}}
    marks = _fingerprints(query, {served: logged[served] for served in checked}, ways)
    last_live = _last_live(logged)
    marks |= {served: f"{mark}:not last" for served, mark in marks.items() if served.role == LIVE and served not in last_live}
    whole = whole_days(query.cloud, query.model, {served.day for served in marks if served.day > query.through - COMPARED})
    marks |= {served: f"{mark}{WHOLE}" for served, mark in marks.items() if served.day in whole}
    silent = _read_silent(query, known, logged)
    checked, logged, marks, last_live = [*checked, *silent], logged | silent, marks | _marks_of_silence(silent), last_live | silent.keys()
    due = [
        DueDay(
            served=served,
            state=_state(query, served.day),
            fingerprint=marks[served],
            first_logged=logged[served].first,
            last_logged=logged[served].last,
            attempt=known[served].attempt if served in known else 0,
            is_last_live=served in last_live,
            is_silent=served in silent,
            is_whole=marks[served].endswith(WHOLE),
        )
        for served in sorted(checked)
        if served in marks
    ]
    changed = [one for one in due if one.served not in known or _is_other(one, known[one.served])]
    write_whole(path, json.dumps([asdict(one) for one in changed], default=date.isoformat))


def read_due_days(path: Path) -> list[DueDay]:
    """What `write_due_days` wrote."""
    return [_due_day(one) for one in json.loads(path.read_text())]


def _due_day(fields: Mapping[str, object]) -> DueDay:
    served: Mapping[str, str] = fields["served"]  # type: ignore[assignment]
    days = {name: date.fromisoformat(str(fields[name])) for name in ("first_logged", "last_logged")}
    return DueDay(
        served=ServedDay(date.fromisoformat(served["day"]), int(served["version"]), served["role"]),
        state=DayState(str(fields["state"])),
        fingerprint=str(fields["fingerprint"]),
        attempt=int(str(fields["attempt"])),
        is_last_live=bool(fields["is_last_live"]),
        is_silent=bool(fields["is_silent"]),
        is_whole=bool(fields["is_whole"]),
        **days,
    )


def _first_logged(query: LogQuery, last_run: date | None) -> date:
    """The first partition of the log that may have rows of a day that is due; the first of all where no run has come to its end yet."""
    if last_run is None:
        return FIRST_PARTITION
    return min(last_run, query.through) - timedelta(days=query.model.rows.label_delay_days + LATE_DAYS + EARLY_DAYS)


def _read_logged(query: LogQuery, first: date) -> dict[ServedDay, _Logged]:
    rows = query.ask(query.text(FOLDER / "logged_days.sql"), query.settings(logged=(first, query.through)))
    return {ServedDay(row.day, row.version, row.role): _Logged(row.row_count, row.first_logged, row.last_logged) for row in rows}


def _read_silent(query: LogQuery, known: Mapping[ServedDay, LiveDay], logged: Collection[ServedDay]) -> dict[ServedDay, _Logged]:
    """The days on which every request was refused or failed: they count as days of the version that was live before.

    A day that is known stays as it was measured where its predictions have expired since, or a run has looked through a later day.
    """
    live = sorted(served for served in {*known, *logged} if served.role == LIVE)
    if not logged or not live:
        return {}
    first = min(served.day for served in logged)
    answered = {served.day for served in logged} | {served.day for served, one in known.items() if one.rows or one.through > query.through}
    days = [day for back in range((query.through - first).days) if (day := query.through - timedelta(days=back)) not in answered]
    found = {day: one for day, one in read_unanswered(query, days).items() if one.refused_requests or one.failed_requests}
    before = {day: [served.version for served in live if served.day <= day] for day in found}
    return {ServedDay(day, before[day][-1], LIVE): _Logged(0, day, day, one) for day, one in found.items() if before[day]}


def _marks_of_silence(silent: Mapping[ServedDay, _Logged]) -> dict[ServedDay, str]:
    return {served: f"none:{one.unanswered}" for served, one in silent.items()}


def _datable(logged: Mapping[ServedDay, _Logged]) -> dict[ServedDay, _Logged]:
    """The days from FIRST_PARTITION on. The others are counted, named and left out."""
    old = {served for served in logged if served.day < FIRST_PARTITION}
    if old:
        extra = {"first_day": min(old).day.isoformat(), "rows": sum(logged[served].rows for served in old)}
        log.warning("predictions of days before 1970 are left out", extra=extra)
    return {served: rows for served, rows in logged.items() if served not in old}


def _recordable(logged: Mapping[ServedDay, _Logged], versions: Collection[int]) -> dict[ServedDay, _Logged]:
    """The days of versions that the registry knows, in roles that there are. Rows of others are counted, named and left out."""
    left_out: dict[tuple[int, str], int] = {}
    for served, rows in logged.items():
        if served.version not in versions or served.role not in ROLES:
            whose = served.version, served.role
            left_out[whose] = left_out.get(whose, 0) + rows.rows
    for (version, role), count in left_out.items():
        extra = {"version": version, "role": role, "rows": count}
        log.warning("predictions of a version or role that the registry does not know are left out", extra=extra)
    return {served: rows for served, rows in logged.items() if (served.version, served.role) not in left_out}


def _last_live(logged: Collection[ServedDay]) -> set[ServedDay]:
    """The last live version of each day."""
    return set({served.day: served for served in sorted(logged) if served.role == LIVE}.values())


def _may_have_changed(query: LogQuery, known: LiveDay | None, served: ServedDay, logged: _Logged) -> bool:
    """Whether a day may be due; only of these days labels are read.

    What a run through a later day has measured stays, and so does a settled day some of whose predictions have expired since.
    """
    has_lost_rows = known is not None and known.state is DayState.SETTLED and logged.rows < known.rows
    if known is not None and (known.through > query.through or has_lost_rows):
        return False
    if known is None or known.rows != logged.rows or known.state != _state(query, served.day):
        return True
    return served.day + timedelta(days=query.model.rows.label_delay_days + LATE_DAYS) > query.through


def _state(query: LogQuery, day: date) -> DayState:
    return DayState.SETTLED if query.is_mature(day) else DayState.PROVISIONAL


def _is_other(due: DueDay, known: LiveDay) -> bool:
    """A day that was held against source.sql is not due for being too old for that now."""
    is_same = due.fingerprint in (known.fingerprint, known.fingerprint.removesuffix(WHOLE))
    return not is_same or due.state != known.state


def _way_of_measuring(model: Model) -> str:
    return fingerprint(json.loads(eval_config(model)))[:12]


def _fingerprints(query: LogQuery, logged: Mapping[ServedDay, _Logged], ways: Mapping[int, str]) -> dict[ServedDay, str]:
    """What the days hold and how they are measured, by version, in one text each."""
    if not logged:
        return {}
    days = sorted({served.day for served in logged})
    between = min(one.first for one in logged.values()), max(one.last for one in logged.values())
    rows = query.ask(query.text(FOLDER / "fingerprints.sql"), query.settings(days, between))
    return {ServedDay(row.day, row.version, row.role): _mark(row, ways[row.version]) for row in rows if row.version in ways}


def _mark(row: bigquery.Row, how: str) -> str:
    return f"{row.row_count}:{row.fingerprints_xor}:{row.fingerprints_sum}:{how}"
