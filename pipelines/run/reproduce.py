"""Train a version again on this machine, with its own code, and find what came out equal."""

from dataclasses import dataclass, replace
from pathlib import Path

from components.cloud import Cloud
from components.examples.digest import hash_files
from components.registry.history import VersionStory, read_version
from components.reproduction.reproduced import Comparison, read_comparison
from components.reproduction.reproduction import pull_code, record_reproduction
from components.runs.record import RecordedRun, Trigger
from components.runs.steps import TaskResult
from components.settings import PREFIX, Settings
from pipelines.run.launch import Runner, new_launch, only_attempt

EXAMPLES = "artifacts/*/read/examples"
"""The examples in a run's folder."""


@dataclass(frozen=True)
class Reproduction:
    """A version that was trained again."""

    version: VersionStory
    run: RecordedRun
    comparison: Comparison | None
    """None if the run ended before it was made."""
    tasks: tuple[TaskResult, ...]
    folder: Path


def reproduce(runner: Runner, model: str, number: int) -> Reproduction:
    """Run the reproduction pipeline on this machine. Code, caches and artifacts are in the run's own folder.

    Raises:
        PerennialError: the run could not start; where the version is known, the registry has the reason.
    """
    from pipelines.reproduction import reproduction

    settings = runner.settings
    with runner.cloud.engine.connect() as connection:
        story = read_version(connection, model, number)
    reason = f"reproduction of {model} version {number}"
    with only_attempt(runner, model) as attempt:
        launch = new_launch(reproduction, None, code_sha256=story.code_sha256, trigger=Trigger.PERSON, reason=reason).to_json()
        with attempt.recorded_refusal(lambda: _record_start(runner.cloud, attempt.run_id, story, launch)):
            pull_code(runner.cloud.storage, story, attempt.folder / "models" / model)
        arguments: dict[str, str | int] = {"model": model, "version": number, "launch": launch}
        run, tasks = attempt.run(reproduction, arguments, environment=_environment(attempt.folder))
        return Reproduction(story, run, _comparison(settings, story, attempt.folder), tasks, attempt.folder)


def _record_start(cloud: Cloud, run_id: str, story: VersionStory, launch: str) -> None:
    with cloud.engine.begin() as connection:
        record_reproduction(connection, cloud.settings, run_id, story, launch)


def _environment(folder: Path) -> dict[str, str]:
    """The variables of the steps: they run the version's own code, and read every example anew, since cached ones would be equal anyway."""
    return {f"{PREFIX}CACHE_FOLDER": str(folder / "cache"), f"{PREFIX}MODELS_FOLDER": str(folder / "models")}


def _comparison(settings: Settings, story: VersionStory, folder: Path) -> Comparison | None:
    path = next(folder.glob("artifacts/*/compare/comparison"), None)
    if path is None:
        return None
    comparison = read_comparison(path)
    if "examples" not in comparison.different:
        return comparison
    return replace(comparison, reasons=(*_other_files(settings, story, folder), *comparison.reasons))


def _other_files(settings: Settings, story: VersionStory, folder: Path) -> tuple[str, ...]:
    """Which files of examples differ, if those of the version's own run are still on this machine."""
    own = settings.state_folder / "runs" / story.run.run.run_id
    then, now = (next(place.glob(EXAMPLES), None) for place in (own, folder))
    if then is None or now is None:
        return ()
    before, after = hash_files(then), hash_files(now)
    other = [f"{split} {span}" for split, span in sorted(before | after) if before.get((split, span)) != after.get((split, span))]
    return (f"files of examples that differ: {', '.join(other)}",)
