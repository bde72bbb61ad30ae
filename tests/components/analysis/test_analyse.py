"""Both ways to transform on the same rows: TFX's Transform, and ours without Beam, give the same features."""

import logging
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.examples.encode import TFRecordFile, encode_examples
from components.model.folder import Model, read_model
from components.settings import Settings
from components.training import fit
from tests.components.artifacts import artifact, examples_artifact
from tests.components.visits import write_model

pytestmark = pytest.mark.slow

SPANS, ROWS = 3, 6_000
BEAM_ARGS = Settings.model_fields["beam_args"].default
SCHEMA = """
feature { name: "pages" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
feature { name: "seconds" type: FLOAT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
feature { name: "device" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
feature { name: "heat" type: FLOAT }
feature { name: "returned" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
"""
HEAD = """
import tensorflow as tf
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    seconds, pages, device, heat = (inputs[name] for name in ("seconds", "pages", "device", "heat"))
    outputs = {"returned": tf.cast(inputs["returned"], tf.float32)}
"""
ALL_AT_ONCE = """
    both = tf.concat([seconds, tf.cast(pages, tf.float32)], axis=1)
    scaled = tft.scale_to_z_score(tf.math.log1p(both), elementwise=True)
    outputs["seconds"], outputs["pages"] = tf.split(scaled, 2, axis=1)
    outputs["share"] = tft.scale_to_0_1(seconds) + tf.cast(tft.size(pages), tf.float32) + tft.sum(seconds) / 1e6
    known = tf.sparse.to_dense(tf.SparseTensor(heat.indices, heat.values, [heat.dense_shape[0], 1]))
    outputs["heat"] = tf.ensure_shape(known, [None, 1]) - tft.mean(heat)
    outputs["common"] = tft.compute_and_apply_vocabulary(device, top_k=3, num_oov_buckets=2, vocab_filename="device")
    outputs["frequent"] = tft.compute_and_apply_vocabulary(device, frequency_threshold=3_000)
    outputs["stored"] = tft.apply_vocabulary(device, tft.vocabulary(device, store_frequency=True))
    outputs["number"] = tft.compute_and_apply_vocabulary(pages)
    outputs["nothing"] = tft.compute_and_apply_vocabulary(device, frequency_threshold=1_000_000)
"""
IN_PHASES = """
    index = tft.compute_and_apply_vocabulary(device, vocab_filename="device")
    outputs["index"] = tft.scale_to_z_score(tf.cast(index, tf.float32))
    outputs["far"] = tft.scale_by_min_max(tf.abs(tft.scale_to_z_score(seconds)))
"""
WITHOUT_ROWS = """
    outputs["seconds"] = seconds / 60
"""
BY_KEY = """
    outputs["seconds"] = tft.scale_to_z_score_per_key(seconds[:, 0], device[:, 0])[:, tf.newaxis]
"""
BUCKETS = """
    outputs["bucket"] = tft.bucketize(seconds, 4)
"""


def visits(span: int) -> pa.RecordBatch:
    chance = np.random.default_rng(span)
    return pa.RecordBatch.from_pydict(
        {
            "pages": chance.integers(0, 9, ROWS) + span,
            "seconds": chance.exponential(10 + span, ROWS).astype(np.float32),
            "device": np.array(["phone", "desk", "tv", "watch", f"new {span}"])[
                chance.choice(5, ROWS, p=(0.5, 0.2, 0.2, 0.09, 0.01))
            ].tolist(),
            "heat": pa.array(chance.normal(20, 5, ROWS).astype(np.float32), mask=chance.random(ROWS) < 0.3),
            "returned": chance.integers(0, 2, ROWS),
        }
    )


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Split-train, a file a span."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "Split-train").mkdir()
    for span in range(SPANS):
        with TFRecordFile(folder / "Split-train" / f"data_tfrecord-2026030{span}.gz") as file:
            file.write(encode_examples(visits(span)))
    return folder


def model(folder: Path, features: str) -> Model:
    (write_model(folder, schema=SCHEMA) / "features.py").write_text(f"{HEAD}{features}    return outputs\n")
    return read_model(folder, "visits")


def transform(folder: Path, of: Model, examples: Path, cache: Path | None) -> tft.TFTransformOutput:
    (folder / "schema").mkdir(parents=True)
    (folder / "schema" / "schema.pbtxt").write_text(SCHEMA)
    schema, graph = artifact(folder / "schema", tfx_type="Schema"), artifact(folder / "graph")
    fit.transform(of, examples=examples_artifact(examples, "train"), schema=schema, graph=graph, cache=cache, beam_args=BEAM_ARGS)
    assert graph.metadata["tfx_type"] == "TransformGraph"
    return tft.TFTransformOutput(graph.path)


def features(graph: tft.TFTransformOutput, span: int = 1) -> dict[str, np.ndarray]:
    """Of the rows of a span."""
    parsed = tf.io.parse_example(encode_examples(visits(span)).to_pylist(), graph.raw_feature_spec())
    return {name: feature.numpy() for name, feature in graph.transform_raw_features(parsed).items()}


@pytest.mark.parametrize("body", [ALL_AT_ONCE, IN_PHASES, WITHOUT_ROWS], ids=["all at once", "in phases", "without rows"])
def test_features_are_those_of_tfx(body: str, examples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of = model(tmp_path, body)
    stock, ours = transform(tmp_path / "stock", of, examples, None), transform(tmp_path / "ours", of, examples, tmp_path / "cache")
    assert not [record for record in caplog.records if record.name.startswith("components")]
    assert stock.raw_metadata.schema == ours.raw_metadata.schema
    assert stock.transformed_metadata.schema == ours.transformed_metadata.schema
    wanted, found = features(stock), features(ours)
    assert wanted.keys() == found.keys()
    for name, values in wanted.items():
        assert values.dtype == found[name].dtype
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, atol=3e-4, err_msg=name)  # TFX adds up float32 in larger batches
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_buckets_hold_about_the_same_rows(examples: Path, tmp_path: Path) -> None:
    graph = transform(tmp_path / "ours", model(tmp_path, BUCKETS), examples, tmp_path / "cache")
    shares = np.mean([np.bincount(features(graph, span)["bucket"][:, 0], minlength=4) / ROWS for span in range(SPANS)], axis=0)
    np.testing.assert_allclose(shares, 1 / 4, atol=0.01)  # the error that tft.bucketize allows


def test_an_analyzer_that_only_tfx_knows_is_run_by_tfx(examples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of = model(tmp_path, BY_KEY)
    with caplog.at_level(logging.WARNING):
        ours = features(transform(tmp_path / "ours", of, examples, tmp_path / "cache"))
    (warning,) = [record.getMessage() for record in caplog.records if record.name.startswith("components")]
    assert warning == "TFX's Transform runs, which takes longer: only it knows CacheableCombinePerKeyAccumulate"
    assert abs(ours["seconds"].mean()) < 0.1


def test_what_was_kept_of_spans_changes_no_bit(examples: Path, tmp_path: Path) -> None:
    of, some = model(tmp_path, ALL_AT_ONCE), tmp_path / "some"
    shutil.copytree(examples, some)
    next((some / "Split-train").iterdir()).unlink()
    transform(tmp_path / "1", of, some, tmp_path / "cache")
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    slid = features(transform(tmp_path / "2", of, examples, tmp_path / "cache"))
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert len(kept) == SPANS - 1
    assert len(now) == SPANS
    assert kept.items() <= now.items()
    anew = features(transform(tmp_path / "3", of, examples, tmp_path / "another cache"))
    for name, values in anew.items():
        np.testing.assert_array_equal(slid[name], values)
