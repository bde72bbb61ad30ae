"""One way to score: in a session, by TensorFlow's own callable, padded."""

from pathlib import Path

import numpy as np

from components.serving.loading import open_version
from tests.components.served_model import save


def test_scores_do_not_depend_on_the_rows_beside_them(tmp_path: Path) -> None:
    scorer, reader = open_version(save(tmp_path, 1 / 3), "seconds 1")
    rows = [{"seconds": float(value)} for value in np.random.default_rng(7).normal(size=300).astype(np.float32)]
    whole = scorer.score(reader.read(rows).packed)
    for size in (1, 5, 37, 300):
        parts = [scorer.score(reader.read(rows[start : start + size]).packed) for start in range(0, 300, size)]
        assert np.array_equal(np.concatenate(parts).view(np.int32), whole.view(np.int32))
    scorer.close()
