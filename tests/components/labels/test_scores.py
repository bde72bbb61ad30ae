"""A log may have rows of another model of the same name: a score that is not there, or several, is none."""

import numpy as np
import pyarrow as pa

from components.labels.scores import logged_scores


def test_a_row_that_has_not_as_many_scores_as_the_model_has_none() -> None:
    rows = pa.RecordBatch.from_pydict(
        {
            "score": pa.array([0.5, None, None, None, None], pa.float64()),
            "class_scores": pa.array([[], [0.1, 0.2, 0.7], None, [0.5, 0.5], [0.1, None, 0.2]], pa.list_(pa.float64())),
        }
    )
    nothing = [np.nan] * 3
    np.testing.assert_array_equal(logged_scores(rows, 1)[:, 0], np.array([0.5, *[np.nan] * 4], np.float32))
    expected = np.array([nothing, [0.1, 0.2, 0.7], nothing, nothing, [0.1, np.nan, 0.2]], np.float32)
    np.testing.assert_array_equal(logged_scores(rows, 3), expected)
    np.testing.assert_array_equal(logged_scores(rows.slice(1, 2), 3), expected[1:3])
