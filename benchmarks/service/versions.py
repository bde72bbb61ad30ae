"""Versions of the benchmark's network that can be deployed: pushed and registered as a training leaves them, without one."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa

from benchmarks.service.calls import AMOUNTS, NUMBERS, TEXTS, make_model
from components.canonical import fingerprint
from components.cloud import Cloud
from components.deployment.deploy import deploy
from components.deployment.request import new_request
from components.examples.encode import TFRecordFile, encode_examples
from components.registry.deployments import Action
from components.runs.record import Run, Trigger
from components.snapshot.record import RecordedSnapshot
from components.storage.manifest import CODE
from components.storage.objects import push_folder
from components.training.smoke import record_smoke
from tests.components.recorded import record_pin, register, version_of

MODEL = "million"
MODEL_TOML = "[serving]\nlatency_milliseconds = 10000\n"


@dataclass(frozen=True)
class Versions:
    """Of one model, on one target."""

    cloud: Cloud
    target: str

    def make(self, folder: Path) -> int:
        """Push and register the network in a folder once more. Its bytes are its own: a file tells the versions apart."""
        (folder / CODE / "README.md").write_text(uuid4().hex)
        cloud = self.cloud
        manifest = push_folder(cloud.storage, cloud.settings.bucket, model=MODEL, folder=folder, metadata={})
        run, snapshot = run_of_nothing(), snapshot_of_nothing()
        with cloud.engine.begin() as connection:
            record_pin(connection, run, snapshot)
            return register(connection, version_of(run, snapshot.snapshot_id, manifest), blessed=True)

    def deploy(self, version: int) -> None:
        """Make it the live one."""
        settings = self.cloud.settings
        request = new_request(settings, Action.DEPLOY, model=MODEL, version=version, target=self.target, reason="to swap")
        deploy(self.cloud, request)


def make_folder(folder: Path) -> Path:
    """The network, with the rows that a deployment is tried by."""
    import tensorflow as tf

    saved_model = make_model(folder / "model")
    columns: dict[str, object] = {name: np.arange(32, dtype=np.int64) for name in NUMBERS}
    columns |= {name: np.linspace(0, 4, 32, dtype=np.float32) for name in AMOUNTS} | {name: ["a"] * 32 for name in TEXTS}
    rows = folder / "rows.gz"
    with TFRecordFile(rows) as file:
        file.write(encode_examples(pa.RecordBatch.from_pydict(columns)).to_pylist())
    record_smoke(tf.saved_model.load(str(saved_model)).signatures["serving_default"], [str(rows)], saved_model)
    shutil.rmtree(saved_model / CODE, ignore_errors=True)
    (saved_model / CODE).mkdir(parents=True)
    (saved_model / CODE / "model.toml").write_text(MODEL_TOML)
    return saved_model


def run_of_nothing() -> Run:
    """A run that trained nothing."""
    return Run(
        run_id=f"run-{uuid4().hex}",
        model=MODEL,
        pipeline_name="training",
        pipeline_version="0.1.0",
        pipeline_sha256="a" * 64,
        parameters={},
        trigger=Trigger.PERSON,
        reason="to measure the service",
        environment_digest=f"sha256:{'b' * 64}",
        package_versions={},
        host="here",
        git_commit="c" * 40,
    )


def snapshot_of_nothing() -> RecordedSnapshot:
    """A snapshot that nobody reads."""
    document = {"source": "shop.sales.purchases", "made": uuid4().hex}
    return RecordedSnapshot(
        snapshot_id=fingerprint(document),
        document=document,
        source_table="shop.sales.purchases",
        snapshot_table="shop.snapshots.purchases",
        partition_field="day",
        partition_from=date(1998, 4, 1),
        partition_to=date(1998, 6, 1),
        query_sha256="d" * 64,
        row_count=1000,
        schema_fingerprint="e" * 64,
        content_checksum="1000:1",
    )
