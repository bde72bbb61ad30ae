"""What the step `claim` does."""

from pathlib import Path

from components.runs.new_run import new_training_run
from components.runs.outcome import Step
from components.runs.provenance import Launch
from components.schedules.claims import claim_window
from components.schedules.windows import ScheduledWindows
from components.snapshot.pin import latest_partition


def claim(step: Step, windows: str, launch: str, through: Path) -> bool:
    """Claim the oldest window that is due and not trained, and write its last partition. Returns whether there was one.

    Args:
        step: the step.
        windows: the schedule's windows as JSON.
        launch: what only the launcher knows, as JSON.
        through: the file that is given the window's last partition, YYYY-MM-DD, or nothing.
    """
    newest = latest_partition(step.cloud, step.model)
    run = new_training_run(step, Launch.from_json(launch), through="")
    window = claim_window(step.cloud.engine, ScheduledWindows.from_json(windows), run, newest)
    through.parent.mkdir(parents=True, exist_ok=True)
    through.write_text("" if window is None else window.isoformat())
    return window is not None
