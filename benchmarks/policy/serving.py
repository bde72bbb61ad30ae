"""A model of a made-up world as it is trained, served and monitored: its rows by day, its scores, and what is known of each day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.policy.worlds import Columns, Incident, World
from components.comparison.compare import DataComparison, Side
from components.diagnosis.sides import Operand
from components.diagnosis.versions import compare_operands
from components.evaluation.metric import Metric
from components.measurement.score_counts import count_scores
from components.model.folder import Model, read_model
from components.monitoring.inputs import look_at_inputs
from components.monitoring.record import DayState, LiveDay, Operation, ServedDay
from components.predictions.measuring import measure_predictions
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, ProfileKey, Profiles, label_population
from components.profiles.profiling import profile_batch
from components.snapshot.document import Partition, Snapshot
from tests.components.visits import write_model

FIRST = date(2026, 1, 5)
TRAINED, MEASURED, BEGIN = 28, 32, 44
"""The days that a version learns from, those it is then measured on, and the day on which an incident begins."""
COMPARED = 28
LEARNING_STEPS = 12


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


@dataclass(eq=False)
class Life:
    """What happened to a world up to a day."""

    model: Model
    world: World
    known: dict[int, tuple[Columns, Columns, np.ndarray]] = field(default_factory=dict)
    """By day: the source's columns, what the model is fed, and the labels."""

    def add(self, number: int, incident: Incident | None, seed: int) -> None:
        """Let a day happen."""
        rng = np.random.default_rng([seed, number])
        world = incident.after if incident and incident.after else self.world
        columns, labels = world.rows(rng)
        if incident and incident.spoil:
            columns = incident.spoil(columns, rng)
        self.known[number] = _as_stored(self.world, columns), _as_fed(self.world, columns), labels


def _as_stored(world: World, columns: Columns) -> Columns:
    """As the source has them: some numbers are text."""
    return {
        name: np.array([_text(value) for value in values], object) if name in world.casts else values for name, values in columns.items()
    }


def _text(value: object) -> object:
    return value if value is None or isinstance(value, str) else f"{float(str(value)):.2f}"


def _as_fed(world: World, columns: Columns) -> Columns:
    """As source.sql gives them: text that is no number is NULL."""
    return {
        name: np.array([None if value is None or isinstance(value, str) else float(value) for value in values], object)
        if name in world.numbers
        else values
        for name, values in columns.items()
    }


def _batch(columns: Columns) -> pa.RecordBatch:
    arrays = {}
    for name, values in columns.items():
        if name == "key":
            arrays[name] = pa.array(values, pa.int64())
        else:
            is_text = any(isinstance(value, str) for value in values[:50])
            arrays[name] = pa.array(list(values), pa.string() if is_text else pa.float64())
    return pa.RecordBatch.from_pydict(arrays)


def model_of(world: World, folder: Path) -> Model:
    """The model's folder. Its source.sql casts what the table holds as text."""
    columns = ", ".join(
        f"SAFE_CAST({name} AS FLOAT64) AS {name}" if name in world.casts else name for name in (*world.numbers, *world.groups)
    )
    sql = f"SELECT day AS as_of, key, {columns}, late AS label FROM {{source}} WHERE day IN UNNEST(@spans)"
    group = next(iter(world.groups))
    toml = {'key = "visitor"': 'key = "key"', 'label = "returned"': 'label = "label"', 'slices = [["device"]]': f'slices = [["{group}"]]'}
    return read_model(write_model(folder, name=world.name, sql=sql, toml=toml).parent, world.name)


@dataclass(frozen=True, eq=False)
class Version:
    """A logistic regression on the world's columns, and what is kept of its training."""

    life: Life
    middles: Mapping[str, tuple[float, float]]
    weights: np.ndarray
    reference: tuple[Metric, ...]
    """The metrics of the days after those that it learned from."""
    learned: Operand

    def score(self, number: int) -> np.ndarray:
        """Float32 [rows, 1]."""
        matrix = _matrix(self.life.world, self.life.known[number][1], self.middles)
        chances: np.ndarray = 1 / (1 + np.exp(-matrix @ self.weights))
        return chances.astype(np.float32)[:, None]

    def live_day(self, number: int) -> LiveDay:
        """What monitoring would record of a day."""
        _, fed, labels = self.life.known[number]
        rows, scores = self.learned.side.rows, self.score(number)
        return LiveDay(
            served=ServedDay(day_of(number), 1, "live"),
            state=DayState.SETTLED,
            through=day_of(number + 1),
            rows=len(labels),
            labelled=len(labels),
            contradicting=0,
            fingerprint=str(number),
            operation=Operation(predictions=len(labels), latency_microseconds=(1, 2, 3)),
            scores=(count_scores(scores[:, 0], labels, 1),),
            inputs=look_at_inputs(self.life.model, rows, _features(fed)),
            metrics=measured(self.life, [number], scores),
        )

    def compare(self, last: int) -> DataComparison:
        """The source's newest partitions and what was served, held against what the version learned from, as monitoring does."""
        source = {_key(SOURCE_TABLE, number): profile_columns(self.life.known[number][0]) for number in range(last - COMPARED, last + 1)}
        served = {_key(label_population(0), number): _features(self.life.known[number][1]) for number in range(BEGIN, last + 1)}
        after = Operand(side=Side(name="what is served", source=source, rows=served), snapshot=_snapshot(self.life, last - COMPARED, last))
        return compare_operands(self.life.model, self.learned, after)


def _key(population: str, number: int) -> ProfileKey:
    return ProfileKey(population, day_of(number), f"{population} {number}")


def profile_columns(columns: Columns) -> ColumnProfiles:
    return profile_batch(_batch(columns))


def _features(columns: Columns) -> ColumnProfiles:
    return {name: profile for name, profile in profile_columns(columns).items() if name != "key"}


def _snapshot(life: Life, first: int, last: int) -> Snapshot:
    kinds = {name: "STRING" if name in life.world.groups or name in life.world.casts else "FLOAT64" for name in life.known[first][0]}
    kinds |= {"key": "INTEGER", "day": "DATE", "late": "INTEGER"}
    partitions = tuple(Partition(day_of(number), 1, "0") for number in range(first, last + 1))
    spans = tuple(day_of(number) for number in range(first, last + 1))
    return Snapshot(life.model.name, "p.site.visits", "day", tuple(sorted(kinds.items())), partitions, spans, life.model.query_sha256)


def measured(life: Life, numbers: list[int], scores: np.ndarray) -> tuple[Metric, ...]:
    """The metrics of the rows of some days."""
    group = next(iter(life.world.groups))
    tables = []
    for number in numbers:
        _, fed, labels = life.known[number]
        tables.append(pa.table({"key": fed["key"], group: pa.array(list(fed[group]), pa.string()), "label": labels}))
    return measure_predictions(life.model, pa.concat_tables(tables), scores, beam_args=())


def train(life: Life) -> Version:
    """Learn from the first days, and measure on those after them."""
    days = range(TRAINED)
    fed = {name: np.concatenate([life.known[number][1][name] for number in days]) for name in life.known[0][1]}
    middles = {name: (float(np.mean(fed[name].astype(float))), float(np.std(fed[name].astype(float)))) for name in life.world.numbers}
    labels = np.concatenate([life.known[number][2] for number in days])
    weights = fit_weights(_matrix(life.world, fed, middles), labels)
    rows: Profiles = {_key(label_population(0), number): _features(life.known[number][1]) for number in days}
    source: Profiles = {_key(SOURCE_TABLE, number): profile_columns(life.known[number][0]) for number in days}
    learned = Operand(side=Side(name="version 1", source=source, rows=rows), snapshot=_snapshot(life, 0, TRAINED - 1))
    version = Version(life, middles, weights, (), learned)
    later = list(range(TRAINED, MEASURED))
    reference = measured(life, later, np.concatenate([version.score(number) for number in later]))
    return Version(life, middles, weights, reference, learned)


def _matrix(world: World, fed: Columns, middles: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Standardised numbers, the middle for NULL, and an indicator for each value of a group."""
    parts = [np.ones(len(fed["key"]))]
    for name, (mean, spread) in middles.items():
        value = np.array([mean if one is None else one for one in fed[name]], float)
        parts.append(np.clip((value - mean) / spread, -8, 8))
    for name, values in world.groups.items():
        parts += [(fed[name] == value).astype(float) for value in values]
    return np.column_stack(parts)


def fit_weights(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Newton's method, with a little ridge."""
    weights = np.zeros(matrix.shape[1])
    for _ in range(LEARNING_STEPS):
        chances = 1 / (1 + np.exp(-matrix @ weights))
        curvature = (matrix * (chances * (1 - chances))[:, None]).T @ matrix + 1e-2 * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, matrix.T @ (labels - chances) - 1e-2 * weights)
    return np.asarray(weights)
