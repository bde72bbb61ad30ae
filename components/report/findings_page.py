"""The page of the gate before training, alone: what Kubeflow shows of the step, and what stays when a run ends there."""

from collections.abc import Sequence
from pathlib import Path

from components.report.content import FoundRow
from components.report.palette import PALETTE
from components.report.templating import environment, write_whole


def write(model: str, found: Sequence[FoundRow], path: Path) -> None:
    """Render the page into that file.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    blocking = sum(row.blocks for row in found)
    warnings = f"{len(found)} warning{'s' if len(found) > 1 else ''}" if found else "Nothing found"
    headline = f"Blocked by {blocking} of {len(found)} findings" if blocking else warnings
    outcome = "blocked" if blocking else "pushed"
    template = environment().get_template("findings_page.html")
    write_whole(template.render(model=model, found=found, headline=headline, outcome=outcome, palette=PALETTE), path)
