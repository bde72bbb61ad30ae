"""The locks of the models' local runs: one run of a model at a time on a machine, and each from before its process begins."""

from pathlib import Path

from components.lock import is_locked
from components.settings import Settings

PREFIX = "train-"
CLAIMED = "claimed-"


def run_lock(settings: Settings, model: str) -> Path:
    """The file whose lock a run of the model holds."""
    return settings.state_folder / "locks" / f"{PREFIX}{model}"


def claimed_run_lock(settings: Settings, model: str) -> Path:
    """The file whose lock the process of a run that a watcher has claimed is born with, so that it is known before it holds the other."""
    return settings.state_folder / "locks" / f"{CLAIMED}{model}"


def is_in_progress(settings: Settings, model: str) -> bool:
    """Whether a run of the model is in progress on this machine, or begins."""
    return any(path.is_file() and is_locked(path) for path in (run_lock(settings, model), claimed_run_lock(settings, model)))


def running_models(settings: Settings) -> list[str]:
    """The models of which a run is in progress on this machine, or begins."""
    files = [file for prefix in (PREFIX, CLAIMED) for file in (settings.state_folder / "locks").glob(f"{prefix}*")]
    return sorted({file.name.removeprefix(PREFIX).removeprefix(CLAIMED) for file in files if is_locked(file)})
