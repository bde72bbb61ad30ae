"""Part by part: what is equal, what is not, and what nobody wrote down."""

import math
from pathlib import Path

import pytest

from components.evaluation.metric import Metric
from components.reproduction.reproduced import (
    ComparedPart,
    Comparison,
    PartVerdict,
    match_examples,
    match_metrics,
    match_weights,
    read_comparison,
)
from components.storage.manifest import Manifest, scan_folder
from components.training.signatures import FILE

NAN = math.nan


def measured(value: float, name: str = "auc", **slice_: str) -> Metric:
    return Metric(name, slice_, value, None, None, 10)


def recorded(value: float, name: str = "auc", **slice_: str) -> Metric:
    return Metric(name, slice_, value)


@pytest.fixture
def saved_model(tmp_path: Path) -> Path:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "variables.index").write_bytes(b"index")
    (tmp_path / "variables" / "variables.data-00000-of-00001").write_bytes(b"weights")
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text("{}")
    return tmp_path


def test_examples_are_equal_when_their_digest_is() -> None:
    assert match_examples("a" * 64, "a" * 64) == ComparedPart("examples", PartVerdict.EQUAL, f"sha256 {'a' * 64}")
    assert match_examples("a" * 64, "b" * 64).verdict == PartVerdict.DIFFERENT


def test_the_graph_may_differ_but_not_the_weights(saved_model: Path) -> None:
    manifest = Manifest("gs://models/models/churn/0", scan_folder(saved_model))
    (saved_model / "saved_model.pb").write_bytes(b"another fingerprint")
    assert match_weights(manifest, saved_model) == ComparedPart("weights", PartVerdict.EQUAL, "2 files")
    (saved_model / "variables" / "variables.data-00000-of-00001").write_bytes(b"wEights")
    assert match_weights(manifest, saved_model) == ComparedPart("weights", PartVerdict.DIFFERENT, "variables/variables.data-00000-of-00001")


def test_weights_in_one_file_more_differ(saved_model: Path) -> None:
    manifest = Manifest("gs://models/models/churn/0", scan_folder(saved_model))
    (saved_model / "variables" / "variables.data-00001-of-00002").write_bytes(b"more")
    assert match_weights(manifest, saved_model).detail == "variables/variables.data-00001-of-00002"


def test_the_weights_of_versions_that_cannot_be_served_are_in_other_files(saved_model: Path) -> None:
    manifest = Manifest("gs://models/models/churn/0", tuple(entry for entry in scan_folder(saved_model) if entry.path != FILE.as_posix()))
    sentence = "the version's are in files of an older layout, so only its metrics can be compared"
    assert match_weights(manifest, saved_model) == ComparedPart("weights", PartVerdict.NOT_RECORDED, sentence)


def test_nan_is_equal_to_nan_and_infinity_to_infinity() -> None:
    then, now = [recorded(NAN), recorded(math.inf, segment="one")], [measured(math.inf, segment="one"), measured(NAN)]
    assert match_metrics(then, now) == ComparedPart("metrics", PartVerdict.EQUAL, "2 values")


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (0.5, math.nextafter(0.5, 1), "auc on segment=one was 0.5, is 0.5000000000000001"),
        (0.5, NAN, "auc on segment=one was 0.5, is nan"),
        (math.inf, -math.inf, "auc on segment=one was inf, is -inf"),
    ],
)
def test_the_last_bit_counts(then: float, now: float, said: str) -> None:
    part = match_metrics([recorded(then, segment="one"), recorded(0.1)], [measured(now, segment="one"), measured(0.1)])
    assert part == ComparedPart("metrics", PartVerdict.DIFFERENT, f"1 of 2 values, the most: {said}")


def test_the_largest_difference_is_named() -> None:
    then = [recorded(0.5), recorded(0.5, "precision"), recorded(0.5, "recall")]
    now = [measured(0.6), measured(0.3, "precision"), measured(0.5, "recall")]
    assert match_metrics(then, now).detail == "2 of 3 values, the most: precision on all rows was 0.5, is 0.3"


def test_a_metric_that_is_measured_only_once_differs() -> None:
    assert match_metrics([recorded(0.5), recorded(0.5, "recall")], [measured(0.5)]).detail == (
        "1 of 2 values, the most: recall on all rows was 0.5, is not measured"
    )


def test_a_version_without_metrics_says_so() -> None:
    assert match_metrics([], [measured(0.5)]) == ComparedPart("metrics", PartVerdict.NOT_RECORDED, "1 values now")


def test_a_comparison_comes_back_as_it_was_written(tmp_path: Path) -> None:
    parts = (match_metrics([], [measured(0.5)]), match_metrics([recorded(0.5)], [measured(0.6)]))
    comparison = Comparison(parts, ("packages: numpy 1 → 2",))
    comparison.write(tmp_path / "comparison")
    assert read_comparison(tmp_path / "comparison") == comparison
    assert comparison.different == ("metrics",)
