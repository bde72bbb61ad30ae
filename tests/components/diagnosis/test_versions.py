"""Two versions side by side, on the registry and the bucket alone: nobody reads the data again."""

import math
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from components.cloud import Cloud
from components.diagnosis.metrics import Significance, compare_metrics
from components.diagnosis.versions import VersionComparison, compare_versions
from components.errors import RegistryError
from components.evaluation.metric import Metric
from components.model.folder import read_model
from components.runs.record import Run, RunState, finish_run
from components.settings import Settings
from components.storage.objects import ensure_bucket
from tests.components.diagnosis.compared import Shelf, metric
from tests.components.visits import SQL, write_model

CODE = {"source.sql": SQL, "features.py": "def preprocessing_fn(inputs):\n    return inputs\n", "network.py": "EPOCHS = 1\n"}


@pytest.fixture
def shelf(cloud: Settings, engine: sa.Engine, new_run: Callable[..., Run], tmp_path: Path) -> Shelf:
    """Of a model that no other test has. BigQuery is nowhere: who asks it fails."""
    settings = cloud.model_copy(
        update={"models_folder": tmp_path / "models", "bigquery_endpoint": "http://127.0.0.1:9", "bigquery_storage_endpoint": "127.0.0.1:9"}
    )
    folder = write_model(settings.models_folder, name=f"visits_{uuid4().hex[:8]}")
    found = Shelf(Cloud(settings), read_model(settings.models_folder, folder.name), new_run, tmp_path / "shelf")
    ensure_bucket(found.cloud.storage, settings.bucket, "EU")
    return found


def compare(shelf: Shelf, before: object, after: object) -> VersionComparison:
    return compare_versions(shelf.cloud, shelf.model, str(before), str(after))


def text(rows: int) -> pa.Array:
    return pa.array(["n/a" if i % 4 == 0 else str(i % 9) for i in range(rows)])


def test_text_in_the_later_data_is_the_culprit_whatever_else_differs(shelf: Shelf) -> None:
    one = shelf.put_version(shelf.put_data(80, 100), code=CODE, metrics=[metric(0.84), metric(0.8, device="phone")])
    other = shelf.put_version(
        shelf.put_data(87, 107, pages=text),
        code=CODE | {"network.py": "EPOCHS = 2\n"},
        metrics=[metric(0.71), metric(0.79, device="phone")],
        package_versions={"tensorflow": "2.22.0", "tfx": "1.21.0"},
    )
    found = compare(shelf, one, other)
    assert found.culprit.startswith("Likely culprit: column pages: was INTEGER and is STRING; ")
    assert found.culprit.endswith("text that is no number (0% were), such as 'n/a', since 2026-06-08; it feeds pages")
    assert [(m.name, dict(m.slice), m.significance.value) for m in found.metrics] == [
        ("auc", {}, "significant"),
        ("auc", {"device": "phone"}, "within chance"),
    ]
    assert found.files is not None
    (file,) = found.files
    assert (file.path, file.changed) == ("network.py", (1, 1))
    assert "-EPOCHS = 1\n+EPOCHS = 2" in file.diff
    assert ("package", "tensorflow", "2.21.0", "2.22.0") in [(f.kind, f.name, f.before, f.after) for f in found.facts]


def test_of_the_same_data_the_code_is_the_culprit(shelf: Shelf) -> None:
    data = shelf.put_data(80, 100)
    one = shelf.put_version(data, code=CODE)
    other = shelf.put_version(data, code=CODE | {"features.py": "def preprocessing_fn(inputs):\n    return {}\n"})
    found = compare(shelf, one, other)
    assert found.culprit == "Likely culprit: the code, features.py; the data are the same"
    assert found.data.is_same


def test_of_the_same_data_and_code_a_package_is_the_culprit(shelf: Shelf) -> None:
    data = shelf.put_data(80, 100)
    one, other = (shelf.put_version(data, code=CODE, package_versions={"tensorflow": version}) for version in ("2.20.0", "2.21.0"))
    assert compare(shelf, one, other).culprit == "Likely culprit: package tensorflow 2.20.0 → 2.21.0; the data are the same"


def test_a_version_is_not_compared_with_itself(shelf: Shelf) -> None:
    number = shelf.put_version(shelf.put_data(80, 100), code=CODE, metrics=[metric(0.8)])
    for other in (number, f"v{number}"):
        with pytest.raises(RegistryError, match=r"version 1 of visits_\w+ cannot be compared with itself: name two"):
            compare(shelf, number, other)


def test_two_versions_of_the_same_data_are_the_same(shelf: Shelf) -> None:
    data = shelf.put_data(80, 100)
    found = compare(shelf, *(shelf.put_version(data, code=CODE, metrics=[metric(0.8)]) for _ in range(2)))
    assert found.culprit == "The data are the same: every partition and every row of source.sql."
    assert (found.files, found.facts) == ((), ())


def test_the_data_of_a_run_that_a_gate_blocked_are_compared_and_nothing_else(shelf: Shelf) -> None:
    number = shelf.put_version(shelf.put_data(80, 100), code=CODE, metrics=[metric(0.8)])
    run = shelf.put_run(shelf.put_data(87, 107, pages=text))
    found = compare(shelf, number, run.run_id)
    assert found.culprit.startswith("Likely culprit: column pages: was INTEGER and is STRING")
    assert (found.files, found.metrics) == (None, ())
    assert found.after.name == f"run {run.run_id}"


def test_of_a_bad_version_and_a_mended_one_the_bad_one_is_told_whichever_is_named_first(shelf: Shelf) -> None:
    bad = shelf.put_version(shelf.put_data(80, 103, pages=text), code=CODE)
    mended = shelf.put_version(shelf.put_data(80, 103), code=CODE)
    told = "column pages in version 1: was INTEGER and is STRING; "
    for one, other in ((bad, mended), (mended, bad)):
        found = compare(shelf, one, other)
        assert [*found.broken] == ["version 1"]
        said = told if one == bad else told.replace(" in version 1", "")
        assert found.culprit.startswith(f"Likely culprit: {said}")
    assert "as usual in version 2" in compare(shelf, bad, mended).culprit


def test_a_run_without_data_says_what_to_do(shelf: Shelf) -> None:
    number = shelf.put_version(shelf.put_data(80, 100), code=CODE)
    run = shelf.put_run(None)
    with shelf.cloud.engine.begin() as connection:
        finish_run(connection, run.run_id, RunState.FAILED, "the window is empty")
    remedy = f"compare its window by date with `perennial compare-data {shelf.model.name} vNUMBER DATE`"
    with pytest.raises(RegistryError, match=rf"run '{run.run_id}' pinned no data \(FAILED: the window is empty\): {remedy}"):
        compare(shelf, number, run.run_id)


def test_a_run_of_another_model_and_an_unknown_version_are_refused(shelf: Shelf, new_run: Callable[..., Run]) -> None:
    run = shelf.put_run(None)
    other = Shelf(shelf.cloud, shelf.model.model_copy(update={"name": "other"}), new_run, shelf.folder)
    with pytest.raises(RegistryError, match=f"is one of model '{shelf.model.name}', not of 'other': name that model"):
        compare(other, run.run_id, run.run_id)
    shelf.put_version(shelf.put_data(80, 100), code=CODE)
    with pytest.raises(RegistryError, match="has no version 9: it has 1 to 1"):
        compare(shelf, 1, 9)
    with pytest.raises(RegistryError, match="run 'nobody' is not in the registry"):
        compare(shelf, 1, "nobody")


def test_files_that_are_new_gone_or_no_text_are_told(shelf: Shelf) -> None:
    data = shelf.put_data(80, 100)
    one = shelf.put_version(data, code=CODE | {"old.py": "x = 1\n", "words.bin": b"\xff\x00"})
    other = shelf.put_version(data, code=CODE | {"new.py": "y = 1\n", "words.bin": b"\xff\x01"})
    files = compare(shelf, one, other).files
    assert files is not None
    diffs = {file.path: file.diff for file in files}
    assert diffs["old.py"].startswith("--- old.py\n+++ absent\n")
    assert diffs["new.py"].startswith("--- absent\n+++ new.py\n")
    assert diffs["words.bin"] == "no text: its bytes differ"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (metric(0.80), metric(0.817), Significance.SIGNIFICANT),  # more than 2.24 deviations of the difference: half of 5 %
        (metric(0.80), metric(0.815), Significance.WITHIN_CHANCE),
        (metric(0.80), Metric("auc", {}, 0.9), Significance.UNKNOWN),
        (metric(0.80), metric(math.nan), Significance.UNKNOWN),
        (metric(0.80), None, Significance.UNKNOWN),
    ],
)
def test_a_difference_is_significant_if_both_intervals_together_do_not_explain_it(
    before: Metric, after: Metric | None, expected: Significance
) -> None:
    (found,) = compare_metrics([before], [after] if after else [])
    assert found.significance == expected


def test_a_hundred_equal_values_have_no_significant_difference() -> None:
    chance = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        before, after = (
            [
                metric(0.8 + chance.normal() * 0.01, half=0.0196),
                *(metric(0.8 + chance.normal() * 0.01, half=0.0196, n=str(n)) for n in range(99)),
            ]
            for _ in range(2)
        )
        wrong += any(one.significance == Significance.SIGNIFICANT for one in compare_metrics(before, after))
    assert wrong <= 18  # 10 are to be expected at most


def test_metrics_are_in_the_order_in_which_they_matter_and_counts_are_none() -> None:
    before = [metric(0.8), metric(0.8, device="desk"), metric(0.8, device="phone"), metric(1000, name="example_count")]
    after = [metric(0.8), metric(0.8, device="desk"), metric(0.6, device="phone"), metric(2000, name="example_count")]
    assert [dict(one.slice) for one in compare_metrics(before, after)] == [{}, {"device": "phone"}, {"device": "desk"}]
