"""The benchmark: our pipeline against the stock TFX one on the same rows. `make bench` runs it."""

import sys

import click

from benchmarks.commands.prompt import time_prompt
from benchmarks.commands.rollback import time_rollback
from benchmarks.commands.submission import time_submission
from benchmarks.drift.comparison import compare_drift
from benchmarks.ground import HUGE, LARGE, MEDIUM, SMALL, WIDE, WIDEST, ground
from benchmarks.registry.times import time_registry
from benchmarks.report.page import render
from benchmarks.report.summary import Measured
from benchmarks.steps.evaluation import time_evaluation
from benchmarks.steps.gate import time_gate
from benchmarks.training.day import time_day
from benchmarks.training.reading import time_reading
from benchmarks.training.rounds import compare, read_alone
from components.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "benchmarks.md"


@click.command()
@click.option("--small", "small_rounds", type=click.IntRange(0), default=3, show_default=True, help="Rounds over 5,000 rows.")
@click.option("--large", "large_rounds", type=click.IntRange(0), default=1, show_default=True, help="Rounds over 306,410 rows.")
@click.option("--huge", "huge_rounds", type=click.IntRange(0), default=0, show_default=True, help="Rounds over 1,225,640 rows.")
@click.option("--day/--no-day", default=True, show_default=True, help="Move a window of 30 days by one.")
@click.option("--widest", is_flag=True, help="Read 1,225,640 rows by 20 columns, not 212,130; 5 minutes more.")
@click.option("--drift/--no-drift", default=True, show_default=True, help="Compare two windows of a million rows, as Evidently does.")
@click.option("--registry/--no-registry", default=True, show_default=True, help="Time the registry with a million metrics, and MLflow's.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md.")
def main(small_rounds: int, large_rounds: int, huge_rounds: int, day: bool, widest: bool, drift: bool, registry: bool, write: bool) -> None:
    """Time our pipeline and the stock TFX one by turns, and print what came out."""
    with ground() as made:
        click.echo("the emulators are up, CDNOW is loaded", err=True)
        made.call(sys.executable, "-c", "import tfx.v1")  # from here on TFX's files are in memory, and compiled
        rounds = ((SMALL, small_rounds), (LARGE, large_rounds), (HUGE, huge_rounds))
        comparisons = [compare(made, size, number, progress=_tell) for size, number in rounds if number]
        readings = [read_alone(made, size) for size in (MEDIUM, LARGE)]
        prompt = time_prompt(made, SMALL) if small_rounds else None
        rollback = time_rollback(made, SMALL) if small_rounds else None
        submission = time_submission(made, SMALL) if small_rounds else None
        one_day = time_day(made, progress=_tell) if day else None
        reading = time_reading(made, WIDEST if widest else WIDE, progress=_tell)
        gate = time_gate(made, LARGE)
        found = time_registry(made, progress=_tell) if registry else None
    measured = Measured(comparisons, one_day, reading, gate, time_evaluation(progress=_tell), rollback, prompt, submission)
    page = render(measured, readings, compare_drift(progress=_tell) if drift else None, found)
    click.echo(page)
    if write:
        PAGE.write_text(page)


def _tell(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
