"""Examples are read and scored in batches: a row has the same score in any of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.columns.column_file import columns_file
from components.examples.encode import encode_examples
from components.measurement import scored
from components.measurement.scored import Network, load_network, read_rows
from components.measurement.sums import StockOnlyError
from tests.components.evaluation.evaluated import write_examples

ROWS = 2_049
NUMBERS = tuple(f"number_{place}" for place in range(40))
SPEC = SimpleNamespace(label_key="returned", example_weight_key="weight", prediction_key="", signature_name="")


def rows() -> pa.RecordBatch:
    chance = np.random.default_rng(1)
    columns: dict[str, Any] = {name: chance.normal(size=ROWS).astype(np.float32) for name in NUMBERS}
    device = pa.array(["phone", None, "desk"] * (ROWS // 3))
    others = {"returned": chance.integers(0, 2, ROWS), "weight": chance.random(ROWS).astype(np.float32), "device": device}
    return pa.RecordBatch.from_pydict(columns | others)


def save(folder: Path, *outputs: str) -> Path:
    """Two dense layers."""
    import tensorflow as tf

    chance = np.random.default_rng(2)
    module = tf.Module()
    module.layers = [tf.Variable(chance.normal(size=shape).astype(np.float32)) for shape in ((len(NUMBERS), 64), (64, 1))]
    specification = {name: tf.io.FixedLenFeature([1], tf.float32) for name in NUMBERS}

    def answer(found: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        first, last = module.layers
        result = tf.sigmoid(tf.tanh(tf.concat([found[name] for name in NUMBERS], axis=1) @ first) @ last)
        return dict.fromkeys(outputs, result)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return answer(tf.io.parse_example(serialized, specification))

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name=name) for name in NUMBERS])  # type: ignore[untyped-decorator]
    def raw(*columns: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return answer(dict(zip(NUMBERS, columns, strict=True)))

    module.score, module.raw = score, raw
    tf.saved_model.save(module, str(folder), signatures={"serving_default": score, "raw": raw})
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return load_network(save(tmp_path_factory.mktemp("network"), "score"), SPEC)


def test_a_row_has_the_same_score_in_every_batch_and_alone(network: Network) -> None:
    import tensorflow as tf

    records = tf.constant(encode_examples(rows()).to_pylist())
    whole = network.score(records)  # the last batch would be of one row
    assert whole.shape == (ROWS, 1)
    for start, end in ((0, 7), (5, 1_030), (ROWS - 1, ROWS), *((place, place + 1) for place in range(60))):
        assert network.score(records[start:end]).tobytes() == whole[start:end].tobytes()


def test_the_size_of_what_is_decoded_at_a_time_changes_nothing(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_examples(tmp_path, rows()[:1_500], rows()[1_500:])
    files = sorted((tmp_path / "Split-eval").iterdir())
    whole = [rows.scored(network) for rows in read_rows(files, SPEC, ["device", "country"])]
    monkeypatch.setattr(scored, "ROWS", scored.SCORED)
    parts = [rows.scored(network) for rows in read_rows(files, SPEC, ["device", "country"])]
    assert [len(part.labels) for part in (*whole, *parts)] == [ROWS, 1_024, 1_024, 1]
    for name in ("labels", "scores", "weights"):
        assert np.concatenate([getattr(part, name) for part in parts]).tobytes() == getattr(whole[0], name).tobytes()
    assert whole[0].labels.tolist() == rows().column("returned").to_pylist()
    assert [value for part in parts for value in part.features["device"].to_pylist()] == [b"phone", None, b"desk"] * (ROWS // 3)
    assert all(part.features["country"].null_count == len(part.labels) for part in parts)


@pytest.mark.parametrize("is_raw", [True, False], ids=["asked by columns", "asked by examples"])
def test_rows_from_their_columns_are_those_of_the_examples(network: Network, tmp_path: Path, is_raw: bool) -> None:
    write_examples(tmp_path, rows()[:1_500], rows()[1_500:])
    files = sorted((tmp_path / "Split-eval").iterdir())
    asked = network if is_raw else replace(network, raw=None)
    assert network.raw is not None
    kept = [rows.scored(asked) for rows in read_rows(files, SPEC, ["device", "country"])]
    columns_file(files[0]).unlink()
    decoded = [rows.scored(network) for rows in read_rows(files, SPEC, ["device", "country"])]
    for one, other in zip(kept, decoded, strict=True):
        for name in ("labels", "scores", "weights"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
        assert {name: column.to_pylist() for name, column in one.features.items()} == {
            name: column.to_pylist() for name, column in other.features.items()
        }
        assert one.has_whole_labels
        assert other.has_whole_labels


def test_a_row_that_lacks_a_column_is_refused_from_columns_as_from_examples(network: Network, tmp_path: Path) -> None:
    import tensorflow as tf

    first, whole = NUMBERS[0], rows()
    columns = {name: whole.column(name) for name in whole.schema.names} | {first: pa.array([None, *whole.column(first).to_pylist()[1:]])}
    write_examples(tmp_path, pa.RecordBatch.from_pydict(columns))
    (found,) = read_rows(sorted((tmp_path / "Split-eval").iterdir()), SPEC, [])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"Feature: {first} .* is required but could not be found"):
        found.scored(network)


def test_a_signature_with_several_outputs_is_left_to_the_stock_evaluator(tmp_path: Path) -> None:
    with pytest.raises(StockOnlyError, match=r"^a signature with the inputs \['examples'\] and the outputs \['score', 'weight'\]$"):
        load_network(save(tmp_path, "score", "weight"), SPEC)


def test_a_row_without_a_label_is_left_to_the_stock_evaluator(network: Network, tmp_path: Path) -> None:
    write_examples(tmp_path, rows().drop_columns(["returned"]))
    with pytest.raises(StockOnlyError, match="^a row without a number in returned$"):
        list(read_rows(sorted((tmp_path / "Split-eval").iterdir()), SPEC, []))
