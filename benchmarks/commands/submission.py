"""What a submission to Kubeflow costs besides importing kfp: `perennial train MODEL --on kubeflow` against the emulator of its API."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.ground import Ground, Size
from components.settings import REPOSITORY
from infra.emulators.kubeflow.server import serving

ROUNDS = 5
TARGET_SECONDS = 2.0
IMPORTS = "import kfp, kfp.compiler, kfp.kubernetes, kfp_server_api"
ALONE = "from pipelines.__main__ import run_command; run_command()"
IMAGE = "example.test/perennial@sha256:" + "a" * 64
THROUGH = "1998-05-31"


@dataclass(frozen=True)
class SubmissionTimes:
    """Medians in seconds of whole processes, without a warm interpreter: a continuous integration has none."""

    imports: float
    """Of kfp and its clients, by Python alone."""
    whole: float
    """The command: imports, compiling the pipeline, finding or making the experiment, and the run."""

    @property
    def added(self) -> float:
        """What comes to the imports."""
        return self.whole - self.imports


def time_submission(ground: Ground, size: Size) -> SubmissionTimes:
    """By turns. No task of the runs is run."""
    with serving(ground.folder / "kubeflow", lambda _: 1) as backend:
        settings = {"KUBEFLOW_ENDPOINT": backend.url, "IMAGE": IMAGE, "PIPELINE_ROOT": "gs://bucket/root"}
        environment = dict(ground.environment) | {f"PERENNIAL_{name}": value for name, value in settings.items()}
        command = [sys.executable, "-c", ALONE, "train", size.model, "--on", "kubeflow", "--through", THROUGH]
        pairs = [(_seconds(environment, sys.executable, "-c", IMPORTS), _seconds(environment, *command)) for _ in range(ROUNDS)]
        backend.wait()
        assert len(backend.state.runs) == ROUNDS
    return SubmissionTimes(median(imports for imports, _ in pairs), median(whole for _, whole in pairs))


def _seconds(environment: Mapping[str, str], *command: str) -> float:
    started = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    """Print it as JSON, from emulators of its own."""
    from benchmarks.ground import SMALL, ground

    with ground() as made:
        times = time_submission(made, SMALL)
        print(json.dumps(vars(times) | {"added": times.added}, indent=1))


if __name__ == "__main__":
    main()
