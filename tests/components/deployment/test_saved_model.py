"""What a SavedModel answers on many rows: a row that it refuses costs the others nothing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.deployment import saved_model as asked
from components.errors import RegistryError
from components.examples.encode import encode_examples
from tests.components.served_model import saved_model  # noqa: F401


def test_rows_that_lack_a_feature_are_refused_and_the_others_answered(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(asked, "BATCH_ROWS", 2)
    seconds = pa.array([1.0, 2.0, None, 4.0, None, None, 7.0])
    examples = encode_examples(pa.RecordBatch.from_pydict({"seconds": seconds})).to_pylist()
    found = asked.answer(asked.load_signature(saved_model, "it"), examples, complete=np.asarray(seconds.is_valid()))
    assert np.nan_to_num(found.scores[:, 0], nan=-1).tolist() == [0.5, 1.0, -1.0, 2.0, -1.0, -1.0, 3.5]
    assert found.refusal == "Feature: seconds (data type: float) is required but could not be found"


def test_no_rows_have_no_answers(saved_model: Path) -> None:  # noqa: F811
    found = asked.answer(asked.load_signature(saved_model, "it"), [], complete=np.empty(0, bool))
    assert (found.scores.shape, found.refusal) == ((0, 1), None)


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="churn version 3 does not load in TensorFlow .*: train a new version"):
        asked.load_signature(tmp_path, "churn version 3")
