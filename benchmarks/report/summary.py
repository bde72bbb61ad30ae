"""The bounds that this work set itself, and what was reached: one table at the top of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.commands.prompt import TARGET_SECONDS as PROMPT_SECONDS
from benchmarks.commands.prompt import Prompt
from benchmarks.commands.rollback import TARGET_SECONDS, Rollback
from benchmarks.commands.submission import TARGET_SECONDS as SUBMISSION_SECONDS
from benchmarks.commands.submission import SubmissionTimes
from benchmarks.report.table import table
from benchmarks.steps.evaluation import TARGET as EVALUATION
from benchmarks.steps.evaluation import EvaluationTimes
from benchmarks.steps.gate import MERGED_TARGETS, GateTimes
from benchmarks.training.day import Day
from benchmarks.training.reading import TARGET as READING
from benchmarks.training.reading import WideReading
from benchmarks.training.rounds import Comparison, median_step

SMALL_ROWS = 10_000
"""Up to so many, launching takes longer than the work."""
SMALL_RATIO, LARGE_RATIO, DAY_RATIO, TRANSFORM_RATIO = 0.36, 0.25, 0.12, 0.22
STEP_SECONDS, SECOND_RUN_SECONDS = 0.10, 3.0
COPYING = "schema"
"""A step that copies one small file: what it takes is what every step costs besides its work."""


@dataclass(frozen=True)
class Measured:
    """All that was measured in this run; None where it was not asked for."""

    comparisons: Sequence[Comparison]
    day: Day | None
    reading: WideReading | None
    gate: GateTimes
    evaluation: EvaluationTimes
    rollback: Rollback | None
    prompt: Prompt | None
    submission: SubmissionTimes | None


@dataclass(frozen=True)
class _Row:
    work: str
    against: str
    reached: float
    bound: float
    equal: str = ""


def summary(measured: Measured) -> str:
    """The table: what is reached in bold, and how far the rest is from its bound."""
    header = ("work", "against", "reached", "at most", "", "equal")
    return table(header, [_cells(row) for row in (*_ratios(measured), *_seconds(measured))])


def _cells(row: _Row) -> tuple[str, ...]:
    is_reached = row.reached <= row.bound
    unit = "" if row.against else " s"
    verdict = "reached" if is_reached else f"{row.reached / row.bound:.1f} times the bound"
    return row.work, row.against, f"**{row.reached:.2f}**{unit}", f"{row.bound:.2f}{unit}", verdict, row.equal


def _ratios(measured: Measured) -> Iterator[_Row]:
    for comparison in measured.comparisons:
        bound = SMALL_RATIO if comparison.rows <= SMALL_ROWS else LARGE_RATIO
        yield _Row(f"whole training, {comparison.rows:,} rows", "LocalDagRunner", comparison.ratio, bound, "rows, fit, slices, thresholds")
    if measured.day is not None:
        work = f"one more day in 30, {measured.day.rows:,} rows"
        yield _Row(work, "LocalDagRunner", measured.day.ratio, DAY_RATIO, "rows, fit, slices, thresholds")
    if measured.reading is not None:
        work = f"BigQuery to examples, {measured.reading.rows:,} x 20"
        yield _Row(work, "CsvExampleGen", measured.reading.ratio, READING, "every value of every column")
    gate = measured.gate
    for name, seconds, bound in zip(("all new", "one span new"), (gate.merged_new, gate.merged_slid), MERGED_TARGETS, strict=True):
        work = f"statistics and validation, {gate.rows:,} rows, {name}"
        yield _Row(work, "StatisticsGen, ExampleValidator", gate.merged_ratio(seconds), bound, "all but quantiles")
    evaluation = measured.evaluation
    work = f"evaluation, {evaluation.rows:,} rows x 25 slices"
    yield _Row(work, "Evaluator", evaluation.ratio, EVALUATION, f"{evaluation.numbers:,} numbers to 1e-9")
    if measured.comparisons:
        largest = max(measured.comparisons, key=lambda comparison: comparison.rows)
        ours, theirs = median_step(largest.ours, "transform"), median_step(largest.stock, "Transform")
        if ours and theirs:
            yield _Row(f"Transform, {largest.rows:,} rows", "Transform", ours / theirs, TRANSFORM_RATIO, "vocabularies; means to float32")


def _seconds(measured: Measured) -> Iterator[_Row]:
    if measured.comparisons:
        smallest = min(measured.comparisons, key=lambda comparison: comparison.rows)
        yield _Row("a step's own cost", "", median(run.steps[COPYING] for run in smallest.ours), STEP_SECONDS)
    if measured.rollback is not None:
        yield _Row(f"rollback of {measured.rollback.megabytes} MB", "", measured.rollback.total, TARGET_SECONDS)
    if measured.prompt is not None:
        for name, seconds in measured.prompt.warm.items():
            yield _Row(f"`perennial {name}`", "", seconds, PROMPT_SECONDS)
        yield _Row("second `make run`", "", measured.prompt.second_run, SECOND_RUN_SECONDS)
    if measured.submission is not None:
        yield _Row("submission to Kubeflow, beyond importing kfp", "", measured.submission.added, SUBMISSION_SECONDS)
