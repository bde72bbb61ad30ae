"""Scores that are no probabilities are named, with how many rows have them."""

import numpy as np
import pytest

from components.evaluation.probabilities import score_fault
from components.model.task import BINARY, REGRESSION


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([[0.0], [1.0], [0.5]], None),
        ([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]], None),
        ([[0.5], [np.nan]], "1 of 2 rows have scores NaN (the first nan): see whether the loss became NaN in training"),
        ([[0.5], [np.inf]], "1 of 2 rows have scores infinite (the first inf): see whether features.py divides by 0"),
        ([[0.5], [-2.5], [-1]], "2 of 3 rows have scores below 0 (the first -2.5): these may be logits, let network.py end in a sigmoid"),
        ([[0.5], [1.5]], "1 of 2 rows have scores above 1 (the first 1.5): these may be logits, let network.py end in a sigmoid"),
        ([[0.2, 3.0]], "1 of 1 rows have scores above 1 (the first 3): these may be logits, let network.py end in a softmax"),
        (
            [[0.9, 0.9], [0.5, 0.5]],
            "1 of 2 rows have scores of classes that do not sum to 1 (the first 1.8): let network.py end in a softmax over the classes",
        ),
    ],
)
def test_what_is_no_probability_is_said(scores: list[list[float]], sentence: str | None) -> None:
    assert score_fault(np.array(scores, np.float32), BINARY) == sentence


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([[-40.0], [0.5], [1e30]], None),
        ([[-40.0], [np.nan]], "1 of 2 rows have scores NaN (the first nan): see whether the loss became NaN in training"),
        ([[-40.0], [-np.inf]], "1 of 2 rows have scores infinite (the first -inf): see whether features.py divides by 0"),
    ],
)
def test_any_finite_number_may_be_predicted(scores: list[list[float]], sentence: str | None) -> None:
    assert score_fault(np.array(scores, np.float32), REGRESSION) == sentence
