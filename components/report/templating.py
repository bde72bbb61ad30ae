"""Templates into pages, and pages onto the disk: whole, legible, and without anything to load."""

import errno
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.errors import StorageFullError
from components.report import wording

TEMPLATES = Path(__file__).parent / "templates"


def write_whole(page: str, path: Path) -> None:
    """Replace the file at once; whoever reads it meanwhile meets the old page or the new one.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, page)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(
                f"no room to write the report {path} ({len(page):,} characters): free some space and run again"
            ) from error
        raise


def _replace(path: Path, page: str) -> None:
    with NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        try:
            draft.write(page)
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(0o644)  # a temporary file is readable by its owner only; a report is for everybody
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def environment() -> Environment:
    """Escapes everything. `finalize` sees each value before that, so no template can forget to make one legible."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_legible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": wording.count,
        "number": wording.number,
        "score": wording.score,
        "percent": wording.percent,
        "duration": wording.duration,
        "label": wording.label,
        "moment": wording.moment,
    }
    return environment


def _legible(value: object) -> object:
    return wording.legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
