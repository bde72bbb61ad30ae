"""Clients in a process of their own, each with a kept connection, who ask again as soon as they are answered."""

import asyncio
import multiprocessing
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe

import uvloop


@dataclass(frozen=True)
class Load:
    """What is asked, by how many at a time, and for how long."""

    port: int
    path: str
    body: bytes
    clients: int
    seconds: float

    @property
    def request(self) -> bytes:
        """With its head."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


@dataclass(frozen=True)
class Answered:
    """When requests began, in seconds since the first could, and how long each took."""

    begun: list[float]
    seconds: list[float]
    refused: int
    """Answers other than 200; they count among the others too."""


def start_clients() -> Pipe:
    """A process that is sent a `Load`, and answers with what came of it; None ends it."""
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=_ask, args=(there,), daemon=True).start()
    return here


def _ask(pipe: Pipe) -> None:
    while (load := pipe.recv()) is not None:
        pipe.send(uvloop.run(_run(load)))


async def _run(load: Load) -> Answered:
    loop, round_ = asyncio.get_running_loop(), _Round(load, time.perf_counter())
    clients = [await loop.create_connection(lambda: _Client(round_), "127.0.0.1", load.port) for _ in range(load.clients)]
    await asyncio.gather(*(client.is_done for _, client in clients))
    return Answered(round_.begun, round_.seconds, round_.refused)


@dataclass
class _Round:
    load: Load
    start: float
    begun: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def note(self, began: float, now: float, answer: bytes) -> None:
        self.begun.append(began - self.start)
        self.seconds.append(now - began)
        self.refused += not answer.startswith(b"HTTP/1.1 200 ")


class _Client(asyncio.Protocol):
    """Takes an answer for whole when it ends as JSON does: head and body may come apart."""

    def __init__(self, round_: _Round) -> None:
        self.round, self.request = round_, round_.load.request
        self.is_done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment] # of TCP
        self.ask()

    def ask(self) -> None:
        self.answer, self.began = b"", time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not self.answer.endswith(b"}"):
            return
        now = time.perf_counter()
        self.round.note(self.began, now, self.answer)
        if now - self.round.start < self.round.load.seconds:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if not self.is_done.done():
            self.is_done.set_result(None)
