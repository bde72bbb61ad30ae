"""Read the two sides of a comparison of data, each named by a date, a window, a snapshot, a version, or a window of the serving log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from components.cloud import Cloud
from components.comparison.compare import Side
from components.errors import RegistryError, SourceError
from components.model.folder import Model
from components.profiles.profile import Profiles
from components.profiles.record import ProfileKind, read_kept_profiles
from components.registry.history import read_version
from components.registry.reference import REFERENCE, referenced_version
from components.registry.snapshot_use import SHOWN, find_snapshot
from components.snapshot.document import Snapshot, snapshot_from
from components.snapshot.record import read_recorded_snapshot

DAY = r"\d{4}-\d{2}-\d{2}"
SERVING_PREFIX = "serving:"
ACCEPTED = "a date, DATE..DATE, the beginning of a snapshot's id, vNUMBER, latest, live, live@TARGET, or serving:DATE..DATE"


@dataclass(frozen=True, kw_only=True)
class Operand:
    """The profiles of one side of a comparison, with the snapshot that they describe."""

    side: Side
    snapshot: Snapshot | None
    """None for a window of the serving log."""
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""

    @property
    def is_log(self) -> bool:
        """Whether it is a window of the serving log, which holds features alone."""
        return self.snapshot is None


def read_operand(cloud: Cloud, model: Model, text: str) -> Operand:
    """The operand that a text names.

    Raises:
        RegistryError: there is no such version or snapshot, or the text is none of the forms.
        SourceError: the window is empty, or outside the source.
        AccessError: a service refuses or does not answer.
    """
    if re.fullmatch(DAY, text):
        return _described(cloud, model, text)
    if window := re.fullmatch(rf"({DAY})\.\.({DAY})", text):
        return _window(cloud, model, _day(window[1]), _day(window[2]))
    if window := re.fullmatch(rf"{SERVING_PREFIX}({DAY})\.\.({DAY})", text):
        return _logged(cloud, model, text, _day(window[1]), _day(window[2]))
    if version := re.fullmatch(r"v(\d+)", text):
        return _version_operand(cloud, model, int(version[1]))
    if REFERENCE.fullmatch(text):
        with cloud.engine.connect() as connection:
            number = referenced_version(connection, model.name, text)
        return _version_operand(cloud, model, number)
    if not re.fullmatch("[0-9a-fA-F]{6,64}", text):
        raise RegistryError(f"{text!r} is no data of model {model.name!r}: give {ACCEPTED}")
    with cloud.engine.connect() as connection:
        snapshot_id = find_snapshot(connection, text)
    return recorded_operand(cloud, model, snapshot_id, name=f"snapshot {snapshot_id[:SHOWN]}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RegistryError(f"{text!r} is not a date: give {ACCEPTED}") from error


def _version_operand(cloud: Cloud, model: Model, number: int) -> Operand:
    """The data that a version was trained on."""
    with cloud.engine.connect() as connection:
        recorded = read_version(connection, model.name, number).snapshot
    return recorded_operand(cloud, model, recorded.snapshot_id, name=f"version {number}", document=recorded.document)


def recorded_operand(cloud: Cloud, model: Model, snapshot_id: str, *, name: str, document: Mapping[str, object] | None = None) -> Operand:
    """A snapshot of the registry, by its stored profiles; profiles that were not stored are computed from the pinned rows.

    `document` is the snapshot's own, for callers that have read it already.
    """
    if document is None:
        with cloud.engine.connect() as connection:
            document = read_recorded_snapshot(connection, snapshot_id).document
    snapshot = snapshot_from(document)
    source: Profiles = _kept(cloud, snapshot, ProfileKind.SOURCE) or profile_partitions(cloud, model, snapshot, as_of=None)
    rows, notes = _rows(cloud, model, snapshot, name, table=snapshot.snapshot_table)
    return Operand(side=Side(name=name, source=source, rows=rows), snapshot=snapshot, notes=notes)


def _kept(cloud: Cloud, snapshot: Snapshot, kind: ProfileKind) -> Profiles:
    return read_kept_profiles(cloud.storage, cloud.settings.bucket, model=snapshot.model, snapshot_id=snapshot.snapshot_id, kind=kind)


def profile_partitions(
    cloud: Cloud, model: Model, snapshot: Snapshot, *, as_of: datetime | None, known: Profiles | None = None
) -> Profiles:
    """Profile the pinned rows, or the source table as it was at an instant; what is known already is not read.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    from components.profiles.source import cluster_column, profile_source  # brings BigQuery's client, two seconds

    return profile_source(cloud, snapshot, known or {}, cluster=cluster_column(model, snapshot), as_of=as_of)


def _rows(cloud: Cloud, model: Model, snapshot: Snapshot, name: str, *, table: str) -> tuple[Profiles, tuple[str, ...]]:
    """The profiles of source.sql's rows: stored ones, those in this machine's cache, or new ones, if the query is still the same."""
    if kept := _kept(cloud, snapshot, ProfileKind.ROWS):
        return kept, ()
    from components.examples.live import profile_rows
    from components.examples.read import read_span_profiles

    if snapshot.query_sha256 != model.query_sha256:
        return {}, (f"features of {name} are not compared: their profile was not kept, and source.sql is another one now",)
    cached = read_span_profiles(cloud.settings, model, snapshot)
    if {part.day for part in cached} == set(snapshot.spans):
        return cached, ()
    try:
        return profile_rows(cloud, model, snapshot, table=table), ()
    except SourceError as error:
        return {}, (f"features of {name} are not compared: {error}",)


def _described(cloud: Cloud, model: Model, text: str) -> Operand:
    """The window that a training through that date reads, pinned or not."""
    from components.snapshot.describe import describe_snapshot

    through = _day(text)
    snapshot, as_of = describe_snapshot(cloud, model, through)
    name = f"data through {through}"
    source = _kept(cloud, snapshot, ProfileKind.SOURCE) or profile_partitions(cloud, model, snapshot, as_of=as_of)
    rows, notes = _rows(cloud, model, snapshot, name, table=snapshot.source_table)
    return Operand(side=Side(name=name, source=source, rows=rows), snapshot=snapshot, notes=notes)


def _window(cloud: Cloud, model: Model, first: date, last: date) -> Operand:
    from components.snapshot.describe import describe_days

    snapshot, as_of = describe_days(cloud, model, first, last)
    return Operand(
        side=Side(name=f"{first} to {last}", source=profile_partitions(cloud, model, snapshot, as_of=as_of), rows={}), snapshot=snapshot
    )


def _logged(cloud: Cloud, model: Model, text: str, first: date, last: date) -> Operand:
    from components.profiles.log import profile_log

    rows = profile_log(cloud, model, first, last)
    return Operand(side=Side(name=text, source={}, rows=rows), snapshot=None)
