"""The page as a file: written whole or not at all, and cheap to make."""

import errno
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.errors import StorageFullError
from components.report.content import Outcome, RunReport, Verdict
from components.report.page import render, write

NOTHING = RunReport("churn", "run-1", Verdict(Outcome.FAILED, "Step pin failed."), datetime(2026, 3, 2, 6, 0, tzinfo=UTC), 1.5)


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs" / "report.html"
    write(NOTHING, path)
    before = path.read_text(encoding="utf-8")
    assert before == render(NOTHING)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(
        StorageFullError, match=r"^no room to write the report .*report\.html \([\d,]+ characters\): free some space and run again$"
    ):
        write(replace(NOTHING, model="loyalty"), path)
    assert path.read_text(encoding="utf-8") == before
    assert list(path.parent.iterdir()) == [path]


def test_a_second_report_replaces_the_first_and_everybody_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(NOTHING, path)
    write(replace(NOTHING, model="loyalty"), path)
    assert "<h1>loyalty</h1>" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o644


def test_importing_the_room_is_cheap() -> None:
    heavy = {"tensorflow", "tensorflow_data_validation", "tensorflow_model_analysis", "tfx", "apache_beam", "pandas", "numpy"}
    code = f"import sys, components.report.page; print({heavy} & set(sys.modules) or 'none of them')"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "none of them\n"


def test_a_page_of_twelve_features_takes_seconds_at_most(pushed: RunReport) -> None:
    began = time.process_time()
    render(pushed)
    assert time.process_time() - began < 3
