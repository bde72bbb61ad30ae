"""Days of a stream through the code of monitoring itself: measured, judged, and their alarms with a life and a cause."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import rankdata
from sklearn.compose import make_column_transformer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline, make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # type: ignore[import-untyped]

from benchmarks.alarms.streams import Source, Stream, days_back
from components.checks.findings import Finding
from components.comparison.compare import Side
from components.diagnosis.newest_source import gate_findings
from components.diagnosis.own_model import OwnModel
from components.diagnosis.sides import Operand
from components.diagnosis.versions import compare_operands
from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.metric import Metric, recordable
from components.model.folder import Model
from components.monitoring.alarms import Alarm, AlarmCause, AlarmState
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.inputs import look_at_inputs, untrained_values
from components.monitoring.judging import COMPARED_PARTITIONS
from components.monitoring.life import QUIET_DAYS, AlarmEvent, Troubles, Watched, next_events, open_identities
from components.monitoring.live_inputs.sifting import alarming, lingering
from components.monitoring.live_metrics.past import Past
from components.monitoring.record import DayState, LiveDay, ServedDay
from components.monitoring.served_rows import CONTRADICTING, LABEL, ServedRows
from components.monitoring.troubles import NO_PAST, find_troubles
from components.policy.facts import Cause
from components.predictions.measuring import split_rows
from components.predictions.row_file import RowFile
from components.profiles.profile import ColumnProfiles, ProfileKey, Profiles, label_population
from components.profiles.profiling import profile_batch
from components.snapshot.document import Snapshot

ROLE, DAY_FIELD, NAME = "live", "event_date", "version"


@dataclass
class Version:
    """A version that was trained on spans of a stream, and what is known of them."""

    stream: Stream
    spans: Sequence[date]
    scorer: Pipeline = field(init=False)
    trained: Profiles = field(init=False)
    source: Profiles = field(init=False)
    metrics: Sequence[Metric] = field(init=False)

    def __post_init__(self) -> None:
        model, rows = self.stream.model, self.stream.rows
        held_out = self.spans[-max(1, len(self.spans) // 6) :]
        table = pd.concat([rows[span] for span in self.spans if span not in held_out])
        self.scorer = _fit(table.drop(columns=[model.rows.key, model.rows.label]), table[model.rows.label])
        self.trained = {
            ProfileKey(label_population(label), span, "t"): profile_batch(_batch(part.drop(columns=[model.rows.key])))
            for span in self.spans
            for label, part in rows[span].groupby(model.rows.label)
        }
        first = self.spans[0] if self.stream.late == 1 else self.spans[-1]
        self.source = self.stream.source.profiles_of(days_back(self.spans[-1], (self.spans[-1] - first).days + 1), "t")
        self.metrics = measure(model, _labelled(self.stream, [rows[span] for span in held_out]), self.score(held_out))

    def __getstate__(self) -> dict[str, object]:
        """Kept without its stream, which is read anew."""
        return {**vars(self), "stream": None}

    def score(self, spans: Sequence[date]) -> np.ndarray:
        """Float32 [rows, 1]."""
        return self.score_rows(pd.concat([self.stream.rows[span] for span in spans]))

    def score_rows(self, rows: pd.DataFrame) -> np.ndarray:
        """Float32 [rows, 1]."""
        features = rows.drop(columns=[self.stream.model.rows.key, self.stream.model.rows.label])
        scores: np.ndarray = self.scorer.predict_proba(features)[:, 1:].astype(np.float32)
        return scores


def _fit(features: pd.DataFrame, label: pd.Series) -> Pipeline:
    texts = [name for name in features if features[name].dtype == object or str(features[name].dtype).startswith("str")]
    groups = [*texts, *(name for name in ("hour", "weekday") if name in features)]
    numbers = [name for name in features if name not in groups]
    transform = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), groups), (StandardScaler(), numbers))
    return make_pipeline(transform, LogisticRegression(max_iter=300)).fit(features, label)


def measure(model: Model, rows: pa.Table, scores: np.ndarray) -> tuple[Metric, ...]:
    """The metrics that are judged, with their intervals by key. TFMA's own values, which monitoring has, take seconds a day."""
    frame = rows.to_pandas().reset_index(drop=True)
    label, score = frame[model.rows.label].to_numpy(), scores[:, 0]
    places: list[tuple[dict[str, str], np.ndarray]] = [({}, frame.index.to_numpy())]
    for names in model.evaluation.slices:
        (name,) = names
        places += [({name: str(value)}, part.index.to_numpy()) for value, part in frame.groupby(name)]
    metrics = [
        Metric(metric, slice_, value, example_count=len(place))
        for slice_, place in places
        for metric, value in _values(label[place], score[place]).items()
    ]
    return with_key_intervals(metrics, split_rows(model, rows, {NAME: scores}), NAME, model.task)


def _values(label: np.ndarray, score: np.ndarray) -> dict[str, float]:
    is_one = label == 1
    ones, zeros = int(is_one.sum()), int((~is_one).sum())
    area = (rankdata(score)[is_one].sum() - ones * (ones + 1) / 2) / (ones * zeros) if ones and zeros else math.nan
    calibration = float(score.sum() / ones) if ones else math.nan
    return {"auc": float(area), "binary_accuracy": float(((score > 0.5) == is_one).mean()), "calibration": calibration}


def _batch(rows: pd.DataFrame) -> pa.RecordBatch:
    return pa.RecordBatch.from_pandas(rows, preserve_index=False)


def _labelled(stream: Stream, parts: Sequence[pd.DataFrame]) -> pa.Table:
    names = [stream.model.rows.key, stream.model.rows.label, *dict.fromkeys(name for one in stream.model.evaluation.slices for name in one)]
    return pa.Table.from_pandas(pd.concat(parts)[names], preserve_index=False)


@dataclass(frozen=True)
class Measured:
    """A day before its labels are known, and after."""

    waiting: LiveDay
    settled: LiveDay
    served: ColumnProfiles


def measure_day(version: Version, day: date, rows: pd.DataFrame, computed: pd.DataFrame | None = None) -> Measured:
    """What a day of predictions comes to.

    Args:
        version: the one that serves.
        day: that is served.
        rows: those that the service is given, with the labels that come to be.
        computed: those of source.sql, if it is given others.
    """
    model = version.stream.model
    columns: dict[str, pa.Array] = {name: pa.array(rows[name]) for name in rows if name not in (model.rows.key, model.rows.label)}
    columns["key"] = pa.array(rows[model.rows.key].astype(str))
    columns[LABEL], columns[CONTRADICTING] = pa.array(rows[model.rows.label]), pa.array([False] * len(rows))
    columns["latency_microseconds"], columns["sampling_weight"] = pa.array([900] * len(rows)), pa.array([1.0] * len(rows))
    columns["score"] = pa.array(version.score_rows(rows)[:, 0])
    with tempfile.TemporaryDirectory() as folder:
        served = ServedRows(OwnModel(model), DAY_FIELD, RowFile(Path(folder) / "rows"))
        served.add(pa.RecordBatch.from_pydict(columns))
        ((table, scores),) = served.labelled.batches()
    again = served.profiles if computed is None else profile_batch(_batch(computed.drop(columns=[model.rows.key, model.rows.label])))
    settled = LiveDay(
        served=ServedDay(day, 1, ROLE),
        state=DayState.SETTLED,
        through=day,
        rows=served.rows,
        labelled=table.num_rows,
        contradicting=0,
        fingerprint="",
        operation=served.operation,
        scores=served.score_counts,
        slice_scores=served.slice_scores,
        inputs=look_at_inputs(model, version.trained, served.profiles, again),
        metrics=recordable(measure(model, table, scores)),
    )
    return Measured(replace(settled, state=DayState.PROVISIONAL, labelled=0, metrics=()), settled, served.profiles)


@dataclass(frozen=True)
class Opened:
    """An alarm that was opened at the end of a day."""

    day: date
    event: AlarmEvent
    cause: AlarmCause


def follow(version: Version, days: Sequence[Measured], source: Source, past: Past = NO_PAST) -> list[Opened]:
    """The alarms that open while these days are served one after the other, each judged at the end of each day.

    What versions before it served is known.
    """
    alarms: dict[str, Alarm] = {}
    opened: list[Opened] = []
    watched = Watched(model=version.stream.model.name, version=1, target="local", role=ROLE)
    for end in range(1, len(days) + 1):
        settled = max(0, end - version.stream.late)
        own = [one.settled for one in days[:settled]] + [one.waiting for one in days[settled:end]]
        now, *before = (find_troubles(version.metrics, own[: len(own) - back], (), past) for back in range(QUIET_DAYS))
        newest = _NewestReplayed(version, own, days[max(0, end - 3) : end], source)
        known = open_identities(watched, list(alarms.values()))
        lately = [one for some in before for one in some]
        troubles = Troubles(now=alarming(now, known, newest, own), lately=lately, going_on=lingering(known, newest, own))
        for event in next_events(watched, list(alarms.values()), troubles, own[-1].served.day):
            cause = event.last.cause if event.last else AlarmCause(kind=Cause.UNKNOWN, slice={})
            if event.needs_cause and event.trouble is not None:
                cause = find_cause(event.trouble, newest.evidence)
            if event.state is AlarmState.OPEN:
                opened.append(Opened(own[-1].served.day, event, cause))
            alarms[str(event.subject)] = Alarm(alarm_id=1, subject=event.subject, seq=event.seq, standing=event.standing(cause))
    return opened


@dataclass
class _NewestReplayed:
    """As components.monitoring.judging has it, of profiles that are here already."""

    version: Version
    own: Sequence[LiveDay]
    lately: Sequence[Measured]
    source: Source
    is_measured = True

    @cached_property
    def _now(self) -> Profiles:
        return self.source.profiles_of(days_back(self.own[-1].served.day, COMPARED_PARTITIONS), "s")

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What the gate finds."""
        return gate_findings(self.version.stream.model, self.version.source, self._now, self.own[-1].served.day)

    @cached_property
    def evidence(self) -> CauseEvidence:
        """What the cause of what is wrong is found by."""
        model = self.version.stream.model
        snapshot = Snapshot(
            model=model.name,
            source_table=model.source.table,
            partition_field=model.source.partition_field,
            columns=self.version.stream.columns,
            partitions=(),
            spans=(),
            query_sha256="",
        )
        served = {ProfileKey(label_population(0), one.settled.served.day, "s"): one.served for one in self.lately}
        before = Operand(side=Side(name="version 1", source=self.version.source, rows=self.version.trained), snapshot=snapshot)
        after = Operand(side=Side(name="what is served", source=self._now, rows=served), snapshot=snapshot)
        first = min(key.day for key in self.version.source)
        around = partial(self.source.profiles_of, days_back(first - timedelta(days=1), COMPARED_PARTITIONS), "s")
        data = compare_operands(model, before, after, others=around)
        return CauseEvidence(
            untrained=untrained_values(self.own[-1].inputs),
            data=data,
            table=model.source.table,
            before=(),
            own=self.own,
            history_days=model.source.history_days,
            findings=self.findings,
        )
