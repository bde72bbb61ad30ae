"""`perennial`: in a fork of the warm interpreter if there is one, else in this process."""

import os
import sys
from pathlib import Path

from pipelines.warm.address import REPOSITORY, Warmth
from pipelines.warm.client import run

ALONE = ("down", "doctor", "serve")
"""The first stops the warm interpreter, the second examines the machine without it, and the third is a service with a life of its own."""
HEAVY = ("compare", "deploy", "new", "predict", "rollback", "schema", "staleness")
"""These ask a model, or guess a schema, for which they import TensorFlow."""


def main() -> None:
    """Run the command of the command line."""
    command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    if sys.platform == "linux" and command and command not in ALONE:
        state_folder = Path(os.environ.get("PERENNIAL_STATE_FOLDER", REPOSITORY / ".perennial"))  # noqa: TID251 - settings take too long
        warmth = Warmth.HEAVY if command in HEAVY else Warmth.LIGHT
        code = run(state_folder, warmth, "pipelines.__main__:run_command", sys.argv[1:])
        if code is not None:
            sys.exit(code)
    run_command()


def run_command() -> None:
    """Run it in this process."""
    from pipelines.cli.main import main as command_line

    command_line(prog_name="perennial")


if __name__ == "__main__":
    main()
