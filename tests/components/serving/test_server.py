"""The service as a process: what it imports, whom it answers, how it ends."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from components.cloud import Cloud
from components.serving.explanation import explain_request
from components.settings import Settings
from tests.components.deployment.shop import Shop, shop  # noqa: F401
from tests.components.served_model import saved_model  # noqa: F401

PREDICT = "/tensorflow.serving.PredictionService/Predict"
IMPORTS = """
import sys
import components.serving.server, pipelines.cli.commands.serving
from components.scoring.scorer import environment
environment()
print([name for name in ("tfx", "apache_beam", "kfp", "tensorflow_model_analysis", "tensorflow_transform") if name in sys.modules])
"""


def test_the_service_imports_neither_tfx_nor_beam() -> None:
    assert subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that say the same as the settings."""
    values = settings.model_dump(mode="json", exclude_none=True)
    texts = {name: json.dumps(value) if isinstance(value, list) else str(value) for name, value in values.items()}
    return {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")} | {
        f"PERENNIAL_{name.upper()}": value for name, value in texts.items()
    }


@contextlib.contextmanager
def running(settings: Settings, target: str) -> Iterator[tuple["subprocess.Popen[str]", int, int]]:
    """`perennial serve`, once it is ready, and its ports of HTTP and gRPC."""
    command = [sys.executable, "-m", "pipelines", "serve", "--target", target, "--port", "0", "--grpc-port", "0"]
    process = subprocess.Popen(command, env=environment_of(settings), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = next((line for line in process.stderr if line.startswith("serving")), "")
    assert address, process.wait()
    threading.Thread(target=process.stderr.read, daemon=True).start()
    ports = [int(port) for port in re.findall(r":(\d+)", address)]
    yield process, ports[0], ports[1]
    process.terminate()
    process.wait(60)


def ask(settings: Settings, port: int, model: str, number: int) -> None:
    token = (settings.state_folder / "serving" / "token").read_text()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"instances": [{"seconds": number / 7}, {"seconds": -number / 3}]})
    connection.request("POST", f"/v1/models/{model}:predict", body, {"X-Request-Id": f"r{number}", "Authorization": f"Bearer {token}"})
    reply = connection.getresponse()
    assert (reply.status, len(json.loads(reply.read())["predictions"])) == (200, 2)
    connection.close()


def packed(settings: Settings, model: str, number: int) -> tuple[predict_pb2.PredictRequest, tuple[tuple[str, str], ...]]:
    """Two rows, and the metadata of their call."""
    token = (settings.state_folder / "serving" / "token").read_text()
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, "packed"
    request.inputs["float32"].CopyFrom(tf.make_tensor_proto([[number / 7], [-number / 3]], tf.float32))
    return request, (("x-request-id", f"r{number}"), ("authorization", f"Bearer {token}"))


def ask_grpc(settings: Settings, port: int, model: str, number: int) -> None:
    request, metadata = packed(settings, model, number)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, metadata=metadata, timeout=30)
    assert len(response.outputs["score"].float_val) == 2


def end_with_calls_in_flight(settings: Settings, process: "subprocess.Popen[str]", port: int, model: str, number: int) -> None:
    """One whose message comes after SIGTERM is answered; one whose message never comes ends with Ctrl-C, not by its time."""
    request, metadata = packed(settings, model, number)
    is_ending, is_over = threading.Event(), threading.Event()

    def messages(event: threading.Event) -> Iterator[bytes]:
        event.wait(60)
        yield request.SerializeToString()

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        states = health_pb2.HealthCheckResponse
        heard = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(heard).status == states.SERVING
        predict = channel.stream_unary(PREDICT, lambda message: message, predict_pb2.PredictResponse.FromString)
        begun, hanging = (predict.future(messages(event), metadata=metadata, timeout=60) for event in (is_ending, is_over))
        assert health.Check(health_pb2.HealthCheckRequest()).status == states.SERVING  # on the same connection, after the calls
        process.terminate()
        assert next(heard).status == states.NOT_SERVING
        is_ending.set()
        assert len(begun.result().outputs["score"].float_val) == 2
        process.send_signal(signal.SIGINT)
        assert hanging.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE), hanging.details()
        is_over.set()


def test_what_is_answered_is_logged_once_and_explained_to_the_bit_although_the_service_is_killed(shop: Shop, tmp_path: Path) -> None:  # noqa: F811
    settings = shop.cloud.settings.model_copy(update={"state_folder": tmp_path / "state", "models_folder": tmp_path / "models"})
    shop.deploy(shop.make())
    answered = 0
    for kill in (True, False):
        with running(settings, shop.target) as (process, port, grpc_port):
            for _ in range(100):
                if answered % 2:
                    ask_grpc(settings, grpc_port, shop.model, answered)
                else:
                    ask(settings, port, shop.model, answered)
                answered += 1
            if kill:
                process.kill()
            else:
                end_with_calls_in_flight(settings, process, grpc_port, shop.model, answered)
                answered += 1
    token = settings.state_folder / "serving" / "token"
    assert (token.stat().st_mode & 0o777, process.returncode) == (0o600, 0)
    segments = settings.state_folder / "serving" / "log" / shop.target / shop.model
    assert not list(segments.glob("*.segment")), "the service ended before its log was shipped"
    query = f"SELECT request_id, instance, role, score FROM predictions.{shop.model}"
    rows = list(shop.cloud.warehouse.query(query).result())
    assert sorted((row.request_id, row.instance) for row in rows) == sorted((f"r{n}", place) for n in range(201) for place in (0, 1))
    assert {row.role for row in rows} == {"live"}
    found = explain_request(Cloud(settings), shop.model, (f"predictions.{shop.model}", "event_date"), "r77")
    assert [(one.instance, one.is_equal, one.features["seconds"]) for one in found] == [
        (0, True, float(np.float32(11))),
        (1, True, float(np.float32(-77 / 3))),
    ]
