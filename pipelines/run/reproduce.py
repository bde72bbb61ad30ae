"""Train a version again on this machine, with its own code, and find what came out equal."""

import hashlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from components.database.engine import make_engine
from components.errors import PerennialError
from components.examples.digest import hash_files
from components.google import storage_client
from components.registry.history import VersionStory, read_version
from components.reproduction.reproduced import Comparison, read_comparison
from components.reproduction.reproduction import pull_code, record_reproduction
from components.runs.provenance import Launch, git_state
from components.runs.record import RecordedRun, RunState, TaskResult, Trigger, close_interrupted, finish_run, read_run
from components.settings import PREFIX, Settings
from pipelines.run.launch import drop_old_runs, new_run_id, only_run, run_pipeline
from pipelines.run.local import ForkServer, LocalRun

EXAMPLES = "artifacts/*/read/examples"
"""In a run's folder."""


@dataclass(frozen=True)
class Reproduction:
    """A version that was trained again."""

    version: VersionStory
    run: RecordedRun
    comparison: Comparison | None
    """None if the run did not get so far."""
    tasks: tuple[TaskResult, ...]
    folder: Path


def reproduce(
    settings: Settings,
    model: str,
    number: int,
    server: ForkServer | None,
    *,
    on_start: Callable[[str], None],
    on_end: Callable[[TaskResult], None],
) -> Reproduction:
    """Run the reproduction pipeline on this machine. Code, caches and artifacts are in the run's own folder.

    Raises:
        PerennialError: the run could not start; where the version is known, the registry has the reason.
    """
    engine = make_engine(settings)
    with engine.connect() as connection:
        story = read_version(connection, model, number)
    with only_run(settings, model):
        with engine.begin() as connection:
            close_interrupted(connection, model, socket.gethostname())
        run_id, launch = new_run_id(model), _launch(story).to_json()
        folder = settings.state_folder / "runs" / run_id
        with _recorded_refusal(settings, run_id, story, launch):
            pull_code(storage_client(settings), story, folder / "models" / model)
        local = LocalRun(folder, server, on_start, on_end, environment=_environment(folder))
        _run(local, {"run_id": run_id, "model": model, "version": number, "launch": launch})
        with engine.connect() as connection:
            run = read_run(connection, run_id)
        comparison = _comparison(settings, story, folder)
        drop_old_runs(settings)
    return Reproduction(story, run, comparison, tuple(local.results), folder)


def compile_reproduction(path: Path) -> str:
    """Write the reproduction pipeline as YAML. Returns its SHA-256."""
    from kfp import compiler

    from pipelines.reproduction import reproduction

    compiler.Compiler().compile(reproduction, str(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _launch(story: VersionStory) -> Launch:
    with tempfile.TemporaryDirectory() as temporary:
        pipeline_sha256 = compile_reproduction(Path(temporary) / "reproduction.yaml")
    commit, dirty = git_state()
    return Launch(
        pipeline_sha256=pipeline_sha256,
        code_sha256=story.code_sha256,
        trigger=Trigger.PERSON,
        reason=f"reproduction of {story.model} version {story.number}",
        host=socket.gethostname(),
        git_commit=commit,
        git_dirty=dirty,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Examples are read anew, or that they are equal would mean nothing; and the code is the version's own."""
    return {f"{PREFIX}CACHE_FOLDER": str(folder / "cache"), f"{PREFIX}MODELS_FOLDER": str(folder / "models")}


@contextmanager
def _recorded_refusal(settings: Settings, run_id: str, story: VersionStory, launch: str) -> Iterator[None]:
    """A run that is refused before its first step is in the registry too, as FAILED."""
    try:
        yield
    except PerennialError as error:
        with make_engine(settings).begin() as connection:
            record_reproduction(connection, settings, run_id, story, launch)
            finish_run(connection, run_id, RunState.FAILED, str(error))
        raise


def _run(local: LocalRun, arguments: dict[str, str | int]) -> None:
    from pipelines.reproduction import reproduction

    run_pipeline(local, reproduction, arguments)


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
