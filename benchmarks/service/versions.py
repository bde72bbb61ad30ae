"""Versions of the benchmark's network that can be deployed: pushed and registered as a training leaves them, without one."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa

from benchmarks.service.calls import AMOUNTS, NUMBERS, TEXTS, make_model
from components.cloud import Cloud
from components.deployment.deploy import deploy
from components.deployment.request import new_request
from components.examples.encode import TFRecordFile, encode_examples
from components.registry.deployments import Action
from components.storage.manifest import CODE
from components.storage.objects import push_folder
from components.training.smoke import record_smoke
from tests.components.recorded import record_pin, register, run_of, snapshot_of_purchases, version_of

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
        run, snapshot = run_of(MODEL, reason="to measure the service"), snapshot_of_purchases()
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
