"""Micro-batches: rows of several requests in one call. Nobody waits for company: what one turn of the event loop has read goes together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.scoring.scorer import MOST_ROWS_OF_A_CALL, PackedRows, Scorer, joined

BeforeAnswers = Callable[[Sequence["Waiting"], np.ndarray, float], None]
"""Is called with what was scored, the scores, and the seconds it took, before any request gets its answer."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A request's rows that wait for their scores."""

    packed: PackedRows
    request: object
    """What the log is told of the request."""
    future: "asyncio.Future[np.ndarray]"


class Batches:
    """The micro-batches of a version. It works on the event loop's thread: a call takes less than a hop to another one."""

    def __init__(self, scorer: Scorer, before_answers: BeforeAnswers) -> None:
        """`before_answers` is called once a batch."""
        self._scorer, self._before_answers = scorer, before_answers
        self._waiting: list[Waiting] = []

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    async def score(self, packed: PackedRows, request: object) -> np.ndarray:
        """float32 [rows, scores]."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(packed, request, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await waiting.future

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch: list[Waiting] = []
        rows = 0
        for one in waiting:
            if batch and rows + one.packed.rows > MOST_ROWS_OF_A_CALL:
                self._call(batch)
                batch, rows = [], 0
            batch.append(one)
            rows += one.packed.rows
        self._call(batch)

    def _call(self, batch: Sequence[Waiting]) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            scores = self._scorer.score(joined([one.packed for one in batch]))
            self._before_answers(batch, scores, clock() - started)
        except BaseException as error:  # each request has to hear of it, or waits for ever
            for one in batch:
                if not one.future.done():
                    one.future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        start = 0
        for one in batch:
            if not one.future.done():
                one.future.set_result(scores[start : start + one.packed.rows])
            start += one.packed.rows
