"""A model of visits of a web site that serves: its predictions in a real log, its labels in the table that they come from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from components.examples.live import profile_rows
from components.model.folder import Model
from components.monitoring.alarms import Alarm, open_alarms
from components.monitoring.judging import judge_days
from components.monitoring.measuring import measure_due_days
from components.monitoring.record import LiveDay, read_live_days
from components.monitoring.watching import read_due_days, start_watching, write_due_days
from components.prediction_log.record import LogRecord, RecordHeader, encode
from components.prediction_log.shipper import Shipper
from components.prediction_log.spool import Spool
from components.prediction_log.table import LogTable
from components.predictions.measuring import measure_predictions
from components.profiles.file import write_profiles
from components.profiles.record import ProfileKind, keep_profiles
from components.profiles.source import profile_source
from components.registry.versions import NewVersion
from components.runs.outcome import Step
from components.runs.provenance import Launch
from components.runs.record import RunState, finish_run
from components.snapshot.record import RecordedSnapshot, record_snapshot
from components.storage.objects import ensure_bucket, push_folder
from components.training.signatures import Column
from tests.components.conftest import BY_DAY
from tests.components.recorded import register
from tests.components.visits import COLUMNS, Row, Site, day

VISITORS = 200
TRAINED = 7
TARGET = "local"
FEATURES = (Column("pages", "int64"), Column("seconds", "float32"), Column("device", "string"))
LABEL_SQL = "SELECT day AS as_of, visitor, returned FROM {source} WHERE day IN UNNEST(@spans) AND day <= @last_partition"
LAUNCH = Launch(
    pipeline_sha256="a" * 64, code_sha256="1" * 64, trigger="person", reason="a test", host="laptop", git_commit=None, git_dirty=False
)
Change = Callable[[dict[str, Any]], dict[str, Any]]


def visits(number: int, change: Change = dict) -> list[dict[str, Any]]:
    """The visits of a day. Who returns is known to the score, but for every fifth visitor."""
    rows = []
    for visitor in range(1, VISITORS + 1):
        returned = (visitor + number) % 4 // 2
        is_right = (visitor * 11 + number) % 5 > 0
        row = {"day": day(number).isoformat(), "visitor": visitor, "pages": visitor % 5 + 1, "seconds": visitor / 7}
        row |= {"device": "phone" if visitor % 3 else "desk", "returned": returned}
        row |= {"score": 0.5 + (0.3 if bool(returned) == is_right else -0.3) + visitor / 10_000}
        rows.append(change(row))
    return rows


def stored(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """As the table has them."""
    return [{name: row[name] for name in (column.name for column in COLUMNS)} for row in rows]


@dataclass
class Served:
    """The model, its log and its table."""

    site: Site
    model: Model
    engine: sa.Engine
    folder: Path
    new_version: Callable[..., NewVersion]

    def register(self, saved: Path | None = None) -> int:
        """A version of which nothing is known; of a folder, if there is one, which is pushed."""
        with self.engine.begin() as connection:
            return register(connection, self._pushed(self.new_version(connection), saved))

    def _pushed(self, new: NewVersion, saved: Path | None) -> NewVersion:
        if saved is None:
            return new
        storage, bucket = self.site.cloud.storage, self.site.settings.bucket
        ensure_bucket(storage, bucket, "EU")
        return replace(new, manifest=push_folder(storage, bucket, model=self.model.name, folder=saved, metadata={}))

    def train(self, rows: Mapping[int, Sequence[Mapping[str, Any]]], saved: Path | None = None) -> int:
        """A version that was trained on the spans of these days, and measured on them; of a folder, if there is one."""
        for number, one in rows.items():
            self.label(number, one)
        cloud, bucket = self.site.cloud, self.site.settings.bucket
        snapshot = self.site.pin(self.model, max(rows))
        ensure_bucket(cloud.storage, bucket, "EU")
        profiles = {
            ProfileKind.SOURCE: profile_source(cloud, snapshot, {}),
            ProfileKind.ROWS: profile_rows(cloud, self.model, snapshot, table=snapshot.snapshot_table),
        }
        for kind, kept in profiles.items():
            path = self.folder / f"{kind}.parquet"
            write_profiles(kept, path)
            keep_profiles(cloud.storage, bucket, model=self.model.name, snapshot_id=snapshot.snapshot_id, kind=kind, path=path)
        every = [row for one in rows.values() for row in one]
        table = pa.Table.from_pylist([{name: row[name] for name in ("visitor", "returned", "device")} for row in every])
        metrics = measure_predictions(self.model, table, np.array([[row["score"]] for row in every], np.float32), beam_args=())
        with self.engine.begin() as connection:
            new = self._pushed(self.new_version(connection), saved)
            record_snapshot(connection, RecordedSnapshot.of(snapshot))
            return register(connection, replace(new, snapshot_id=snapshot.snapshot_id), metrics=metrics)

    def alarms(self) -> tuple[Alarm, ...]:
        """Those that are open."""
        with self.engine.connect() as connection:
            return open_alarms(connection, self.model.name, TARGET)

    def serve(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        version: int = 1,
        role: str = "live",
        hour: int = 12,
        span: bool = True,
        request_id: str = "",
    ) -> str:
        """Log a request with these rows on the day that they are of. Returns its id."""
        folder = self.folder / uuid4().hex
        table = LogTable(
            table=f"{self.site.settings.project}.predictions.{self.model.name}",
            day_field="event_date",
            target=TARGET,
            model=self.model.name,
            environment="a test",
            columns=FEATURES,
        )
        spool = Spool(folder / self.model.name)
        table.write(folder / self.model.name / f"{version}.json")
        moment = datetime.fromisoformat(f"{rows[0]['day']}T{hour:02}:00:00+00:00")
        header = RecordHeader(
            request_id=request_id or uuid4().hex,
            event_microseconds=int(moment.timestamp() * 1_000_000),
            version=version,
            role=role,
            latency_microseconds=1500,
            weight=1.0,
            trace_id=None,
            rows=len(rows),
            keys=[str(row["visitor"]) for row in rows],
            spans=[row["day"] if span else None for row in rows],
            texts=[[row["device"]] for row in rows],
        )
        numbers = {"int64": np.array([[row["pages"]] for row in rows]), "float32": np.array([[row["seconds"]] for row in rows], np.float32)}
        spool.append([encode(LogRecord(header, numbers, np.array([[row["score"]] for row in rows], np.float32)))], len(rows))
        spool.close()
        Shipper(self.site.cloud, folder).ship()
        return header.request_id

    def label(self, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Load the partition of a day."""
        self.site.load(stored(rows), day(number))

    def step(self, through: date) -> Step:
        """A run that has begun."""
        step = Step(f"{self.model.name}-{uuid4().hex}", self.model, self.site.cloud)
        start_watching(step, TARGET, through.isoformat(), LAUNCH.to_json())
        return step

    def monitor(self, through: int) -> list[LiveDay]:
        """Run the steps through a day, and return what they measured."""
        last = day(through)
        step, due = self.step(last), self.folder / "due.json"
        write_due_days(step, TARGET, last.isoformat(), due)
        assert len(read_due_days(due)) == len({one.served for one in read_due_days(due)})
        profiles = self.folder / "profiles.parquet"
        measure_due_days(step, TARGET, last.isoformat(), due, profiles)
        judge_days(step, TARGET, last.isoformat(), profiles)
        with self.engine.begin() as connection:
            finish_run(connection, step.run_id, RunState.SUCCEEDED)
        return [one for one in self.days() if one.run_id == step.run_id]

    def days(self) -> tuple[LiveDay, ...]:
        with self.engine.connect() as connection:
            return read_live_days(connection, self.model.name, TARGET)


@pytest.fixture
def served(empty_site: Site, engine: sa.Engine, name: str, new_version: Callable[..., NewVersion], tmp_path: Path) -> Served:
    """Nothing is served and labelled yet; version 1 is registered."""
    empty_site.create(partitioning=BY_DAY)
    folder = empty_site.model(name=name).folder
    (folder / "label.sql").write_text(LABEL_SQL)
    one = Served(empty_site, empty_site.model(name=name), engine, tmp_path / "log", new_version)
    one.folder.mkdir()
    one.register()
    return one


@pytest.fixture
def served_numbers(empty_site: Site, engine: sa.Engine, name: str, new_version: Callable[..., NewVersion], tmp_path: Path) -> Served:
    """As `served`, of a regression: the label of a visit is a number of either sign, -7.25 or 3.25."""
    empty_site.create(partitioning=BY_DAY)
    toml = {'"binary_classification"': '"regression"', 'metric = "auc"': 'metric = "r_squared"'}
    folder = empty_site.model(name=name, toml=toml).folder
    (folder / "label.sql").write_text(LABEL_SQL.replace(", returned", ", returned * 10.5 - 7.25 AS returned"))
    one = Served(empty_site, empty_site.model(name=name, toml=toml), engine, tmp_path / "log", new_version)
    one.folder.mkdir()
    one.register()
    return one


@pytest.fixture
def trained(empty_site: Site, engine: sa.Engine, name: str, new_version: Callable[..., NewVersion], tmp_path: Path) -> Served:
    """Version 1 was trained through day 7, on five days of the visits of desks and phones."""
    empty_site.create(partitioning=BY_DAY)
    toml = {"spans = 2": "spans = 5"}
    (empty_site.model(name=name, toml=toml).folder / "label.sql").write_text(LABEL_SQL)
    one = Served(empty_site, empty_site.model(name=name, toml=toml), engine, tmp_path / "log", new_version)
    one.folder.mkdir()
    one.train({number: visits(number) for number in range(1, TRAINED + 1)})
    return one
