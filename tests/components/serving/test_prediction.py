"""Batch prediction of files."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from components.errors import SourceError
from components.scoring.prediction import predict_rows, read_rows, write_rows
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.serving.loading import open_version
from tests.components.serving.house import save_house

CSV = "house_id,area,colour,floor,rooms,note\nh1,100.5,red,3,4,x\nh2,1.5,bl:ue,,1,y\n"
ROWS = [
    {"house_id": "h1", "area": 100.5, "colour": "red", "floor": 3, "rooms": 4, "note": 1},
    {"house_id": "h2", "area": 1.5, "colour": "bl:ue", "rooms": 1},
]
SCORES = [{"house_id": "h1", "day": None, "score": 3140.5}, {"house_id": "h2", "day": None, "score": 10011.5}]

Version = tuple[Scorer, RowReader]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Version]:
    scorer, reader = open_version(save_house(tmp_path_factory.mktemp("house") / "1"), "house 1")
    yield scorer, reader
    scorer.close()


FILES: dict[str, Callable[[Path], object]] = {
    "rows.csv": lambda path: path.write_text(CSV),
    "rows.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    "rows.parquet": lambda path: parquet.write_table(pa.Table.from_pylist(ROWS), path),
}


@pytest.mark.parametrize("name", FILES)
def test_the_rows_of_a_file_are_scored(version: Version, tmp_path: Path, name: str) -> None:
    FILES[name](tmp_path / name)
    assert list(predict_rows(*version, read_rows(tmp_path / name, version[1].features))) == SCORES


def test_scores_are_written_as_the_name_of_the_file_says(version: Version, tmp_path: Path) -> None:
    assert [write_rows(SCORES, tmp_path / f"scores{suffix}") for suffix in (".csv", ".jsonl", ".parquet")] == [2, 2, 2]
    assert (tmp_path / "scores.csv").read_text() == "house_id,day,score\nh1,,3140.5\nh2,,10011.5\n"
    assert [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()] == SCORES
    assert parquet.read_table(tmp_path / "scores.parquet").to_pylist() == SCORES


REFUSED = [
    ("rows.txt", "", "rows.txt is none of .csv, .jsonl, .parquet: convert it, or give --query"),
    ("rows.csv", "area,colour,rooms\n5,red,x\n", "row 1.rooms is 'x': expected a whole number, at least 1 and at most 20"),
    ("rows.csv", "area,colour,rooms\n5,red\n", "rows.csv has not as many fields as the first line: correct it"),
    (
        "rows.csv",
        "area,colour,rooms\n" + "5,red,1\n" * 2000 + "5,red,0\n",
        "row 2001.rooms is 0: expected a whole number, at least 1 and at most 20",
    ),
    ("rows.csv", "area,colour,rooms\n5,r\udce9d,1\n", "rows.csv is no UTF-8 (invalid continuation byte at byte 21): save it as UTF-8"),
    ("rows.csv", "area,colour,rooms,area\n5,red,1,6\n", "rows.csv has two columns 'area': leave one out"),
    ("rows.csv", "area,colour,rooms\n5,red,1_0\n", "row 1.rooms is '1_0': expected a whole number"),
    ("rows.csv", f"area,colour,rooms\n5,{'r' * 200_000},1\n", "line 2 of "),
    ("rows.csv", 'area,colour,rooms\n5,"re"d,1\n', "rows.csv is no CSV: ',' expected after '\"'"),
    ("rows.jsonl", '{"area": 5, "rooms": 1, "colour": "red", "rooms": 2}\n', "rows.jsonl has a key twice: leave one out"),
    (
        "rows.jsonl",
        '{"area": 5, "colour": "red", "rooms": 9223372036854775808}\n',
        "row 1.rooms is 9223372036854775808: expected a whole number",
    ),
    ("rows.jsonl", '{"area": NaN, "colour": "red", "rooms": 1}\n', "line 1 of "),
    ("rows.jsonl", "[]\n", "rows.jsonl is no JSON object: write one object a line"),
    ("rows.parquet", "x", "rows.parquet is no Parquet"),
]


@pytest.mark.parametrize(("name", "text", "error"), REFUSED)
def test_a_file_that_cannot_be_scored_is_refused_by_row_and_field(
    version: Version, tmp_path: Path, name: str, text: str, error: str
) -> None:
    (tmp_path / name).write_text(text, errors="surrogateescape")
    with pytest.raises(SourceError) as caught:
        list(predict_rows(*version, read_rows(tmp_path / name, version[1].features)))
    assert error in str(caught.value)


def test_rows_with_the_types_of_bigquery_are_read_as_in_training(version: Version, tmp_path: Path) -> None:
    """Decimals are numbers and BOOL is 0 or 1; a spreadsheet's file begins with a byte order mark."""
    rows = [{"house_id": "h1", "area": Decimal("100.5"), "colour": "red", "floor": True, "rooms": 4}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert list(predict_rows(*version, read_rows(tmp_path / "rows.parquet", version[1].features))) == [SCORES[0] | {"score": 1140.5}]
    (tmp_path / "rows.csv").write_text(CSV, encoding="utf-8-sig")
    assert list(predict_rows(*version, read_rows(tmp_path / "rows.csv", version[1].features))) == SCORES


def test_a_bad_row_leaves_no_file_behind(version: Version, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("area,colour,rooms\n" + "5,red,1\n" * 2000 + "5,red,0\n")
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        with pytest.raises(SourceError, match="row 2001"):
            write_rows(predict_rows(*version, read_rows(tmp_path / "rows.csv", version[1].features)), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
