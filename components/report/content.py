"""What a run's report says, as plain values: the room that ends a run fills them in, and page.py draws them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList


class Outcome(StrEnum):
    """How a run ended."""

    PUSHED = "pushed"
    BLOCKED = "blocked"
    FAILED = "failed"


class StepState(StrEnum):
    """How a step ended. CACHED means that an earlier run's output was taken."""

    DONE = "done"
    CACHED = "cached"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """How the run ended, and why, in one sentence. Only a pushed run has a version."""

    outcome: Outcome
    why: str
    version: int | None = None


@dataclass(frozen=True)
class Step:
    """One step of the pipeline and the wall time it took."""

    name: str
    state: StepState
    seconds: float


@dataclass(frozen=True)
class SplitRows:
    """How many rows a split (train, eval, ...) has."""

    split: str
    rows: int


@dataclass(frozen=True)
class SpanRows:
    """How many rows a span gave, and the share of them whose label is positive (None: not known), or that of each class."""

    span: date
    rows: int
    label_rate: float | None = None
    class_shares: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class DataSection:
    """The pinned data. Spans may come in any order."""

    snapshot_id: str
    source_table: str
    splits: tuple[SplitRows, ...] = ()
    spans: tuple[SpanRows, ...] = ()


@dataclass(frozen=True)
class Anomaly:
    """Where the data breaks the pinned schema. An empty feature means the data set as a whole."""

    feature: str
    short: str
    long: str


@dataclass(frozen=True, kw_only=True)
class FoundRow:
    """One thing that the gate before training found wrong with the data. An empty column means the rows as a whole."""

    column: str
    check: str
    what: str
    since: date | None
    days: int
    """Partitions or spans that are so."""
    measure: float
    threshold: float
    touched: float
    """The share of the values since then, from 0 to 1."""
    remedy: str
    blocks: bool


@dataclass(frozen=True)
class Check:
    """One rule of a gate, such as `>= 0.7` on `auc` of a slice. A slice of None means all rows; a value of None, that none was computed."""

    metric: str
    slice: str | None
    rule: str
    value: float | None
    passed: bool


@dataclass(frozen=True)
class MetricValue:
    """A metric on a slice (None: all rows), with the ends of its 95% interval where known. Values may be NaN or infinite."""

    name: str
    slice: str | None
    value: float
    low: float | None = None
    high: float | None = None
    example_count: int | None = None


@dataclass(frozen=True)
class RocPoint:
    """The rates of false and true positives, from 0 to 1, when rows that score above the threshold count as positive."""

    fpr: float
    tpr: float
    threshold: float
    of: str = ""
    """The class that counts as positive; empty where there are two labels."""


@dataclass(frozen=True)
class ConfusionMatrix:
    """Rows of a slice (None: all rows) by class and by the class that they were taken for: counts[actual][predicted]."""

    slice: str | None
    counts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar predictions: what was predicted for them on average, and what share was positive."""

    mean_prediction: float
    mean_label: float
    count: float


@dataclass(frozen=True)
class LineageEntry:
    """One thing the run was made of or has made: a commit, an image, a URI."""

    label: str
    value: str


@dataclass(frozen=True)
class Command:
    """A command to run next, and what it is for."""

    purpose: str
    line: str


@dataclass(frozen=True)
class RunReport:
    """Everything on the page. What the run did not reach stays None or empty, and the page says so in a sentence.

    `train_statistics` and `eval_statistics` are what TFDV computed on the splits. `anomalies` of None means that the
    data was not validated; an empty tuple, that it was and nothing was found; `found` likewise of the gate's own
    checks. `hints` say what to do about the verdict.
    """

    model: str
    run_id: str
    verdict: Verdict
    started: datetime
    seconds: float
    steps: tuple[Step, ...] = ()
    data: DataSection | None = None
    train_statistics: DatasetFeatureStatisticsList | None = None
    eval_statistics: DatasetFeatureStatisticsList | None = None
    anomalies: tuple[Anomaly, ...] | None = None
    found: tuple[FoundRow, ...] | None = None
    checks: tuple[Check, ...] = ()
    metrics: tuple[MetricValue, ...] = ()
    roc: tuple[RocPoint, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    classes: tuple[str, ...] = ()
    """Of a model of several classes: then there is a matrix for each slice, and no calibration."""
    matrices: tuple[ConfusionMatrix, ...] = ()
    lineage: tuple[LineageEntry, ...] = ()
    commands: tuple[Command, ...] = ()
    hints: tuple[str, ...] = ()
