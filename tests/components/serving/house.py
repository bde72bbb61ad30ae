"""A small version with features of every kind, and a service of it over HTTP in this process."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from components.serving.application import Application
from components.serving.connection import Connection
from components.serving.directory import Directory, ServedModel, State, VersionState
from components.serving.loading import open_version
from components.serving.metrics import Metrics
from components.serving.service import Limits, Note, Servable, Service
from components.storage.manifest import CODE
from components.training.servable import save_servable
from components.training.signatures import Column, Signatures

COLUMNS = (
    Column("area", "float32"),
    Column("colour", "string"),
    Column("floor", "int64", optional=True),
    Column("rooms", "int64"),
)
SCHEMA = """
feature { name: "area" type: FLOAT float_domain { min: 1.5 max: 1000 disallow_nan: true disallow_inf: true } }
feature { name: "colour" type: BYTES domain: "colours" }
feature { name: "floor" type: INT }
feature { name: "rooms" type: INT int_domain { min: 1 max: 20 } }
string_domain { name: "colours" value: "red" value: "bl:ue" }
"""
MODEL_TOML = '[rows]\nkey = "house_id"\nspan = "day"\n'
ROW: dict[str, Any] = {"area": 100.5, "colour": "red", "floor": 3, "rooms": 4}


def save_house(folder: Path, factor: float = 1.0) -> Path:
    """Scores are factor x (area + 10 rooms + 1000 floors + 10000 if blue)."""
    import tensorflow as tf

    network = tf.Module()
    network.factor = tf.Variable(factor)

    def score(features: Mapping[str, Any]) -> Any:
        absent = features["floor"]
        floor = tf.sparse.to_dense(tf.SparseTensor(absent.indices, absent.values, [absent.dense_shape[0], 1]), default_value=0)
        blue = tf.cast(tf.equal(features["colour"], "bl:ue"), tf.float32)
        rooms = tf.cast(features["rooms"], tf.float32)
        return network.factor * (features["area"] + 10.0 * rooms + 1000.0 * tf.cast(floor, tf.float32) + 10000.0 * blue)

    save_servable(score, Signatures(COLUMNS, 1), [network], folder)
    (folder / CODE).mkdir(parents=True)
    (folder / CODE / "schema.pbtxt").write_text(SCHEMA)
    (folder / CODE / "model.toml").write_text(MODEL_TOML)
    return folder


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


@dataclass(frozen=True)
class Client:
    """Asks a service."""

    port: int
    service: Service
    loop: asyncio.AbstractEventLoop

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
            reply = connection.getresponse()
            return Reply(reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()})
        finally:
            connection.close()

    def predict(self, body: object, **headers: str) -> Reply:
        return self.ask("POST", "/v1/models/house:predict", body, **headers)


@contextmanager
def serving(
    folders: Mapping[int, Path],
    labels: Mapping[str, int],
    *,
    token: str | None = None,
    limits: Limits | None = None,
    canary_share: float = 0.0,
    note: Note | None = None,
    problems: Callable[[], list[str]] = list,
) -> Iterator[Client]:
    """A service of versions of the model `house`."""
    service = Service(Metrics(), limits or Limits(), canary_share, note)
    versions: dict[int, Servable] = {}
    for version, folder in folders.items():
        versions[version] = service.servable("house", version, *open_version(folder, f"house {version}"))
    states = {version: VersionState(State.AVAILABLE) for version in versions}
    service.directory = Directory({"house": ServedModel(versions, states, labels, labels.get("stable"))})
    application = Application(service, token=token, problems=problems)
    config = uvicorn.Config(application, port=0, http=Connection, ws="none", lifespan="off", log_config=None, access_log=False)
    server, loop = uvicorn.Server(config), asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    yield Client(server.servers[0].sockets[0].getsockname()[1], service, loop)
    server.should_exit = True
    thread.join()
    loop.close()
    for servable in versions.values():
        servable.scorer.close()
