"""The standard error of the process is another file within the block, for C++ too, and the terminal again after it."""

import os
import sys
from pathlib import Path

import pytest

from components.stderr import stderr_to


def test_python_and_c_write_into_the_file_and_the_yielded_stream_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("of the run before")
    with stderr_to(tmp_path / "log") as terminal:
        os.write(2, b"from C\n")
        sys.__stderr__.write("from Python\n")  # type: ignore[union-attr]
        terminal.write("progress\n")
        assert capfd.readouterr().err == "progress\n"
    os.write(2, b"afterwards\n")

    assert (tmp_path / "log").read_text() == "from C\nfrom Python\n"
    assert capfd.readouterr().err == "afterwards\n"


def test_an_exception_gives_the_standard_error_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), stderr_to(tmp_path / "log"):
        raise ValueError("no")
    os.write(2, b"afterwards\n")

    assert capfd.readouterr().err == "afterwards\n"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with stderr_to(tmp_path / "log"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
