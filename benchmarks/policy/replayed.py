"""Policies replayed on 66 weeks of CDNOW and on 365 days of flights: what they cost beside the best schedule in hindsight.

python -m benchmarks.policy.replayed           # prints the second table of docs/continuous-training.md

Versions are logistic regressions on what source.sql would give; how fast they age, the replay and the costs are the product's own.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.policy.serving import fit_weights
from components.decisions.costs import BEST, EVERY_DAY, THIS_POLICY, compare_costs
from components.decisions.replay import KnownAgeing, Replay, ReplayedTraining, replay
from components.decisions.sizes import PartitionSizes
from components.errors import RegistryError
from components.evaluation.metric import Metric
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, read_model
from components.policy.facts import AgeingFact
from components.snapshot.source import History
from components.staleness.ageing import Ageing, ageing_of
from components.staleness.record import NEWEST_VERSIONS, AgedMetrics, LaterMetrics, LaterSpans
from pipelines.local.flights import read_flights
from pipelines.local.seed import read_cdnow
from tests.components.visits import write_model

RATIOS = (0.01, 0.03, 0.1, 0.3, 1.0)
DEFAULT_COST = ContinuousSection().training_cost
Table = tuple[np.ndarray, np.ndarray]
"""Features, float64 [rows, columns], and labels, int64 [rows]."""


@dataclass(frozen=True)
class Stream:
    """Spans with their rows, and how a model's windows lie in them."""

    name: str
    spans: Mapping[date, Table]
    days: tuple[date, date]
    window: int
    every_days: int
    label_delay_days: int
    step: int
    """A version is made every so many spans, and measured on every so many."""


def cdnow() -> Stream:
    """Whether a customer buys within four weeks, by recency, frequency and money."""
    purchases: dict[int, list[tuple[int, float]]] = {}
    for day, rows in read_cdnow()[1].items():
        for row in rows:
            purchases.setdefault(int(str(row["customer_id"])), []).append((day.toordinal(), float(str(row["dollar_value"]))))
    known = {
        key: (np.array([when for when, _ in own]), np.array([value for _, value in own])) for key, own in purchases.items() if key % 10 == 0
    }
    first, last = date(1997, 1, 1), date(1998, 6, 30)
    spans = {day: _customers(known, day.toordinal()) for day in _grid(date(1997, 3, 4), last - timedelta(days=28), 7)}
    return Stream("CDNOW, 66 weeks", spans, (first, last), window=8, every_days=7, label_delay_days=28, step=2)


def _customers(known: Mapping[int, tuple[np.ndarray, np.ndarray]], day: int) -> Table:
    rows, labels = [], []
    for when, values in known.values():
        past = when <= day
        if past.any():
            recent = past & (when > day - 90)
            rows.append([np.log1p(day - when[past].max()), np.log1p(past.sum()), np.log1p(recent.sum()), np.log1p(values[past].mean())])
            labels.append(int(((when > day) & (when <= day + 28)).any()))
    return np.array(rows), np.array(labels)


def flights() -> Stream:
    """Whether a flight arrives late, by its hour, carrier, airport and weather."""
    days = read_flights()[2]
    carriers = sorted({str(row["carrier"]) for row in days[date(2013, 1, 1)]})
    spans = {day: _flown(rows[::2], carriers) for day, rows in days.items() if day < date(2013, 12, 31)}
    return Stream("flights, 365 days", spans, (min(days), max(days)), window=42, every_days=1, label_delay_days=1, step=5)


def _flown(rows: Sequence[Mapping[str, object]], carriers: Sequence[str]) -> Table:
    arrived = [row for row in rows if row["arrival_delay"] is not None]
    numbers = [
        [float(str(row["scheduled_hour"])), *(_known(row[name]) for name in ("distance", "temperature", "wind_speed", "visibility"))]
        for row in arrived
    ]
    groups = [[row["carrier"] == name for name in carriers] + [row["origin"] == name for name in ("JFK", "LGA")] for row in arrived]
    late = [float(str(row["arrival_delay"])) > 15 for row in arrived]
    return np.column_stack([np.array(numbers), np.array(groups, float)]), np.array(late, np.int64)


def _known(value: object) -> float:
    return 0.0 if value is None else float(str(value))


def _grid(first: date, last: date, every: int) -> Iterator[date]:
    day = first
    while day <= last:
        if day.toordinal() % every == 0:
            yield day
        day += timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Versions:
    """The versions of a stream, each named by the last span that it has learned from, and their metrics on later spans."""

    stream: Stream
    scores: dict[date, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    metrics: dict[tuple[date, date], float] = field(default_factory=dict)
    known: dict[tuple[date, ...], AgeingFact] = field(default_factory=dict)

    @cached_property
    def days(self) -> list[date]:
        """The spans."""
        return sorted(self.stream.spans)

    def window(self, learned: date) -> list[date]:
        """The spans that a version has learned from, as far as there are rows of them."""
        return [day for day in self.days if day <= learned][-self.stream.window :]

    def auc(self, learned: date, later: date) -> float:
        """Of a version on a later span."""
        if (learned, later) not in self.metrics:
            if learned not in self.scores:
                self.scores[learned] = _learn([self.stream.spans[day] for day in self.window(learned)])
            features, labels = self.stream.spans[later]
            self.metrics[learned, later] = _auc(self.scores[learned](features), labels)
        return self.metrics[learned, later]

    def later(self, learned: Sequence[date], spans: Sequence[date]) -> LaterSpans:
        """Every version on the later ones of some spans."""
        cells = [self._aged(number, one, day) for number, one in enumerate(learned, start=1) for day in spans if day > one]
        return LaterSpans(dict(enumerate(learned, start=1)), tuple(cells), len(cells), ())

    def _aged(self, number: int, learned: date, span: date) -> AgedMetrics:
        metrics = (Metric("auc", {}, self.auc(learned, span)),)
        return AgedMetrics(learned, LaterMetrics(version=number, span=span, rows_sha256="0" * 64, rows=1, metrics=metrics))

    def all_ageing(self) -> Ageing:
        """By a version every so many spans, on every so many."""
        places = range(self.stream.window - 1, len(self.days), self.stream.step)
        spans = [self.days[place] for place in places]
        return ageing_of(self.stream.name, "auc", self.later(spans, spans))

    def learned_ageing(self, trainings: Sequence[ReplayedTraining], _: date) -> AgeingFact | None:
        """By the versions of these trainings alone, on the spans of their windows, as `perennial staleness` would measure them by then."""
        learned = [one.span for one in trainings if self.window(one.span)][-NEWEST_VERSIONS:]
        spans = sorted({day for one in learned for day in self.window(one)})
        if (key := tuple(learned)) not in self.known:
            try:
                self.known[key] = ageing_of(self.stream.name, "auc", self.later(learned, spans)).fact
            except RegistryError:
                return None
        return self.known[key]


def _learn(tables: Sequence[Table]) -> Callable[[np.ndarray], np.ndarray]:
    features, labels = np.concatenate([one for one, _ in tables]), np.concatenate([one for _, one in tables])
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    weights = fit_weights(np.column_stack([np.ones(len(features)), (features - mean) / spread]), labels)
    return lambda rows: np.asarray(np.column_stack([np.ones(len(rows)), (rows - mean) / spread]) @ weights)


def _auc(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    positives = int(labels.sum())
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / max(positives * (len(labels) - positives), 1))


def model_of(stream: Stream, folder: Path) -> Model:
    toml = {
        "spans = 2\nevery_days = 1": f"spans = {stream.window}\nevery_days = {stream.every_days}",
        "label_delay_days = 1": f"label_delay_days = {stream.label_delay_days}",
    }
    return read_model(write_model(folder, name=stream.name.split(",")[0].lower(), toml=toml).parent, stream.name.split(",")[0].lower())


def rows_of(stream: Stream, versions: Versions, folder: Path) -> Iterator[str]:
    """Lines of the table: for each policy, its cost over that of the best schedule, and of training daily."""
    first, last = stream.days
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    sizes = PartitionSizes(History(first, last, last), dict.fromkeys(days, 1000), dict.fromkeys(days, datetime(2026, 1, 1, tzinfo=UTC)))
    model, truth = model_of(stream, folder), versions.all_ageing()
    fact = truth.fact

    def cells(cost: float | None, known: KnownAgeing) -> Iterator[str]:
        found: dict[float, Replay] = {}
        for ratio in RATIOS:
            paid = ratio if cost is None else cost
            if paid not in found:
                policy = ContinuousSection(triggers=("new_partition",), training_cost=paid)
                found[paid] = replay(policy, model, sizes, days=(first, last), known=known)
            (one,) = compare_costs(found[paid], truth.expected_loss, ratios=[ratio])
            ours, daily = one.of(THIS_POLICY), one.of(EVERY_DAY)
            yield f"{ours.total / one.of(BEST).total:.2f} · {ours.total / daily.total:.2f} · {ours.trainings}"

    for name, cost, known in (
        ("every new span, `training_cost = 0`", 0.0, lambda *_: None),
        ("`training_cost` is the ratio, ageing is measured", None, lambda *_: fact),
        (f"the default of {DEFAULT_COST:g}, ageing is measured", DEFAULT_COST, lambda *_: fact),
        ("`training_cost` is the ratio, ageing is learned on the way", None, versions.learned_ageing),
    ):
        yield f"| {stream.name} | {name} | {' | '.join(cells(cost, known))} |"


def main() -> None:
    started = time.monotonic()
    print(f"| stream | policy | {' | '.join(f'ratio {one:g}' for one in RATIOS)} |\n|{'---|' * (2 + len(RATIOS))}")
    paces = []
    with tempfile.TemporaryDirectory() as folder:
        for stream in (cdnow(), flights()):
            versions = Versions(stream)
            pace = versions.all_ageing().pace
            paces.append(f"{stream.name}: {pace.a_month:.4f} of auc a month ({pace.low:.4f} to {pace.high:.4f})")
            for line in rows_of(stream, versions, Path(folder)):
                print(line, flush=True)
    print(f"\n{'; '.join(paces)}; {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
