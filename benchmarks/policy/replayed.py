"""Policies replayed on 66 weeks of CDNOW and on 365 days of flights: what they cost beside the best schedule in hindsight.

python -m benchmarks.policy.replayed           # prints the second table of docs/continuous-training.md

Versions are logistic regressions on what source.sql would give; how fast they age, the replay and the costs are the product's own.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.policy.serving import fit_weights
from components.decisions.costs import BEST, EVERY_DAY, THIS_POLICY, compare_costs
from components.decisions.replay import replay
from components.decisions.sizes import PartitionSizes
from components.evaluation.metric import Metric
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, read_model
from components.snapshot.source import History
from components.staleness.ageing import Ageing, ageing_of
from components.staleness.measuring import AgedMetrics, LaterSpans
from components.staleness.record import LaterMetrics
from pipelines.local.flights import read_flights
from pipelines.local.seed import read_cdnow
from tests.components.visits import write_model

RATIOS = (0.01, 0.1, 1.0)
COOLDOWNS = (0, 28, 112)
"""In days: 0 is the default policy."""
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


def matrix(stream: Stream) -> LaterSpans:
    """Every version on later spans."""
    days, cells, learned = sorted(stream.spans), [], {}
    for number, end in enumerate(range(stream.window - 1, len(days) - 1, stream.step), start=1):
        score = _learn([stream.spans[day] for day in days[end - stream.window + 1 : end + 1]])
        learned[number] = days[end]
        later = [day for place, day in enumerate(days) if place > end and place % stream.step == (stream.window - 1) % stream.step]
        for day in later:
            features, labels = stream.spans[day]
            auc = _auc(score(features), labels)
            found = LaterMetrics(version=number, span=day, rows_sha256="0" * 64, rows=len(labels), metrics=(Metric("auc", {}, auc),))
            cells.append(AgedMetrics(days[end], found))
    return LaterSpans(learned, tuple(cells), len(cells), ())


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


def rows_of(stream: Stream, ageing: Ageing, folder: Path) -> Iterator[str]:
    """Lines of the table: for each policy, its cost over that of the best schedule, and of training daily."""
    first, last = stream.days
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    sizes = PartitionSizes(History(first, last, last), dict.fromkeys(days, 1000), dict.fromkeys(days, datetime(2026, 1, 1, tzinfo=UTC)))
    for cooldown in COOLDOWNS:
        policy = ContinuousSection(triggers=("new_partition",), cooldown_hours=24 * cooldown or 6)
        found = replay(policy, model_of(stream, folder), sizes, days=(first, last))
        name = f"cooldown of {cooldown} days" if cooldown else "the defaults"
        values = []
        for one in compare_costs(found, ageing.expected_loss, ratios=RATIOS):
            ours = one.of(THIS_POLICY).total
            values.append(f"{ours / one.of(BEST).total:.2f} · {ours / one.of(EVERY_DAY).total:.2f}")
        yield f"| {stream.name} | {name} | {len(found.trainings)} | {' | '.join(values)} |"


def main() -> None:
    started = time.monotonic()
    print("| stream | policy | trainings | ratio 0.01 | ratio 0.1 | ratio 1 |\n|---|---|---|---|---|---|")
    paces = []
    with tempfile.TemporaryDirectory() as folder:
        for stream in (cdnow(), flights()):
            ageing = ageing_of(stream.name, "auc", matrix(stream))
            paces.append(f"{stream.name}: {ageing.pace.a_month:.4f} of auc a month ({ageing.pace.low:.4f} to {ageing.pace.high:.4f})")
            for line in rows_of(stream, ageing, Path(folder)):
                print(line, flush=True)
    print(f"\n{'; '.join(paces)}; {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
