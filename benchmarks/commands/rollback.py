"""A rollback from one end to the other, as a command. `python -m benchmarks.commands.rollback MODEL MEGABYTES` makes its versions."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground import PERENNIAL, Ground, Size
from components.database.engine import make_engine
from components.google import storage_client
from components.registry.evaluations import Blessing, record_blessing
from components.registry.history import read_version
from components.registry.versions import NewVersion, register_version
from components.settings import Settings, read_settings
from components.storage.objects import pull_folder, push_folder

LARGE_MODEL = "big"
MEGABYTES = 50
TARGET_SECONDS = 3


@dataclass(frozen=True)
class Rollback:
    """Seconds of the whole command, and of its steps by name."""

    megabytes: int
    total: float
    steps: Mapping[str, float]


def time_rollback(ground: Ground, size: Size) -> Rollback:
    """Of a model that is as large as it shall be, and else the one that was trained on the rows of that size."""
    ground.call(sys.executable, "-m", "benchmarks.commands.rollback", size.model, str(MEGABYTES))
    for number in ("1", "2"):
        ground.call(PERENNIAL, "deploy", LARGE_MODEL, number, "--target", "prod", "--reason", "to go back from")
    started = time.monotonic()
    printed = ground.call(PERENNIAL, "rollback", LARGE_MODEL, "--target", "prod", "--reason", "timed", "--json")
    return Rollback(MEGABYTES, time.monotonic() - started, json.loads(printed)["seconds"])


def main() -> None:
    """Make them."""
    make_versions(read_settings(), sys.argv[1], int(sys.argv[2]))


def make_versions(settings: Settings, model: str, megabytes: int) -> None:
    """Two versions of LARGE_MODEL: the first of `model`, each with a file of so many megabytes beside it."""
    engine, client = make_engine(settings), storage_client(settings)
    with engine.connect() as connection:
        story = read_version(connection, model, 1)
    run_id, snapshot_id = story.run.run.run_id, story.snapshot.snapshot_id
    for variant in ("one", "two"):
        with tempfile.TemporaryDirectory() as temporary, engine.begin() as connection:
            folder = Path(temporary, "model")
            pull_folder(client, story.manifest.uri, folder)
            (folder / "assets").mkdir(exist_ok=True)
            (folder / "assets" / "table.bin").write_bytes(os.urandom(megabytes * 1_000_000))
            new = NewVersion(
                model=LARGE_MODEL,
                run_id=run_id,
                snapshot_id=snapshot_id,
                code_sha256=story.code_sha256,
                training_sha256=story.training_sha256,
                manifest=push_folder(client, settings.bucket, model=LARGE_MODEL, folder=folder, metadata={"run": run_id}),
                framework=story.framework,
                examples_sha256=story.examples_sha256,
                training_machine=story.training_machine,
                variant=variant,
            )
            number = register_version(connection, new)
            verdict = Blessing(
                model=LARGE_MODEL,
                version=number,
                run_id=run_id,
                policy_sha256="0" * 64,
                blessed=True,
                checks=(),
                decided_by="the benchmark",
            )
            record_blessing(connection, verdict)


if __name__ == "__main__":
    main()
