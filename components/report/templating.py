"""Templates into pages, and pages onto the disk: whole, legible, and without anything to load."""

import errno
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components import wording
from components.errors import StorageFullError
from components.files import FOR_EVERYBODY, replacing

TEMPLATES = Path(__file__).parent / "templates"


def write_whole(page: str, path: Path) -> None:
    """Replace the file at once; whoever reads it meanwhile meets the old page or the new one.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    try:
        with replacing(path, FOR_EVERYBODY) as draft:
            draft.write(page.encode())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(
                f"no room to write the report {path} ({len(page):,} characters): free some space and run again"
            ) from error
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
