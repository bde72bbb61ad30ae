"""Templates into pages, and pages onto the disk: whole, legible, and without anything to load."""

import errno
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components import wording
from components.errors import StorageFullError
from components.files import replacing
from components.report.palette import PALETTE

ROOMS = Path(__file__).parents[1]


def render(template: str, **values: object) -> str:
    """Fill in a template. Every value is escaped, and spelled out where it could not be shown.

    Args:
        template: its path below `components/`, such as `checks/templates/findings_page.html`.
        values: what the template shows: facts as they are, and charts as Markup.
    """
    return _environment().get_template(template).render(palette=PALETTE, **values)


def write_page(page: str, path: Path) -> None:
    """Replace the file at once; whoever reads it meanwhile meets the old page or the new one.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    try:
        with replacing(path) as draft:
            draft.write(page.encode())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(
                f"no room to write the report {path} ({len(page):,} characters): free some space and run again"
            ) from error
        raise


@cache
def _environment() -> Environment:
    """An environment that escapes everything. `finalize` sees each value before that, so no template can forget to make one legible."""
    environment = Environment(
        loader=FileSystemLoader(ROOMS),
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
        "slice_text": wording.slice_text,
    }
    return environment


def _legible(value: object) -> object:
    return wording.legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
