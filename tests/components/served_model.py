"""A small SavedModel as a training leaves it, pushed and registered as a version: what can be deployed."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.examples.encode import TFRecordFile, encode_examples
from components.registry.versions import NewVersion
from components.storage.manifest import CODE
from components.storage.objects import push_folder
from components.training.servable import save_servable
from components.training.signatures import Column, Signatures
from components.training.smoke import record_smoke
from tests.components.recorded import register

MODEL_TOML = "[serving]\nlatency_milliseconds = 1000\n"
SECONDS = np.linspace(0, 4, 40, dtype=np.float32)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores are half of the feature `seconds`: 32 rows of them are recorded. Not to be changed."""
    return save(tmp_path_factory.mktemp("saved_model"), 0.5)


def save(folder: Path, factor: float) -> Path:
    """A model that multiplies by `factor`."""
    import tensorflow as tf

    network = tf.Module()
    network.factor = tf.Variable(factor)
    signatures = Signatures((Column("seconds", "float32"),), 1)
    score = save_servable(lambda features: network.factor * features["seconds"], signatures, [network], folder / "model")
    rows = folder / "rows.gz"
    with TFRecordFile(rows) as file:
        file.write(encode_examples(pa.RecordBatch.from_pydict({"seconds": SECONDS})).to_pylist())
    record_smoke(score, [str(rows)], folder / "model")
    (folder / "model" / CODE).mkdir(parents=True)
    (folder / "model" / CODE / "model.toml").write_text(MODEL_TOML)
    return folder / "model"


MakeVersion = Callable[..., NewVersion]


def push_version(
    connection: sa.Connection,
    new_version: MakeVersion,
    client: storage.Client,
    bucket: str,
    folder: Path,
    *,
    blessed: bool | None = True,
) -> int:
    """Push a folder and register it as the next version of the model of `new_version`; None leaves it without a verdict."""
    new = new_version(connection)
    manifest = push_folder(client, bucket, model=new.model, folder=folder, metadata={"run": new.run_id})
    return register(connection, replace(new, manifest=manifest), blessed=blessed)


def changed(saved_model: Path, folder: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """A copy with other files; None takes a file or folder away."""
    shutil.copytree(saved_model, folder)
    for name, content in files.items():
        path = folder / name
        if content is None:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
