"""Do faults to a world of its own for some time: `python -m tests.pipelines.faults --seconds 600 --seed 1 [--round 7]`."""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

from components.files import OTHERS
from tests.pipelines.faults.rounds import Round, play
from tests.pipelines.faults.world import new_world


def main() -> None:
    """Print a line for each round; exit code 1 after the first that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--round", type=int, help="only this one")
    given = parser.parse_args()
    os.umask(OTHERS)
    again = f"make test-faults SEED={given.seed}"
    print(f"seed {given.seed}: `{again}` repeats it", flush=True)  # noqa: T201 - it is a program for a terminal
    with tempfile.TemporaryDirectory(prefix="perennial-faults-") as folder, new_world(Path(folder)) as world:
        try:
            if given.round is not None:
                print(Round(given.seed, given.round).run(world), flush=True)  # noqa: T201 - as above
                return
            count = play(world, given.seed, given.seconds, lambda line: print(line, flush=True))  # noqa: T201 - as above
        except AssertionError as error:
            sys.exit(f"{error}\nrepeat it: {again} [ROUND=number]")
    print(f"{count} rounds of seed {given.seed} found nothing")  # noqa: T201 - as above


if __name__ == "__main__":
    main()
