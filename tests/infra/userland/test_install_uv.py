"""uv is fetched by its hash: another file under the same name is neither unpacked nor run."""

import functools
import hashlib
import http.server
import json
import platform
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.settings import REPOSITORY

SCRIPTS = REPOSITORY / "infra" / "userland"
NAME = "uv-1.2.3-py3-none-" + (
    f"manylinux_2_17_{platform.machine()}.whl" if sys.platform == "linux" else f"macosx_11_0_{platform.machine()}.whl"
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index with one wheel, as PyPI's; `uv.txt` beside it names its hash."""
    served = tmp_path / "served"
    served.mkdir()
    with zipfile.ZipFile(served / NAME, "w") as wheel:
        wheel.writestr("uv-1.2.3.data/scripts/uv", "#!/bin/sh\necho uv 1.2.3\n")
    sha256 = hashlib.sha256((served / NAME).read_bytes()).hexdigest()
    (tmp_path / "uv.txt").write_text(f"uv==1.2.3 \\\n    --hash=sha256:{sha256}\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        file = {"filename": NAME, "url": f"{address}/{NAME}", "hashes": {"sha256": sha256}}
        (served / "simple").write_text(json.dumps({"files": [file]}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{address}/simple"
        server.shutdown()


def unpack(folder: Path, index: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "unpack-uv"), str(folder / "uv.txt"), str(folder / "bin"), index]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_wheel_of_the_hash_is_unpacked(tmp_path: Path, index: str) -> None:
    assert unpack(tmp_path, index).returncode == 0
    assert subprocess.run([tmp_path / "bin" / "uv"], check=True, capture_output=True, text=True).stdout == "uv 1.2.3\n"


def test_another_file_is_refused(tmp_path: Path, index: str) -> None:
    with zipfile.ZipFile(tmp_path / "served" / NAME, "a") as wheel:
        wheel.writestr("more", "")
    refused = unpack(tmp_path, index)

    assert (refused.returncode, "has another SHA-256 than" in refused.stderr) == (1, True)
    assert not (tmp_path / "bin").exists()


def test_a_wheel_that_is_not_named_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "uv.txt").write_text(f"uv==1.2.3 \\\n    --hash=sha256:{'0' * 64}\n")
    refused = unpack(tmp_path, index)

    assert (refused.returncode, "no wheel of uv 1.2.3" in refused.stderr) == (1, True)


def test_nothing_from_the_network_is_run_by_a_shell() -> None:
    for script in SCRIPTS.iterdir():
        text = script.read_text()
        assert "curl" not in text, script
        assert "wget" not in text, script
    assert "--require-hashes" in (SCRIPTS / "install-uv").read_text()
