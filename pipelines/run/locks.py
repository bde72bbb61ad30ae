"""The locks of the models' local runs: one run of a model at a time on a machine."""

from pathlib import Path

from components.lock import is_locked
from components.settings import Settings

PREFIX = "train-"


def run_lock(settings: Settings, model: str) -> Path:
    """The file whose lock a run of the model holds."""
    return settings.state_folder / "locks" / f"{PREFIX}{model}"


def running_models(settings: Settings) -> list[str]:
    """The models of which a run is in progress on this machine."""
    files = sorted((settings.state_folder / "locks").glob(f"{PREFIX}*"))
    return [file.name.removeprefix(PREFIX) for file in files if is_locked(file)]
