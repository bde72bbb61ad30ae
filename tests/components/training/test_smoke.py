"""What is kept of a model's answers when it was trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.examples.encode import TFRecordFile, encode_examples
from components.training.smoke import EXAMPLES, FOLDER, OUTPUTS, WARM_UP, SmokeError, largest_difference, record_smoke


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three files with ten rows, two, and a thousand."""
    first = 0
    for name, rows in (("a.gz", 10), ("b.gz", 2), ("c.gz", 1_000)):
        seconds = np.arange(first, first := first + rows, dtype=np.float32)
        with TFRecordFile(tmp_path / name) as file:
            file.write(encode_examples(pa.RecordBatch.from_pydict({"seconds": seconds})).to_pylist())
    return [str(tmp_path / name) for name in ("a.gz", "b.gz", "c.gz")]


def half(examples: Any) -> dict[str, Any]:
    """A model whose score is half of the seconds."""
    import tensorflow as tf

    return {"score": tf.io.parse_example(examples, {"seconds": tf.io.FixedLenFeature([1], tf.float32)})["seconds"] / 2}


def test_the_first_rows_are_kept_in_their_order_with_the_answers(files: list[str], tmp_path: Path) -> None:
    import tensorflow as tf

    record_smoke(half, files, tmp_path / "model")
    folder = tmp_path / "model" / FOLDER
    assert json.loads((folder / OUTPUTS).read_text()) == {"output": "score", "values": [[row / 2] for row in range(32)]}
    kept = list(tf.data.TFRecordDataset(str(folder / EXAMPLES), compression_type="GZIP").as_numpy_iterator())
    assert half(tf.constant(kept))["score"].numpy().ravel().tolist() == [row / 2 for row in range(32)]


def test_the_same_rows_and_model_give_the_same_bytes(files: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        record_smoke(half, files, tmp_path / name)
    for file in (FOLDER / EXAMPLES, FOLDER / OUTPUTS, WARM_UP):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_tensorflow_serving_warms_up_with_the_same_rows(files: list[str], tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    rows = record_smoke(half, files, tmp_path).rows
    records = [prediction_log_pb2.PredictionLog.FromString(r) for r in tf.data.TFRecordDataset(str(tmp_path / WARM_UP)).as_numpy_iterator()]
    asked = [tf.make_ndarray(record.predict_log.request.inputs["examples"]).tolist() for record in records]
    assert asked == [[row] for row in rows]
    assert {record.predict_log.request.model_spec.signature_name for record in records} == {"serving_default"}


def test_a_split_of_few_rows_is_kept_whole(files: list[str], tmp_path: Path) -> None:
    record_smoke(half, files[:2], tmp_path)
    assert len(json.loads((tmp_path / FOLDER / OUTPUTS).read_text())["values"]) == 12


@pytest.mark.parametrize(
    ("then", "now", "difference"),
    [
        ([[0.5, 0.0], [1.0, 0.3]], [[0.50004, 0.000009], [1.0, 0.3]], 0.00004),
        ([[np.nan], [np.inf]], [[np.nan], [np.inf]], 0.0),
    ],
)
def test_the_last_digits_may_differ_and_what_was_no_number_may_be_none(
    then: list[list[float]], now: list[list[float]], difference: float
) -> None:
    assert largest_difference(then, now, "here") == pytest.approx(difference)


@pytest.mark.parametrize(
    ("then", "now", "sentence"),
    [
        ([[0.5], [0.5]], [[0.5], [0.51]], "answers 0.51 on recorded row 2 here, and gave 0.5 when it was trained"),
        ([[0.5]], [[np.nan]], "answers nan on recorded row 1 here, and gave 0.5 when it was trained"),
        ([[0.5]], [[np.inf]], "answers inf on recorded row 1 here, and gave 0.5 when it was trained"),
        ([[0.5], [0.5]], [[0.5, 0.5]], "answers 1 rows of 2 values here, and gave 2 rows of 1 values when it was trained"),
    ],
)
def test_other_answers_are_named_by_their_row_and_by_how_they_were_asked(
    then: list[list[float]], now: list[list[float]], sentence: str
) -> None:
    with pytest.raises(SmokeError) as error:
        largest_difference(then, now, "here")
    assert str(error.value) == sentence
