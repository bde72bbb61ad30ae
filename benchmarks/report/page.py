"""What a benchmark found, as Markdown: for the terminal, and for docs/benchmarks.md."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

from benchmarks.commands.prompt import Prompt
from benchmarks.commands.rollback import TARGET_SECONDS, Rollback
from benchmarks.commands.submission import TARGET_SECONDS as SUBMISSION_SECONDS
from benchmarks.commands.submission import SubmissionTimes
from benchmarks.drift.comparison import FEATURES, PARTITIONS, DriftTimes
from benchmarks.registry.times import RegistryTimes
from benchmarks.report.registry import registry_part
from benchmarks.report.summary import Measured, summary
from benchmarks.report.table import table
from benchmarks.steps.evaluation import CHAMPION_TARGET, EvaluationTimes
from benchmarks.steps.evaluation import TARGET as EVALUATION_TARGET
from benchmarks.steps.gate import MERGED_TARGETS, TARGET, GateTimes
from benchmarks.training.day import Day
from benchmarks.training.reading import WideReading
from benchmarks.training.rounds import Comparison, Reading, Run, median_step, median_total

STEPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("start", "pin"), ()),
    (("read",), ("CsvExampleGen",)),
    (("statistics",), ("StatisticsGen",)),
    (("schema", "validate"), ("ImportSchemaGen", "ExampleValidator")),
    (("transform",), ("Transform",)),
    (("train",), ("Trainer",)),
    (("evaluate",), ("Evaluator",)),
    (("push",), ("Pusher",)),
    (("record", "finish"), ()),
)
"""Our steps, and the stock components that do the same. A step that is in none of these has a row of its own."""

PACKAGES = ("apache-beam", "kfp", "tensorflow", "tensorflow-model-analysis", "tensorflow-transform", "tfx")
GIBIBYTE, MEBIBYTE = 2**30, 2**20

OPENING = """
Our pipeline and the stock TFX one, on the same rows and the same machine; every ratio is of one run of `make bench`. The interpreter that
`perennial up` starts was there, as it is for people ([decision 15](decisions/0015-a-warm-interpreter.md)). Why a bound is not reached, and
where the time goes, is in [profiles.md](profiles.md); time and memory against rows are in [scaling.md](scaling.md).
"""
COUNTED = """\
Counted is the whole process, from its start to its end: imports, compiling the pipeline, every step, and ours' report.

- Ours: `perennial train MODEL --force --json`, its cache of examples empty, so that every row is read from BigQuery. It pins a snapshot,
  and pushes to Cloud Storage and records in Cloud SQL; all three are the emulators.
- Stock: CsvExampleGen, StatisticsGen, ImportSchemaGen, ExampleValidator, Transform, Trainer, Evaluator and Pusher of TFX under
  `LocalDagRunner`, metadata in SQLite, over the rows of our `source.sql` as one CSV file, without key and span. Schema, `features.py`,
  `network.py`, the fit, the slices, the metrics and the thresholds are the same; so is the Beam runner. Components keep their defaults
  otherwise: Transform also computes statistics, and TFX packs itself into an archive for each component that uses Beam, about a second
  each. User code is named, not given as a file, of which TFX would make and install a wheel.

Reading, in the table above, is that of the step alone where it was timed alone (below): within a run it shares two cores with TFX's import.

Not counted: starting the emulators, loading the data, writing the CSV. The thresholds are so low that both push whatever they trained.
Both run in turns, after TFX was imported once, so that its files are in memory; figures are medians. Seconds of a stock component
are those between LocalDagRunner's "is running" and "is finished".
"""

AGAIN = """
    make bench                                             # prints this page
    infra/userland/enter python -m benchmarks --write     # and writes it to docs/benchmarks.md
"""


def render(measured: Measured, readings: Sequence[Reading], drift: DriftTimes | None, times: RegistryTimes | None) -> str:
    """The page; without the parts that were not timed."""
    parts = [
        "# Benchmarks",
        OPENING.strip(),
        summary(measured),
        table(
            ("rows", "ours (s)", "stock TFX (s)", "ours / stock", "reading: ours / CsvExampleGen (rows/s)"),
            [_ratios(comparison, readings) for comparison in measured.comparisons],
        ),
        "## What was measured",
        COUNTED.strip(),
        *(part for comparison in measured.comparisons for part in _details(comparison)),
        *(_day(measured.day) if measured.day else ()),
        *(_reading(measured.reading) if measured.reading else ()),
        "## Memory of reading",
        "The step `read` in a process of its own: its peak memory before the first row (imports, clients, the snapshot) and at its end.",
        table(("rows", "seconds", "before (MiB)", "peak (MiB)"), map(_memory, readings)),
        *_gate(measured.gate),
        *_evaluation(measured.evaluation),
        *(_drift(drift) if drift else ()),
        *(_rollback(measured.rollback) if measured.rollback else ()),
        *(_prompt(measured.prompt) if measured.prompt else ()),
        *(_submission(measured.submission) if measured.submission else ()),
        *(registry_part(times) if times else ()),
        "## Machine",
        _machine(),
        "## Again",
        AGAIN.strip("\n"),
    ]
    return "\n\n".join(parts) + "\n"


def _day(day: Day) -> Iterator[str]:
    yield "## One more day"
    yield (
        f"A window of 30 days, {day.rows:,} rows, that moves by one day: nothing else changed, so the other days' examples, profiles, "
        "statistics and what Transform adds up are taken from the caches. The model itself is trained anew on all rows; seconds are of "
        "whole processes."
    )
    header = ("nothing kept (s)", "one more day (s)", "stock TFX (s)", "one more day / stock")
    yield table(header, [(f"{day.first.total:.1f}", f"{day.next_day.total:.1f}", f"{day.stock.total:.1f}", f"**{day.ratio:.2f}**")])
    steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in day.next_day.steps.items())
    yield f"Seconds of the steps on that day: {steps}."


def _reading(reading: WideReading) -> Iterator[str]:
    yield "## Reading"
    yield (
        f"{reading.rows:,} rows by 20 columns, each way in a process of its own, without imports: from BigQuery {reading.ours:.1f} s, "
        f"by CsvExampleGen from one CSV file {reading.stock:.1f} s: **1/{1 / reading.ratio:.1f}**. The values of every column are equal."
    )


def _prompt(prompt: Prompt) -> Iterator[str]:
    yield "## At the prompt"
    yield "Medians of 5 in seconds, the whole command: in a fork of the warm interpreter, and in a process of its own where there is none."
    yield table(("", "warm (s)", "alone (s)"), [(name, f"{prompt.warm[name]:.2f}", f"{prompt.alone[name]:.2f}") for name in prompt.warm])


def _submission(times: SubmissionTimes) -> Iterator[str]:
    yield "## Submitting to Kubeflow"
    yield (
        f"`perennial train MODEL --on kubeflow` against the emulator of its API, the whole process: {times.whole:.1f} s. Importing kfp and "
        f"its clients takes {times.imports:.1f} s of it: **{times.added:.1f} s** more. The bound: {SUBMISSION_SECONDS} s."
    )


def _rollback(rollback: Rollback) -> Iterator[str]:
    yield "## Rolling back"
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in rollback.steps.items())
    yield (
        f"`perennial rollback` of a version of {rollback.megabytes} MB, the whole command: {rollback.total:.1f} s ({steps}; the rest is "
        f"imports and the connection). The bound: {TARGET_SECONDS} s."
    )


def _ratios(comparison: Comparison, readings: Sequence[Reading]) -> tuple[str, ...]:
    alone = next((reading.rows / reading.seconds for reading in readings if reading.rows == comparison.rows), None)
    ours, stock = (
        alone or _rows_per_second(comparison, comparison.ours, "read"),
        _rows_per_second(comparison, comparison.stock, "CsvExampleGen"),
    )
    return (
        f"{comparison.rows:,}",
        f"{median_total(comparison.ours):.1f}",
        f"{median_total(comparison.stock):.1f}",
        f"**{comparison.ratio:.2f}**",
        f"{ours:,.0f} / {stock:,.0f} = **{ours / stock:.1f}**",
    )


def _rows_per_second(comparison: Comparison, runs: tuple[Run, ...], step: str) -> float:
    seconds = median_step(runs, step)
    if not seconds:
        raise SystemExit(f"a run has no step {step}: correct benchmarks/report/page.py")
    return comparison.rows / seconds


def _details(comparison: Comparison) -> Iterator[str]:
    yield f"## {comparison.rows:,} rows"
    yield f"Medians of {len(comparison.ours)}, in seconds."
    known = {name for names, _ in STEPS for name in names}
    others = tuple(((name,), ()) for name in comparison.ours[0].steps if name not in known)
    rows = [_step(comparison, *names) for names in (*STEPS, *others)]
    yield table(("ours", "stock TFX", "ours (s)", "stock (s)"), [*rows, _total(comparison)])
    yield "The whole has imports, launching and ours' report too. Some of our steps run side by side, and wait for each other's imports."
    pairs = list(zip(comparison.ours, comparison.stock, strict=True))
    totals = ", ".join(f"{ours.total:.1f} / {stock.total:.1f}" for ours, stock in pairs)
    loads = ", ".join(f"{ours.load:.1f} / {stock.load:.1f}" for ours, stock in pairs)
    yield f"Every round (ours / stock): {totals} s. Load average before it: {loads}."


def _step(comparison: Comparison, ours: tuple[str, ...], stock: tuple[str, ...]) -> tuple[str, ...]:
    return ", ".join(ours), ", ".join(stock), _seconds(_sum(comparison.ours, ours)), _seconds(_sum(comparison.stock, stock))


def _sum(runs: tuple[Run, ...], steps: tuple[str, ...]) -> float | None:
    found = [seconds for step in steps if (seconds := median_step(runs, step)) is not None]
    return sum(found) if found else None


def _total(comparison: Comparison) -> tuple[str, ...]:
    return "whole process", "whole process", _seconds(median_total(comparison.ours)), _seconds(median_total(comparison.stock))


def _gate(times: GateTimes) -> Iterator[str]:
    yield "## The gate before training"
    yield (
        f"What it adds to TFX's StatisticsGen and ExampleValidator over the same {times.rows:,} rows; imports are not counted. "
        "Nothing is kept: every pinned partition is profiled and looked at, as in a first run; a weekly one has a week of them. "
        f"The bound is {TARGET:.2f}."
    )
    header = ("StatisticsGen (s)", "ExampleValidator (s)", "inspect (s)", "profiling in read (s)", "looking at rows (s)", "added / TFX's")
    seconds = (times.statistics, times.validator, times.inspect, times.profiling, times.look)
    yield table(header, [(*(f"{one:.2f}" for one in seconds), f"**{times.ratio:.2f}**")])
    yield (
        "Instead of StatisticsGen ours merges statistics of spans; with ExampleValidator's time on both sides. Counts, extremes, means and "
        f"most frequent values of all {times.features} features of both splits are equal. The bounds are {MERGED_TARGETS[0]:.2f} and "
        f"{MERGED_TARGETS[1]:.2f}."
    )
    merged = (("nothing kept", times.merged_new), ("one span new", times.merged_slid))
    rows = [(name, f"{one:.2f}", f"{times.statistics:.2f}", f"**{times.merged_ratio(one):.2f}**") for name, one in merged]
    yield table(("", "ours (s)", "StatisticsGen (s)", "ours / TFX's"), rows)


def _evaluation(times: EvaluationTimes) -> Iterator[str]:
    yield "## Evaluation"
    yield (
        f"{times.rows:,} rows on 25 slices by TFX's Evaluator, and by ours, which also has 95% intervals, by turns in one process; imports "
        f"are not counted. All {times.numbers:,} numbers of metrics, plots and validations are equal to 1e-9. Ours added "
        f"{times.memory_mebibytes} MiB to the memory of the process. The bound is {EVALUATION_TARGET:.2f}."
    )
    header = ("", "ours (s)", "Evaluator (s)", "ours / Evaluator")
    yield table(
        header,
        [
            ("whole", f"{median(times.ours):.2f}", f"{median(times.stock):.1f}", f"**{times.ratio:.3f}**"),
            (
                "processor",
                f"{median(times.ours_processor):.2f}",
                f"{median(times.stock_processor):.1f}",
                f"**{times.processor_ratio:.3f}**",
            ),
        ],
    )
    yield (
        f"With a champion that scores the same rows, and intervals and differences by key: {median(times.with_champion):.2f} s, which adds "
        f"**{times.champion_ratio:.3f}** of the Evaluator's time. The bound is {CHAMPION_TARGET:.2f}."
    )


def _drift(times: DriftTimes) -> Iterator[str]:
    yield "## Comparing data"
    yield (
        f"Two windows of {times.rows:,} rows by {len(FEATURES)} columns in {PARTITIONS} daily partitions each: everything that "
        "`perennial compare-data` computes, and Evidently's `DataDriftPreset` on the same rows as pandas frames, in a process of its own "
        "after a first small report. Reading files and importing are not counted, but that ours from kept profiles reads them from disk."
    )
    header = ("ours, profiles kept (s)", "ours, from rows (s)", "Evidently (s)", "ours from rows / Evidently")
    yield table(header, [(f"{times.kept:.2f}", f"{times.raw:.2f}", f"{times.evidently:.1f}", f"**{times.ratio:.3f}**")])


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f}"


def _memory(reading: Reading) -> tuple[str, ...]:
    memory = reading.before_bytes, reading.peak_bytes
    return (f"{reading.rows:,}", f"{reading.seconds:.2f}", *(f"{size / MEBIBYTE:,.0f}" for size in memory))


def _machine() -> str:
    """In general words: what matters for the figures, nothing that tells whose it is."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIBIBYTE
    system = platform.freedesktop_os_release()["PRETTY_NAME"] if platform.system() == "Linux" else f"macOS {platform.mac_ver()[0]}"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, {system}, Python {platform.python_version()}.\n"
        f"{packages}.\n"
        f"Measured on {datetime.now(UTC):%Y-%m-%d}."
    )
