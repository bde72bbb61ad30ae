"""Versions of the model `visits` in the registry, with their profiles in Cloud Storage: what a comparison starts from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.cloud import Cloud
from components.evaluation.metric import Metric
from components.model.folder import Model
from components.profiles.file import write_profiles
from components.profiles.profile import ProfileKey, label_population
from components.profiles.profiling import profile_batch
from components.profiles.record import ProfileKind, keep_profiles
from components.profiles.source import _source_key
from components.runs.record import Run, Task, record_tasks, start_run
from components.snapshot.document import Partition, Snapshot
from components.storage.manifest import CODE
from components.storage.objects import push_folder
from tests.components.recorded import record_pin, register, version_of
from tests.components.visits import COLUMNS, day

VISITORS = 500


@dataclass(frozen=True)
class Shelf:
    """Where versions are put."""

    cloud: Cloud
    model: Model
    new_run: Callable[..., Run]
    folder: Path

    def put_data(self, first: int, last: int, *, pages: Callable[[int], pa.Array] | None = None) -> Snapshot:
        """A snapshot of the days `first` to `last` and its profiles; of the days from 100 on, `pages` says what is in that column."""
        snapshot = Snapshot(
            model=self.model.name,
            source_table="project.site.visits",
            partition_field="day",
            columns=tuple(sorted((column.name, column.field_type) for column in COLUMNS)),
            partitions=tuple(
                Partition(day(n), VISITORS, f"{n:032x}" if n < 100 or pages is None else f"{n:031x}f") for n in range(first, last + 1)
            ),
            spans=(day(last - 2), day(last - 1)),
            query_sha256="d" * 64,
        )
        source = {_source_key(snapshot, n - first): profile_batch(_rows(n, pages)) for n in range(first, last + 1)}
        rows = {
            ProfileKey(label_population(0), span, f"{span} {last}"): profile_batch(_rows(last, None).drop_columns(["day", "visitor"]))
            for span in snapshot.spans
        }
        for kind, profiles in ((ProfileKind.SOURCE, source), (ProfileKind.ROWS, rows)):
            path = self.folder / f"{snapshot.snapshot_id}-{kind}.parquet"
            write_profiles(profiles, path)
            names = {"model": self.model.name, "snapshot_id": snapshot.snapshot_id}
            keep_profiles(self.cloud.storage, self.cloud.settings.bucket, **names, kind=kind, path=path)
        return snapshot

    def put_run(self, snapshot: Snapshot | None, **changes: Any) -> Run:
        """A run that pinned the snapshot."""
        run = self.new_run(model=self.model.name, **changes)
        with self.cloud.engine.begin() as connection:
            if snapshot:
                record_pin(connection, run, snapshot)
            else:
                start_run(connection, run)
        return run

    def put_version(self, snapshot: Snapshot, *, code: Mapping[str, str | bytes], metrics: Sequence[Metric] = (), **changes: Any) -> int:
        """A version that was trained on the snapshot, with files of its own code."""
        run = self.put_run(snapshot, **changes)
        saved = self.folder / run.run_id
        for name, text in {**code, "saved_model.pb": run.run_id}.items():
            path = saved / (CODE / name if name in code else Path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        manifest = push_folder(self.cloud.storage, self.cloud.settings.bucket, model=self.model.name, folder=saved, metadata={})
        with self.cloud.engine.begin() as connection:
            record_tasks(connection, run.run_id, [Task("train", "train", changes.get("pipeline_version", "0.1.0"))])
            return register(connection, version_of(run, snapshot.snapshot_id, manifest), metrics=metrics)


def _rows(number: int, pages: Callable[[int], pa.Array] | None) -> pa.RecordBatch:
    """What a day's visitors did; the same for the same day."""
    chance = np.random.default_rng(number)
    found = {
        "day": pa.array([day(number)] * VISITORS, pa.date32()),
        "visitor": pa.array(np.arange(VISITORS)),
        "pages": pa.array(chance.poisson(5, VISITORS)),
        "seconds": pa.array(chance.lognormal(2, 1, VISITORS)),
        "device": pa.array(["phone" if i % 3 else "desk" for i in range(VISITORS)]),
        "returned": pa.array(chance.integers(0, 2, VISITORS)),
    }
    if pages is not None and number >= 100:
        found["pages"] = pages(VISITORS)
    return pa.RecordBatch.from_pydict(found)


def metric(value: float, *, half: float = 0.01, name: str = "auc", **slice_: str) -> Metric:
    """With an interval of that half width."""
    return Metric(name, slice_, value, value - half, value + half, 1000)
