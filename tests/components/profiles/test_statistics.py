"""Statistics merged from kept spans against StatisticsGen's of the window: what is exact is equal, what is not is within its bound."""

import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.checks.gate import compute_statistics
from components.errors import SourceError
from components.examples.encode import TFRecordFile, encode_examples
from components.profiles.statistics import STATISTICS, write_statistics
from components.settings import REPOSITORY, Settings
from tests.components.artifacts import artifact, examples_artifact
from tests.components.profiles.feature_statistics import Feature, exact, features

BEAM_ARGS = Settings.model_fields["beam_args"].default
SPANS, ROWS = 4, 20_000
RANK_ERROR = 0.01
"""Of a quantile, as a share of the rows: that of TFDV's sketch."""


def visits(span: int, rows: int) -> dict[str, pa.Array]:
    """Columns with gaps, without any value in the second span, and with fewer and with more different values than are counted exactly."""
    chance = np.random.default_rng(span)
    heat = np.where(chance.random(rows) < 0.3, 0.0, chance.exponential(10 + span, rows))
    return {
        "device": pa.array(np.array(["phone", "desk", "tv"], object)[chance.choice(3, rows, p=(0.6, 0.3, 0.1))].tolist()),
        "visitor": pa.array([f"visitor {number}" for number in chance.integers(0, 12_000, rows)]),
        "ticket": pa.array([f"ticket {number}" for number in chance.integers(0, 40_000, rows)]),
        "pages": pa.array(chance.integers(0, 9, rows), mask=chance.random(rows) < 0.1),
        "heat": pa.array(heat.astype(np.float32)),
        "clicks": pa.nulls(rows, pa.int64()) if span == 1 else pa.array(chance.integers(0, 5, rows)),
    }


def write_examples(folder: Path, split: str, *spans: Mapping[str, pa.Array]) -> None:
    (folder / f"Split-{split}").mkdir(parents=True)
    for number, columns in enumerate(spans):
        write_span(folder, split, number, columns)


def write_span(folder: Path, split: str, number: int, columns: Mapping[str, pa.Array]) -> None:
    with TFRecordFile(folder / f"Split-{split}" / f"data_tfrecord-{number}.gz") as file:
        if columns and len(next(iter(columns.values()))):
            file.write(encode_examples(pa.RecordBatch.from_pydict(dict(columns))).to_pylist())


Both = tuple[dict[str, Feature], dict[str, Feature]]


@pytest.fixture(scope="module")
def window() -> list[dict[str, pa.Array]]:
    return [visits(span, ROWS) for span in range(SPANS)]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, window: list[dict[str, pa.Array]]) -> Both:
    """StatisticsGen's and ours."""
    folder = tmp_path_factory.mktemp("statistics")
    write_examples(folder / "examples", "train", *window)
    write_examples(folder / "examples", "eval", visits(7, 300), {}, visits(8, 300))
    examples, stock, ours = examples_artifact(folder / "examples", "train", "eval"), artifact(folder / "stock"), artifact(folder / "ours")
    compute_statistics(examples, stock, cache=None, beam_args=BEAM_ARGS)
    compute_statistics(examples, ours, cache=folder / "cache", beam_args=BEAM_ARGS)
    assert {name: str(stock.metadata[name]).replace(" ", "") for name in ours.metadata} == {
        name: str(value).replace(" ", "") for name, value in ours.metadata.items()
    }
    assert exact(features(folder / "stock", "eval")) == exact(features(folder / "ours", "eval"))
    return features(folder / "stock", "train"), features(folder / "ours", "train")


@pytest.mark.slow
def test_counts_extremes_and_frequent_values_are_equal(both: Both) -> None:
    stock, ours = ({name: feature for name, feature in one.items() if name != "ticket"} for one in both)
    assert exact(ours) == exact(stock)
    assert set(ours) == {"device", "visitor", "pages", "heat", "clicks"}
    assert ours["visitor"].string_stats.unique > 11_000
    assert ours["clicks"].num_stats.common_stats.num_missing == ROWS


@pytest.mark.slow
def test_quantiles_are_within_the_bound_of_their_sketch(both: Both, window: list[dict[str, pa.Array]]) -> None:
    """StatisticsGen's are sketches too: both are held against the values themselves."""
    for name in ("heat", "pages", "clicks"):
        values = np.sort(np.concatenate([np.asarray(span[name].drop_null(), np.float64) for span in window]))
        for statistics in both:
            numbers = statistics[name].num_stats
            assert is_near_rank(values, numbers.median, 0.5)
            equal_width, quantiles = numbers.histograms
            for place, bucket in enumerate(quantiles.buckets, 1):
                assert is_near_rank(values, bucket.high_value, place / len(quantiles.buckets))
            below = 0.0
            for bucket in equal_width.buckets:
                below += bucket.sample_count
                assert is_near_rank(values, bucket.high_value, below / len(values))


def is_near_rank(values: np.ndarray, value: float, rank: float) -> bool:
    """Whether the share of values below it, or up to it, is that rank."""
    edges = np.searchsorted(values, value * (1 - 1e-6)), np.searchsorted(values, value * (1 + 1e-6), side="right")
    low, high = (edge / len(values) for edge in edges)
    return bool(low - RANK_ERROR <= rank <= high + RANK_ERROR)


@pytest.mark.slow
def test_values_of_many_kinds_are_counted_nearly(both: Both) -> None:
    stock, ours = (one["ticket"].string_stats for one in both)
    assert stock.unique > 30_000
    assert ours.unique == pytest.approx(stock.unique, rel=0.03)
    assert ours.common_stats == stock.common_stats
    assert ours.avg_length == pytest.approx(stock.avg_length, rel=1e-6)


def small(folder: Path, *spans: int) -> Path:
    write_examples(folder, "train", *(visits(span, 50) for span in spans))
    return folder


def merged(examples: Path, folder: Path, cache: Path) -> bytes:
    write_statistics(examples, folder, ["train"], cache=cache)
    return (folder / "Split-train" / STATISTICS).read_bytes()


def test_what_was_kept_changes_no_byte(tmp_path: Path) -> None:
    some, all_ = small(tmp_path / "some", 0, 1), small(tmp_path / "all", 0, 1, 2)
    merged(some, tmp_path / "1", tmp_path / "cache")
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    slid = merged(all_, tmp_path / "2", tmp_path / "cache")
    assert slid == merged(all_, tmp_path / "3", tmp_path / "another cache")
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert len(now) == 3
    assert kept.items() <= now.items()


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    examples = tmp_path / "examples"
    write_examples(examples, "train", *({**visits(span, 6_000), "ticket": pa.nulls(6_000, pa.string())} for span in range(2)))
    code = "import sys; from pathlib import Path; from components.profiles.statistics import write_statistics; "
    code += "examples, written, cache = map(Path, sys.argv[1:]); write_statistics(examples, written, ['train'], cache=cache)"
    arguments = [str(path) for path in (examples, tmp_path / "1", tmp_path / "another cache")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, cwd=REPOSITORY)
    assert merged(examples, tmp_path / "2", tmp_path / "cache") == (tmp_path / "1" / "Split-train" / STATISTICS).read_bytes()


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:40] + b"x" + content[41:], lambda content: b""])
def test_a_damaged_file_is_made_again(damage: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    examples = small(tmp_path / "examples", 0, 1)
    first = merged(examples, tmp_path / "1", tmp_path / "cache")
    path, _ = sorted((tmp_path / "cache").iterdir())
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert merged(examples, tmp_path / "2", tmp_path / "cache") == first
        assert merged(examples, tmp_path / "3", tmp_path / "cache") == first  # from the file that was made again
    assert [record.getMessage() for record in caplog.records if record.name.startswith("components")] == [
        "what was kept is damaged and is computed again"
    ]


def test_other_packages_take_nothing_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = small(tmp_path / "examples", 0)
    merged(examples, tmp_path / "1", tmp_path / "cache")
    monkeypatch.setattr("components.profiles.statistics.environment_digest", lambda: "sha256:another")
    merged(examples, tmp_path / "2", tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_column_that_changes_its_type_is_named(tmp_path: Path) -> None:
    examples = small(tmp_path / "examples", 0)
    write_span(examples, "train", 1, {**visits(1, 50), "heat": pa.array(["hot"] * 50)})
    with pytest.raises(SourceError) as refused:
        merged(examples, tmp_path / "1", tmp_path / "cache")
    assert str(refused.value) == (
        "the spans of the window do not fit together: Cannot determine the type of feature heat. Found values of types 1 and 2. "
        "Correct source.sql, which decides its columns' types"
    )
