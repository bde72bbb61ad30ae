"""The file of profiles: what was written is read, whole or not at all."""

import os
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, ProfileKey, label_population
from components.profiles.profiling import _profile_column

PART = ProfileKey(SOURCE_TABLE, date(2026, 1, 5), "abc")
TABLE = {
    "amount": _profile_column(pa.array([1.5, -2.0, None, float("nan"), float("inf")])),
    "country": _profile_column(pa.array(["DE", "\N{RIGHT-TO-LEFT OVERRIDE}x\x00", "DE", None, ""])),
    "nothing": _profile_column(pa.nulls(2, pa.string())),
    "day": _profile_column(pa.array([date(2026, 1, 5)])),
}


def plain(column: ColumnProfile) -> dict[str, object]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(column).items()}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    other = ProfileKey(label_population(1), date(2026, 1, 6), "def")
    write_profiles({PART: TABLE, other: {"amount": TABLE["amount"]}}, tmp_path / "deep" / "p.parquet")
    found = read_profiles(tmp_path / "deep" / "p.parquet")
    assert list(found) == [PART, other]
    assert {name: plain(column) for name, column in found[PART].items()} == {name: plain(column) for name, column in TABLE.items()}


def test_nothing_is_read_where_there_is_no_file_and_nothing_was_written(tmp_path: Path) -> None:
    assert read_profiles(tmp_path / "p.parquet") == {}
    write_profiles({}, tmp_path / "p.parquet")
    assert read_profiles(tmp_path / "p.parquet") == {}


def test_any_tool_of_its_owner_can_read_it(tmp_path: Path) -> None:
    write_profiles({PART: TABLE}, tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.num_rows == 4
    assert table.column("column").to_pylist() == list(TABLE)
    assert oct((tmp_path / "p.parquet").stat().st_mode)[-3:] == "600"


def test_who_is_stopped_in_between_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.parquet"
    write_profiles({PART: TABLE}, path)

    def stop(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_profiles({}, path)
    assert list(read_profiles(path)) == [PART]
    assert [file.name for file in tmp_path.iterdir()] == ["p.parquet"]
