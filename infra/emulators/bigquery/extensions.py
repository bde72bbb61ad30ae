"""DuckDB's extensions from their wheels, so that nothing is downloaded at run time."""

import importlib.util
import os
from pathlib import Path

import duckdb

EXTENSIONS = ("ducklake", "icu")


def link_extensions(home: Path) -> None:
    """Put the extensions where DuckDB looks for them: below HOME, which becomes a folder of our own for this process."""
    ((platform,),) = duckdb.execute("PRAGMA platform").fetchall()
    version = f"v{duckdb.__version__}"
    folder = home / ".duckdb" / "extensions" / version / platform
    folder.mkdir(parents=True, exist_ok=True)
    for extension in EXTENSIONS:
        link, file = folder / f"{extension}.duckdb_extension", _packaged(extension, version)
        if not (link.is_symlink() and link.readlink() == file):
            link.unlink(missing_ok=True)
            link.symlink_to(file)
    os.environ["HOME"] = str(home)


def _packaged(extension: str, version: str) -> Path:
    spec = importlib.util.find_spec(f"duckdb_extension_{extension}")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package duckdb-extension-{extension} is not installed: run `uv sync --project infra/emulators`")
    return Path(spec.origin).parent / "extensions" / version / f"{extension}.duckdb_extension"
