"""What the prediction service adds to the model's call, and the log to that: `python -m benchmarks.service.calls [SAVED_MODEL]`.

One client on a kept connection, in a process of its own. All are measured in turns in one run, so that a busy machine slows all alike.
Without a SavedModel a network with the columns of `churn` is made.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from components.cloud import Cloud
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.serving.application import Application
from components.serving.connection import Connection
from components.serving.directory import Directory, ServedModel, State, VersionState
from components.serving.loading import open_version
from components.serving.metrics import Metrics
from components.serving.remembering import LogOptions, Remembering
from components.serving.service import Limits, Service
from components.settings import read_settings
from components.training.servable import save_servable
from components.training.signatures import Column, Signatures

ROUNDS, SECONDS, WARM_UP = 7, 1.0, 300
Summary = tuple[float, float]
"""Microseconds of a request: the median, and the fastest twentieth."""
NUMBERS = ("cds", "days_since_first", "days_since_purchase", "purchases", "purchases_30_days", "purchases_90_days")
AMOUNTS = ("largest_purchase", "mean_purchase", "spend", "spend_90_days")
TEXTS = ("recency_band", "segment")


def main() -> None:
    """Measure, and print the medians in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        saved_model = Path(sys.argv[1]) if len(sys.argv) > 1 else make_model(Path(folder) / "model")
        scorer, reader = open_version(saved_model, "the model")
        row = {column.name: {"int64": 3, "float32": 2.5, "string": "a"}[column.dtype] for column in reader.features.signatures.columns}
        figures = uvloop.run(measure(scorer, reader, row, Path(folder)))
        for place, what in enumerate(("the median", "the fastest twentieth, which a busy processor slows less")):
            rounds = {name: [value[place] for value in values] for name, values in figures.items()}
            for name, values in rounds.items():
                print(f"{name:<24} {statistics.median(values):8.1f} us (of {len(values)} rounds, {min(values):.1f} to {max(values):.1f})")
            added = statistics.median(s - c for s, c in zip(rounds["service"], rounds["call"], strict=True))
            logged = statistics.median(s - c for s, c in zip(rounds["service with its log"], rounds["service"], strict=True))
            print(f"by {what}: the service adds {added:.1f} us to the call (goal: at most 150), the log {logged:.1f} us (goal: at most 25)")
        print(f"load of the machine: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


def make_model(folder: Path) -> Path:
    """A network of three layers over the columns of `churn`."""
    import tensorflow as tf

    columns = (*(Column(n, "float32") for n in AMOUNTS), *(Column(n, "int64") for n in NUMBERS), *(Column(n, "string") for n in TEXTS))
    module = tf.Module()
    sizes = [(12, 32), (32, 16), (16, 1)]
    module.weights = [tf.Variable(tf.random.stateless_normal(size, seed=[1, place])) for place, size in enumerate(sizes)]

    def score(features: dict[str, Any]) -> Any:
        texts = [tf.cast(tf.strings.to_hash_bucket_fast(features[name], 8), tf.float32) for name in TEXTS]
        values = tf.concat([*(tf.cast(features[name], tf.float32) for name in (*AMOUNTS, *NUMBERS)), *texts], axis=1)
        for weight in module.weights[:-1]:
            values = tf.nn.relu(values @ weight)
        return tf.sigmoid(values @ module.weights[-1])

    save_servable(score, Signatures(tuple(sorted(columns, key=lambda column: column.name)), 1), [module], folder)
    return folder


async def measure(scorer: Scorer, reader: RowReader, row: dict[str, object], folder: Path) -> dict[str, list[Summary]]:
    """The summary of each round by what was asked."""
    plain, logging = Service(Metrics(), Limits()), Service(Metrics(), Limits())
    settings = read_settings().model_copy(update={"state_folder": folder})
    remembering = Remembering(Cloud(settings).settings, "bench", logging.metrics, LogOptions(limit_bytes=1 << 32))
    logging.note, logging.opened = remembering.note, remembering.open
    clients = {"service": await start(plain, scorer, reader, row), "service with its log": await start(logging, scorer, reader, row)}
    figures: dict[str, list[Summary]] = {"call": [], **{name: [] for name in clients}}
    for _ in range(ROUNDS):
        figures["call"].append(time_calls(scorer, reader, row))
        for name, client in clients.items():
            client.send(SECONDS)
            figures[name].append(summary(await asyncio.to_thread(client.recv)))
    for client in clients.values():
        client.send(None)
    remembering.close()
    return figures


async def start(service: Service, scorer: Scorer, reader: RowReader, row: dict[str, object]) -> Pipe:
    """Serve the model, and have a client that is told for how long to ask, and tells the median in microseconds."""
    port = await serve_here(service, scorer, reader)
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=ask, args=(there, port, row), daemon=True).start()
    return here


async def serve_here(service: Service, scorer: Scorer, reader: RowReader) -> int:
    """Serve a model on this loop. Returns the port."""
    servable = service.servable("model", 1, scorer, reader)
    service.directory = Directory({"model": ServedModel({1: servable}, {1: VersionState(State.AVAILABLE)}, {"stable": 1}, 1)})
    application = Application(service, token=None, problems=list)
    config = uvicorn.Config(
        application, port=0, http=Connection, ws="none", lifespan="off", access_log=False, log_config=None, proxy_headers=False
    )
    server = uvicorn.Server(config)
    service.task = asyncio.create_task(server.serve())  # type: ignore[attr-defined] # so that it is not collected
    while not server.started:
        await asyncio.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


def time_calls(scorer: Scorer, reader: RowReader, row: dict[str, object]) -> Summary:
    """The model's own call, with its matrices ready."""
    packed, times, end = reader.read([row]).packed, [], time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        started = time.perf_counter()
        scorer.score(packed)
        times.append(time.perf_counter() - started)
    return summary(times)


def summary(times: list[float]) -> Summary:
    """Of durations in seconds."""
    return 1e6 * statistics.median(times), 1e6 * sorted(times)[len(times) // 20]


def ask(pipe: Pipe, port: int, row: dict[str, object]) -> None:
    """The client: as little of it as possible, so that its own time does not count for the service's."""
    body = json.dumps({"instances": [row]}).encode()
    request = b"POST /v1/models/model:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(WARM_UP):
        connection.sendall(request)
        if b" 200 " not in (answer := receive(connection)):
            raise SystemExit(answer.decode())
    while (seconds := pipe.recv()) is not None:
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            connection.sendall(request)
            receive(connection)
            times.append(time.perf_counter() - started)
        pipe.send(times)


def receive(connection: socket.socket) -> bytes:
    """An answer, whose head and body may come apart."""
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65536)
    return answer


if __name__ == "__main__":
    main()
