"""The benchmark: our pipeline against the stock TFX one on the same rows. `make bench` runs it."""

import sys

import click

from benchmarks.comparison import compare_drift
from benchmarks.evaluation import time_evaluation
from benchmarks.gate import time_gate
from benchmarks.ground import LARGE, MEDIUM, SMALL, ground
from benchmarks.page import render
from benchmarks.registry import time_registry
from benchmarks.rollback import time_rollback
from benchmarks.rounds import compare, read_alone
from components.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "benchmarks.md"


@click.command()
@click.option("--small", "small_rounds", type=click.IntRange(0), default=3, show_default=True, help="Rounds over 5,000 rows.")
@click.option("--large", "large_rounds", type=click.IntRange(0), default=1, show_default=True, help="Rounds over 306,410 rows.")
@click.option("--drift/--no-drift", default=True, show_default=True, help="Compare two windows of a million rows, as Evidently does.")
@click.option("--registry/--no-registry", default=True, show_default=True, help="Time the registry with a million metrics, and MLflow's.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md.")
def main(small_rounds: int, large_rounds: int, drift: bool, registry: bool, write: bool) -> None:
    """Time our pipeline and the stock TFX one by turns, and print what came out."""
    with ground() as made:
        click.echo("the emulators are up, CDNOW is loaded", err=True)
        made.call(sys.executable, "-c", "import tfx.v1")  # from here on TFX's files are in memory, and compiled
        wanted = [(size, rounds) for size, rounds in ((SMALL, small_rounds), (LARGE, large_rounds)) if rounds]
        comparisons = [compare(made, size, rounds, progress=_tell) for size, rounds in wanted]
        readings = [read_alone(made, size) for size in (MEDIUM, LARGE)]
        gate = time_gate(made, LARGE)
        rollback = time_rollback(made, SMALL) if small_rounds else None
        found = time_registry(made, progress=_tell) if registry else None
    evaluation = time_evaluation(progress=_tell)
    page = render(comparisons, readings, gate, evaluation, compare_drift(progress=_tell) if drift else None, (rollback, found))
    click.echo(page)
    if write:
        PAGE.write_text(page)


def _tell(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
