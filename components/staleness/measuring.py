"""Measure versions on the spans that came after what they learned from, as snapshots keep them. What was measured before is not again."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from components.canonical import fingerprint
from components.cloud import Cloud
from components.deployment.saved_model import load_signature
from components.diagnosis.newest.loaded_version import LoadedVersion, load_version, predict
from components.diagnosis.newest.predictions import NO_CLASS
from components.diagnosis.newest.rows import has_label
from components.diagnosis.newest.sample import Sample, Sampler
from components.errors import RegistryError, SourceError
from components.evaluation.config import eval_config
from components.examples.live import stream_any_rows
from components.examples.read import examples_fingerprint
from components.model.folder import Model
from components.predictions.measuring import measure_predictions
from components.registry.history import list_versions, read_version
from components.snapshot.document import Snapshot, snapshot_from
from components.snapshot.window import Window, span_history_start, span_label_end
from components.staleness.record import AgedMetrics, LaterMetrics, LaterSpans, read_later_metrics, record_later_metrics

LATER_ROWS = 5_000
"""At most so many rows of a span are measured, those whose keys have the smallest hashes."""
MEASURED = "rows by key 1"
"""Change it when the same rows would give other metrics: what was measured before is then measured again."""


@dataclass(frozen=True, eq=False)
class _Cell:
    version: LoadedVersion
    span: date
    rows_sha256: str


@dataclass(eq=False)
class _Work:
    """What is to be measured, and what was found on the way."""

    cells: Sequence[_Cell]
    known: dict[tuple[int, str], LaterMetrics]
    notes: list[str] = field(default_factory=list)
    is_whole: bool = True

    def missing(self) -> dict[tuple[object, ...], list[_Cell]]:
        """Cells that nobody has measured, by the recipe of their rows."""
        found: dict[tuple[object, ...], list[_Cell]] = defaultdict(list)
        for cell in self.cells:
            if (cell.version.story.number, cell.rows_sha256) not in self.known:
                found[cell.version.recipe].append(cell)
        return found

    def miss(self, note: str) -> None:
        """Note what could not be read."""
        self.notes.append(note)
        self.is_whole = False


def measure_later_spans(cloud: Cloud, model: Model, *, versions: int, progress: Callable[[str], object]) -> LaterSpans:
    """Measure the newest versions on all spans that any of their snapshots has and they have not learned from.

    Args:
        cloud: the services.
        model: whose versions.
        versions: at most so many, the newest ones.
        progress: called with a sentence that says what is done next.

    Raises:
        RegistryError: the model has no version, or only one.
        AccessError: a service refuses or does not answer.
    """
    loaded = _load(cloud, model, versions)
    usable = [version for version in loaded if version.folder is not None]
    snapshots = [snapshot_from(version.story.snapshot.document) for version in usable]
    with cloud.engine.connect() as connection:
        known = dict(read_later_metrics(connection, model.name))
    work = _Work(_cells(usable, snapshots), known, [text for one in loaded for text in (one.problem, one.note) if text])
    before = len(work.known)
    for cells in work.missing().values():
        _measure_recipe(cloud, work, cells, snapshots, progress)
    learned = {version.story.number: version.learned.spans[-1] for version in usable}
    found = ((_recipe(cell), work.known.get((cell.version.story.number, cell.rows_sha256))) for cell in work.cells)
    recipes = {recipe: number for number, recipe in enumerate(dict.fromkeys(_recipe(cell) for cell in work.cells))}
    aged = tuple(AgedMetrics(learned[one.version], one, recipes[recipe]) for recipe, one in found if one is not None)
    return LaterSpans(learned, aged, len(work.known) - before, tuple(dict.fromkeys(work.notes)), work.is_whole)


def _recipe(cell: _Cell) -> tuple[object, ...]:
    """What the rows of a version, and their labels, depend on."""
    return *cell.version.recipe, cell.version.model.label_names


def _load(cloud: Cloud, model: Model, limit: int) -> list[LoadedVersion]:
    with cloud.engine.connect() as connection:
        numbers = [one.number for one in list_versions(connection, model.name, limit=limit)]
        if len(numbers) < 2:
            what = f"model {model.name} has one version, and how fast it ages is told by holding it against a newer one on the same rows"
            raise RegistryError(f"{what}: run `perennial train {model.name}` once newer labels are known")
        stories = [read_version(connection, model.name, number) for number in numbers]
    return [load_version(cloud, model, story) for story in stories]


def _cells(versions: Sequence[LoadedVersion], snapshots: Sequence[Snapshot]) -> list[_Cell]:
    """Each version on each later span. Of a span that several snapshots have, the newest one's content counts."""
    newest = {span: snapshot for snapshot in snapshots for span in snapshot.spans}
    return [
        _Cell(version, span, _fingerprint(version.model, newest[span], span))
        for version in versions
        for span in sorted(newest)
        if version.learned.spans and span > version.learned.spans[-1]
    ]


def _fingerprint(model: Model, snapshot: Snapshot, span: date) -> str:
    return fingerprint([MEASURED, LATER_ROWS, examples_fingerprint(model, snapshot, span), eval_config(model)])


def _measure_recipe(
    cloud: Cloud, work: _Work, cells: Sequence[_Cell], snapshots: Sequence[Snapshot], progress: Callable[[str], object]
) -> None:
    """Measure versions that read their rows by the same query: each row is read once."""
    samples = _read(cloud, work, cells, snapshots, progress)
    by_version: dict[int, list[_Cell]] = defaultdict(list)
    for cell in cells:
        by_version[cell.version.story.number].append(cell)
    for number, own in by_version.items():
        progress(f"version {number} is measured on {len(own)} later spans")
        try:
            _measure_version(cloud, work, own, samples)
        except (RegistryError, SourceError) as error:
            work.miss(f"version {number} cannot be asked: {error}")


def _read(
    cloud: Cloud, work: _Work, cells: Sequence[_Cell], snapshots: Sequence[Snapshot], progress: Callable[[str], object]
) -> Mapping[date, Sample]:
    """A sample of each span's labelled rows, from the newest snapshot that has it."""
    model, wanted, samples = cells[0].version.model, {cell.span for cell in cells}, dict[date, Sample]()
    for snapshot in reversed(snapshots):
        spans = tuple(span for span in snapshot.spans if span in wanted)
        if not spans:
            continue
        wanted -= set(spans)
        progress(f"reading {len(spans)} spans of snapshot {snapshot.snapshot_id[:12]}")
        try:
            samples |= _sampled(cloud, model, snapshot, spans)
        except SourceError as error:
            work.miss(f"the spans {spans[0]} to {spans[-1]} cannot be read: {error}")
    return samples


def _sampled(cloud: Cloud, model: Model, snapshot: Snapshot, spans: tuple[date, ...]) -> dict[date, Sample]:
    first = max(snapshot.partitions[0].day, span_history_start(model, spans[0]))
    window = Window(spans, first, min(snapshot.partitions[-1].day, span_label_end(model, spans[-1])))
    samplers = {span: Sampler(model.rows.key, LATER_ROWS) for span in spans}
    for span, batch in stream_any_rows(cloud, model, window, table=snapshot.snapshot_table):
        if span in samplers:
            samplers[span].add(batch.filter(pa.array(has_label(batch, model))))
    return {span: sampler.sample() for span, sampler in samplers.items()}


def _measure_version(cloud: Cloud, work: _Work, cells: Sequence[_Cell], samples: Mapping[date, Sample]) -> None:
    version = cells[0].version
    if version.folder is None:
        return
    signature = load_signature(version.folder, f"{version.model.name} {version.name}")
    for cell in cells:
        sample = samples.get(cell.span)
        if sample is None or not sample.rows.num_rows:
            continue
        predicted = predict(signature, version.model, sample.rows)
        answered = predicted.class_indices != NO_CLASS
        if not answered.any():
            work.notes.append(f"{version.name} refuses every row of span {cell.span}: {predicted.refusal}")
            continue
        found = _metrics(cloud, cell, sample.rows, predicted.scores, answered)
        with cloud.engine.begin() as connection:
            record_later_metrics(connection, version.model.name, found)
        work.known[found.version, found.rows_sha256] = found


def _metrics(cloud: Cloud, cell: _Cell, rows: pa.Table, scores: np.ndarray, answered: np.ndarray) -> LaterMetrics:
    model = cell.version.model
    metrics = measure_predictions(model, rows.filter(pa.array(answered)), scores[answered], beam_args=cloud.settings.beam_args)
    return LaterMetrics(
        version=cell.version.story.number,
        span=cell.span,
        rows_sha256=cell.rows_sha256,
        rows=int(answered.sum()),
        metrics=tuple(metric for metric in metrics if not metric.slice),
    )
