"""The prediction service without HTTP: which version answers, in which role, and what is remembered of it."""

import asyncio
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from components.errors import PerennialError
from components.protocol.refusal import Refusal
from components.protocol.tensors import TensorSignature
from components.scoring.rows import FeatureRows, RowReader
from components.scoring.scorer import Scorer
from components.serving.batches import Batches, Waiting
from components.serving.directory import LABELS, Directory, ServingRole
from components.serving.metrics import Metrics
from components.serving.questions import Question, read_question

log = logging.getLogger(__name__)

HASHES = 2**32


@dataclass(frozen=True)
class Limits:
    """What a request may cost."""

    rows: int = 4096
    body_bytes: int = 8 << 20
    seconds: float = 30.0
    """From a request's first byte to its last, and again to its answer."""
    shadow_rows: int = 4096
    """Rows that wait for a shadow; more are left out and counted."""


@dataclass(frozen=True, eq=False)
class Servable:
    """A version that is loaded and warm."""

    model: str
    version: int
    scorer: Scorer
    reader: RowReader
    batches: Batches


@dataclass(frozen=True)
class Canary:
    """A version that answers a share of the keys."""

    version: int
    share: float | None
    """From 0 to 1, of one that goes live in steps; None where a person has deployed it: the service's own."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A request, as the log is told of it."""

    request_id: str
    received_microseconds: int
    """Since 1970."""
    trace_id: str | None
    role: ServingRole
    rows: FeatureRows


@dataclass(frozen=True, eq=False)
class Scored:
    """The rows of a micro-batch with their scores."""

    servable: Servable
    requests: Sequence[Asked]
    scores: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Unanswered:
    """A request to a model that is served, which was refused, or failed."""

    model: str
    request_id: str
    status: int
    """Of HTTP: from 500 on it is not the caller's fault."""
    rows: int
    """1 where it does not say how many."""
    seconds: float


Note = Callable[[Scored], None]
"""Remembers what was scored, before it is answered."""


@dataclass
class Service:
    """Answers requests by the versions of a directory, which is replaced whole when it changes."""

    metrics: Metrics
    limits: Limits = field(default_factory=Limits)
    canary_share: float = 0.0
    """Of the keys of every model, unless its version goes live in steps."""
    note: Note | None = None
    refuse: "Callable[[Unanswered], None] | None" = None
    """Remembers what was not answered."""
    opened: "Callable[[Servable], None] | None" = None
    """Is told of a version before it is served."""
    directory: Directory[Servable] = field(default_factory=Directory)
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    """Those that the log of deployments names, by model; replaced whole when they change. Another one answers nobody while it goes."""
    _shadow_rows: int = 0
    _shadows: set["asyncio.Task[None]"] = field(default_factory=set)

    def servable(self, model: str, version: int, scorer: Scorer, reader: RowReader) -> Servable:
        """A loaded version as this service serves it."""

        def before_answers(batch: Sequence[Waiting], scores: np.ndarray, seconds: float) -> None:
            self.metrics.time("runtime_latency", seconds, model, "predict", "TF1")
            if self.note is not None:
                self.note(Scored(servable, [one.request for one in batch if isinstance(one.request, Asked)], scores, seconds))

        servable = Servable(model, version, scorer, reader, Batches(scorer, before_answers))
        if self.opened is not None:
            self.opened(servable)
        return servable

    async def predict(self, asked: "Predict") -> tuple[Servable, Question, np.ndarray]:
        """Who answered, what was asked, and float32 [rows, scores].

        Raises:
            Refusal: the model, the body or a value is not what it must be.
        """
        chosen: list[Servable] = []

        def choose(key: str | None) -> tuple[RowReader, Mapping[str, TensorSignature]]:
            chosen.append(self.choose(asked, key))
            return chosen[-1].reader, chosen[-1].scorer.signatures

        served = self.directory.models.get(asked.model)
        live = served.loaded.get(served.default or 0) if served else None
        key_name = live.reader.features.key if live else None
        question = read_question(asked.body, choose, key_name=key_name, most_rows=self.limits.rows)
        return chosen[-1], question, await self.score(chosen[-1], asked, question.rows)

    def choose(self, asked: "Predict", key: str | None) -> Servable:
        """The version that answers: the one that is named, else the canary for its share of the keys, else the live one.

        Raises:
            Refusal: it is not served.
        """
        _, servable = self.directory.find(asked.model, asked.version, asked.label)
        if asked.version is None and asked.label is None:
            served = self.directory.models[asked.model]
            loaded = served.loaded.get(served.labels.get(LABELS[ServingRole.CANARY], 0))
            share = self._share(loaded) if loaded else 0.0
            if loaded and share and zlib.crc32(f"{asked.model}\0{key or asked.request_id}".encode()) < share * HASHES:
                return loaded
        return servable

    def _share(self, loaded: Servable) -> float:
        """Of the keys that a canary answers: none if it is no longer the one that is to answer, and only loaded still."""
        canary = self.canaries.get(loaded.model, Canary(loaded.version, None))
        if canary.version != loaded.version:
            return 0.0
        return self.canary_share if canary.share is None else canary.share

    async def score(self, servable: Servable, asked: "Predict", rows: FeatureRows) -> np.ndarray:
        """The scores of rows, which are remembered; a shadow is asked too, off the answer's path."""
        if not rows.packed.rows:
            return np.empty((0, servable.scorer.columns.score_count), np.float32)
        served = self.directory.models.get(servable.model)
        role = served.role(servable.version) if served else ServingRole.PREVIOUS
        request = Asked(asked.request_id, asked.received_microseconds, asked.trace_id, role, rows)
        scores = await servable.batches.score(rows.packed, request)
        self.metrics.count("request_example_count_total", rows.packed.rows, model=servable.model)
        shadow = served.loaded.get(served.labels.get(LABELS[ServingRole.SHADOW], 0)) if served else None
        if shadow is not None and shadow is not servable:
            self._ask_shadow(shadow, servable, request)
        return scores

    def _ask_shadow(self, shadow: Servable, answered: Servable, request: Asked) -> None:
        rows = request.rows.packed.rows
        if self._shadow_rows + rows > self.limits.shadow_rows:
            self.metrics.count("perennial_shadow_rows_left_out", rows, model_name=shadow.model)
            return
        self._shadow_rows += rows
        task = asyncio.get_running_loop().create_task(self._score_in_shadow(shadow, answered, request))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _score_in_shadow(self, shadow: Servable, answered: Servable, request: Asked) -> None:
        try:
            await asyncio.sleep(0)  # the answer goes first
            rows = shadow.reader.read(answered.reader.values_of(request.rows.packed))
            same = FeatureRows(rows.packed, request.rows.keys, request.rows.spans)
            await shadow.batches.score(same.packed, replace(request, role=ServingRole.SHADOW, rows=same))
        except (Refusal, PerennialError) as error:
            self.metrics.count("perennial_shadow_rows_refused", request.rows.packed.rows, model_name=shadow.model)
            log.warning("the shadow refuses a request", extra={"model": shadow.model, "version": shadow.version, "why": str(error)[:300]})
        finally:
            self._shadow_rows -= request.rows.packed.rows

    async def finish_begun(self) -> None:
        """Wait until the shadows have answered what they were asked by now."""
        if self._shadows:
            await asyncio.wait(set(self._shadows))


@dataclass(frozen=True, kw_only=True)
class Predict:
    """A request to predict."""

    model: str
    version: int | None = None
    label: str | None = None
    body: bytes
    request_id: str
    received_microseconds: int
    trace_id: str | None = None
