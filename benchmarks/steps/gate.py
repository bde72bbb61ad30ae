"""What the gate adds to TFX's StatisticsGen and ExampleValidator on the same rows, in a process of its own that imported TFX before.

python -m benchmarks.steps.gate                  # a ground of its own, 306,410 rows
python -m benchmarks.steps.gate MODEL FOLDER     # what that starts
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground import LARGE, Ground, Size, ground
from components.checks.gate import compute_statistics, import_schema, validate
from components.checks.step import Inspection, inspect_rows, inspect_source
from components.cloud import Cloud
from components.examples.read import read_examples
from components.examples.rows import stream_rows
from components.examples.span_cache import SPLITS
from components.examples.span_profile import SpanProfiler
from components.model.folder import read_model
from components.profiles.file import write_profiles
from components.profiles.statistics import write_statistics
from components.settings import Settings, read_settings
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition, pin
from components.snapshot.step import put_snapshot
from components.tfx.artifacts import KfpArtifact
from tests.components.artifacts import artifact, examples_artifact, step
from tests.components.profiles.feature_statistics import exact, features

TARGET = 0.3
MERGED_TARGETS = (0.65, 0.10)
"""Of statistics and validation against TFX's: with nothing kept, and with one new span."""


@dataclass(frozen=True)
class GateTimes:
    """Seconds, each once."""

    rows: int
    statistics: float
    """StatisticsGen."""
    validator: float
    """ExampleValidator."""
    inspect: float
    """Every pinned partition profiled and looked at, nothing kept from before and no champion to know any of them."""
    profiling: float
    """The rows of source.sql profiled as they pass by in `read`."""
    look: float
    """The profiles of the rows looked at."""
    merged_new: float
    """Ours instead of StatisticsGen, with nothing kept."""
    merged_slid: float
    """The same with all spans kept but the last one."""
    features: int
    """In train and eval, whose counts, extremes, means and most frequent values are those of StatisticsGen."""

    @property
    def added(self) -> float:
        """What is ours."""
        return self.inspect + self.profiling + self.look

    @property
    def ratio(self) -> float:
        """Ours over TFX's."""
        return self.added / (self.statistics + self.validator)

    def merged_ratio(self, merged: float) -> float:
        """Ours instead of StatisticsGen, over StatisticsGen; ExampleValidator is in both."""
        return (merged + self.validator) / (self.statistics + self.validator)


def time_gate(made: Ground, size: Size) -> GateTimes:
    """Time it once, with nothing in the caches."""
    made.forget_examples()
    printed = made.call(sys.executable, "-m", "benchmarks.steps.gate", size.model, made.folder / "gate" / size.model)
    return GateTimes(**json.loads(printed.splitlines()[-1]))


def measure(settings: Settings, name: str, folder: Path) -> GateTimes:
    """Do what the steps do, one after the other."""
    model = read_model(settings.models_folder, name)
    cloud = Cloud(settings)
    pinned = pin(cloud, model, latest_partition(cloud, model))
    snapshot, reference = artifact(folder / "snapshot"), artifact(folder / "reference")
    put_snapshot(pinned, snapshot)
    counts = read_examples(cloud, model, pinned, folder / "examples")
    seconds: dict[str, float] = {}
    with _timed(seconds, "inspect"):
        inspect_source(step(settings, name), snapshot, reference, _inspection(folder / "source"))
    inspection = _inspection(folder / "rows")
    seconds["profiling"] = _profile(settings, name, pinned, inspection.profile)
    statistics, schema, anomalies = (artifact(folder / part) for part in ("statistics", "schema", "anomalies"))
    with _timed(seconds, "statistics"):
        examples = examples_artifact(folder / "examples", "train", "eval")
        compute_statistics(examples, statistics, cache=None, beam_args=settings.beam_args)
    found_equal = _merge_spans(folder, Path(statistics.path), seconds)
    import_schema(model, schema)
    with _timed(seconds, "validator"):
        found = validate(statistics, schema, anomalies, beam_args=settings.beam_args)
    with _timed(seconds, "look"):
        inspect_rows(step(settings, name), snapshot, reference, inspection, found)
    return GateTimes(rows=sum(count.rows for count in counts), features=found_equal, **seconds)


def _merge_spans(folder: Path, stock: Path, seconds: dict[str, float]) -> int:
    """Time the statistics of spans, and hold them against StatisticsGen's. Returns how many features are equal.

    Raises:
        SystemExit: one is not.
    """
    examples, before = folder / "examples", folder / "examples before"
    for split in SPLITS:
        (before / f"Split-{split}").mkdir(parents=True)
        for span in sorted((examples / f"Split-{split}").iterdir())[:-1]:
            (before / f"Split-{split}" / span.name).hardlink_to(span)
    with _timed(seconds, "merged_new"):
        write_statistics(examples, folder / "new", SPLITS, cache=folder / "kept of new")
    write_statistics(before, folder / "before", SPLITS, cache=folder / "kept of slid")
    with _timed(seconds, "merged_slid"):
        write_statistics(examples, folder / "slid", SPLITS, cache=folder / "kept of slid")
    equal = 0
    for split in SPLITS:
        wanted = exact(features(stock, split))
        if not wanted == exact(features(folder / "new", split)) == exact(features(folder / "slid", split)):
            raise SystemExit(f"the statistics of split {split} are not those of StatisticsGen: see docs/gate.md")
        equal += len(wanted)
    return equal


def _profile(settings: Settings, name: str, pinned: Snapshot, profile: KfpArtifact) -> float:
    """Seconds of profiling alone: rows are in memory before the clock runs."""
    model = read_model(settings.models_folder, name)
    parts = list(stream_rows(Cloud(settings), model, pinned, pinned.spans))
    started = time.monotonic()
    profilers = {span: SpanProfiler(model, span, f"{span}") for span in pinned.spans}
    for span, batch in parts:
        profilers[span].batch(batch)
    write_profiles({part: table for one in profilers.values() for part, table in one.profiles.items()}, Path(profile.path))
    return time.monotonic() - started


def _inspection(folder: Path) -> Inspection:
    return Inspection(*(artifact(folder / part) for part in ("profile", "findings", "page")))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started


def main() -> None:
    """Print the seconds as JSON."""
    if len(sys.argv) == 1:
        with ground() as made:
            times = time_gate(made, LARGE)
            print(json.dumps({**vars(times), "ratio": times.ratio}, indent=1))
        return
    import tfx.components.example_validator.executor
    import tfx.components.statistics_gen.executor  # noqa: F401 - not counted

    print(json.dumps(vars(measure(read_settings(), sys.argv[1], Path(sys.argv[2])))))


if __name__ == "__main__":
    main()
