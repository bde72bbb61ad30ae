"""Pages as files: written whole or not at all."""

import errno
from pathlib import Path

import pytest

from components.errors import StorageFullError
from components.report.templating import write_page


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs" / "report.html"
    write_page("<h1>churn</h1>", path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFullError) as raised:
        write_page("<h1>loyalty</h1>", path)
    assert str(raised.value) == f"no room to write the report {path} (16 characters): free some space and run again"
    assert path.read_text(encoding="utf-8") == "<h1>churn</h1>"
    assert list(path.parent.iterdir()) == [path]


def test_a_second_page_replaces_the_first_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page("<h1>churn</h1>", path)
    write_page("<h1>loyalty</h1>", path)
    assert path.read_text(encoding="utf-8") == "<h1>loyalty</h1>"
    assert path.stat().st_mode & 0o777 == 0o600
