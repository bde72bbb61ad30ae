"""What people wait for at the prompt: the commands that show versions, and what a step costs besides its work."""

import json
import sys
import time
from dataclasses import dataclass
from statistics import median

from benchmarks.ground import PERENNIAL, Ground, Size

SHOWN = ("versions", "show", "history")
ROUNDS = 5
TARGET_SECONDS = 0.5


@dataclass(frozen=True)
class Prompt:
    """Medians in seconds of whole commands by their name."""

    warm: dict[str, float]
    """In forks of the interpreter that `perennial up` starts."""
    alone: dict[str, float]
    """In processes of their own."""
    second_run: float
    """`perennial up`, `seed` and `train` where nothing changed since: what a second `make run` does."""


def time_prompt(ground: Ground, size: Size) -> Prompt:
    """The model has a version; this deploys it."""
    ground.call(PERENNIAL, "deploy", size.model, "1", "--target", "staging", "--reason", "to have a history")
    arguments = {name: (name, size.model, *(["1"] if name == "show" else [])) for name in SHOWN}
    warm = {name: median(_seconds(ground, PERENNIAL, *words) for _ in range(ROUNDS)) for name, words in arguments.items()}
    alone = (sys.executable, "-c", "from pipelines.__main__ import run_command; run_command()")
    cold = {name: median(_seconds(ground, *alone, *words) for _ in range(ROUNDS)) for name, words in arguments.items()}
    ground.call(PERENNIAL, "train", size.model)
    again = [("up",), ("seed", "churn"), ("train", size.model, "--json")]
    return Prompt(warm, cold, sum(_seconds(ground, PERENNIAL, *words) for words in again))


def _seconds(ground: Ground, *command: object) -> float:
    started = time.monotonic()
    ground.call(*map(str, command))
    return time.monotonic() - started


def main() -> None:
    """Print it as JSON, from emulators of its own."""
    from benchmarks.ground import SMALL, ground

    with ground() as made:
        made.call(PERENNIAL, "train", SMALL.model, "--force")
        print(json.dumps(vars(time_prompt(made, SMALL)), indent=1))


if __name__ == "__main__":
    main()
