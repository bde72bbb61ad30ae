"""Examples are read and scored in batches: a row has the same score in any of them."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

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

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> Mapping[str, tf.Tensor]:
        found = tf.io.parse_example(serialized, specification)
        first, last = module.layers
        result = tf.sigmoid(tf.tanh(tf.concat([found[name] for name in NUMBERS], axis=1) @ first) @ last)
        return dict.fromkeys(outputs, result)

    module.score = score
    tf.saved_model.save(module, str(folder), signatures={"serving_default": score})
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


def test_a_signature_with_several_outputs_is_left_to_the_stock_evaluator(tmp_path: Path) -> None:
    with pytest.raises(StockOnlyError, match=r"^a signature with the inputs \['examples'\] and the outputs \['score', 'weight'\]$"):
        load_network(save(tmp_path, "score", "weight"), SPEC)


def test_a_row_without_a_label_is_left_to_the_stock_evaluator(network: Network, tmp_path: Path) -> None:
    write_examples(tmp_path, rows().drop_columns(["returned"]))
    with pytest.raises(StockOnlyError, match="^a row without a number in returned$"):
        list(read_rows(sorted((tmp_path / "Split-eval").iterdir()), SPEC, []))
