"""The service over gRPC: TensorFlow Serving's own client stubs, the same scores as over HTTP, its words where a call is refused."""

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from components.serving.grpc.methods import METHODS
from components.serving.grpc.server import make_grpc_server
from components.serving.service import Limits, Scored, Unanswered
from tests.components.serving.house import ROW, Client, save_house, serving
from tests.components.serving.test_http import example

SCORE = 3140.5
TOKEN = "secret"
MEANT = (("authorization", f"Bearer {TOKEN}"),)
RAW: dict[str, Any] = {"area": [[100.5]], "colour": [["red"]], "floor": [[3]], "rooms": [[4]], "present": [[True]]}


@dataclass(frozen=True)
class GrpcClient:
    """Asks over gRPC, and the same service over HTTP."""

    channel: Any
    http: Client

    def predict(self, request: predict_pb2.PredictRequest, metadata: Sequence[tuple[str, str]] = MEANT) -> Any:
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel).Predict(request, metadata=metadata, timeout=30)

    def refusal(self, request: predict_pb2.PredictRequest, metadata: Sequence[tuple[str, str]] = MEANT) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self.predict(request, metadata)
        return caught.value.code().name, caught.value.details()

    def raw_call(self, path: str, data: bytes) -> tuple[str, str]:
        call = self.channel.unary_unary(path, lambda message: message, lambda message: message)
        try:
            call(data, metadata=MEANT, timeout=30)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""


@contextmanager
def over_grpc(client: Client, problems: Callable[[], list[str]] = list) -> Iterator[GrpcClient]:
    async def begin() -> Any:
        server = make_grpc_server(client.service, TOKEN, problems, "127.0.0.1", 0)
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begin(), client.loop).result(30)
    with grpc.insecure_channel(server.address) as channel:
        yield GrpcClient(channel, client)
    asyncio.run_coroutine_threadsafe(server.stop(5), client.loop).result(30)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_house(tmp_path_factory.mktemp("house") / "1", 1 / 3)


@pytest.fixture(scope="module")
def noted() -> list[Scored]:
    return []


@pytest.fixture(scope="module")
def client(house: Path, noted: list[Scored]) -> Iterator[GrpcClient]:
    with serving({1: house}, {"stable": 1}, note=noted.append, limits=Limits(seconds=5)) as client, over_grpc(client) as asked:
        yield asked


def request_of(inputs: Mapping[str, Any], signature: str = "raw", **spec: Any) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = spec.get("name", "house")
    request.model_spec.signature_name = signature
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    if "label" in spec:
        request.model_spec.version_label = spec["label"]
    for name, value in inputs.items():
        dtype = {"f": np.float32, "i": np.int64}.get(np.array(value).dtype.kind) if isinstance(value, list) else None
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value, dtype) if isinstance(value, list) else value)
    return request


ROWS = [ROW | {"area": 1.7 + number / 7, "rooms": number % 20 + 1} for number in range(19)]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: [[row[name]] for row in rows] for name in ROW} | {"present": [[True]] * len(rows)}


def over_http(client: GrpcClient, rows: Sequence[Mapping[str, Any]]) -> Any:
    return client.http.predict({"instances": list(rows)}).json["predictions"]


def test_every_signature_gives_the_bits_that_http_gives(client: GrpcClient) -> None:
    packed = {
        "float32": [[row["area"]] for row in ROWS],
        "int64": [[row["floor"], row["rooms"]] for row in ROWS],
        "string": [[row["colour"]] for row in ROWS],
        "present": [[True]] * len(ROWS),
    }
    expected = np.array(over_http(client, ROWS), np.float32)
    for request in (
        request_of(columns_of(ROWS)),
        request_of({"examples": [example(row) for row in ROWS]}, "serving_default"),
        request_of({"examples": [example(row) for row in ROWS]}, ""),
        request_of(packed, "packed"),
    ):
        response = client.predict(request)
        assert tf.make_ndarray(response.outputs["score"]).tobytes() == expected.tobytes()
        assert (response.model_spec.name, response.model_spec.version.value) == ("house", 1)
        assert response.model_spec.signature_name == (request.model_spec.signature_name or "serving_default")


def test_tensors_may_come_as_bytes_and_what_is_missing_is_as_the_last_value(client: GrpcClient) -> None:
    def content(name: str, value: np.ndarray) -> Any:
        proto = tf.make_tensor_proto(value)
        if value.dtype.kind in "UOS":
            del proto.string_val[:]
            proto.tensor_content = bytes([len(text) for row in value for text in row]) + b"".join(
                text.encode() for row in value for text in row
            )
        else:
            proto.tensor_content = value.tobytes()
        return proto

    arrays = {name: np.array(value, np.float32 if name == "area" else None) for name, value in columns_of(ROWS).items()}
    request = request_of({name: content(name, array) for name, array in arrays.items()})
    expected = np.array(over_http(client, ROWS), np.float32)
    assert tf.make_ndarray(client.predict(request).outputs["score"]).tobytes() == expected.tobytes()
    short = request_of(RAW)
    for proto in short.inputs.values():
        proto.tensor_shape.dim[0].size = 3
    assert tf.make_ndarray(client.predict(short).outputs["score"]).tolist() == np.array(over_http(client, [ROW] * 3), np.float32).tolist()


def test_a_call_is_logged_with_its_request_id_as_over_http(client: GrpcClient, noted: list[Scored]) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    metadata = (*MEANT, ("x-request-id", "r17"), ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"))
    response, call = stub.Predict.with_call(request_of(RAW, version=1), metadata=metadata)
    asked = noted[-1].requests[0]
    assert (asked.request_id, asked.trace_id, noted[-1].scores.tolist()) == ("r17", "a" * 32, [response.outputs["score"].float_val[:]])
    assert dict(call.trailing_metadata()) == {"x-request-id": "r17", "x-model-version": "1"}


def wrong(**changed: Any) -> predict_pb2.PredictRequest:
    return request_of({name: value for name, value in (RAW | changed).items() if value is not None})


def shaped(*sizes: int) -> Any:
    proto = tf.make_tensor_proto([[1.5]], np.float32)
    del proto.tensor_shape.dim[:]
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    return proto


def filtered(*names: str) -> predict_pb2.PredictRequest:
    request = wrong()
    request.output_filter.extend(names)
    return request


INVALID, MISSING = "INVALID_ARGUMENT", "NOT_FOUND"
SIZES = (
    "input size does not match signature: 4!=5 len({colour,floor,present,roms}) != "
    "len({area,colour,floor,present,rooms}). Sent extra: {roms}. Missing but required: {area,rooms}."
)
NAMES = (
    "Signature input alias: rooms(feed name: raw_rooms:0) not found in request and no default value provided. "
    "Inputs expected to be in the request {area,colour,floor,present,roms}, or default input alias set: "
)
REFUSED: list[tuple[predict_pb2.PredictRequest, str, str]] = [
    (predict_pb2.PredictRequest(), INVALID, "Missing ModelSpec"),
    (request_of({}, name=""), INVALID, "ModelSpec has no name specified."),
    (request_of({}, name="hut"), MISSING, "Servable not found for request: Latest(hut)"),
    (request_of({}, version=9), MISSING, "Servable not found for request: Specific(house, 9)"),
    (request_of({}, version=-1), MISSING, "Servable not found for request: Specific(house, -1)"),
    (request_of({}, label="canary"), INVALID, "Unrecognized servable version label: canary"),
    (request_of({}, "x"), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
    (wrong(rooms=None, area=None, roms=[[1]]), INVALID, SIZES),
    (wrong(rooms=None, roms=[[1]]), INVALID, NAMES),
    (filtered("scores"), INVALID, "output tensor alias not found in signature: scores Outputs expected to be in the set {score}."),
    (filtered("score", "score"), INVALID, "duplicate output tensor alias: score"),
    (wrong(rooms=[["4"]]), INVALID, "input rooms is string: expected int64"),
    (wrong(area=[[4]]), INVALID, "input area is int64: expected float"),
    (wrong(area=[1.5]), INVALID, "input area has the shape [1]: expected [rows, 1]"),
    (wrong(area=shaped(1, 10**12)), INVALID, "input area has the shape [1, 1000000000000]: expected [rows, 1]"),
    (wrong(area=shaped(10**12, 1)), INVALID, "the request has 1,000,000,000,000 rows, and at most 4,096 are taken: send several requests"),
    (wrong(area=shaped(-1, 1)), INVALID, "tensor parsing error: area"),
    (wrong(area=shaped(2, 1)), INVALID, "the inputs have not the same number of rows: area 2, colour 1, floor 1, rooms 1"),
    (wrong(area=[[1.0]]), INVALID, "instances[0].area is 1.0: expected a number, at least 1.5 and at most 1000 and finite"),
    (wrong(area=[[float("nan")]]), INVALID, "instances[0].area is nan: expected a number, at least 1.5 and at most 1000 and finite"),
    (wrong(colour=[["pink"]]), INVALID, "instances[0].colour is 'pink': expected a text, one of 'bl:ue', 'red'"),
    (wrong(colour=[[b"\xff"]]), INVALID, "instances[0].colour is '\ufffd': expected a text, one of 'bl:ue', 'red'"),
    (request_of({"examples": [b"\x00\x00"]}, ""), INVALID, "instances[0] is no serialised tf.train.Example"),
    (request_of({"examples": [["a"]]}, ""), INVALID, "input examples has the shape [1, 1]: expected [rows]"),
]


@pytest.mark.parametrize(("request_", "code", "text"), REFUSED, ids=[case[2][:40] for case in REFUSED])
def test_bad_input_is_refused_in_tensorflow_servings_words(
    client: GrpcClient, request_: predict_pb2.PredictRequest, code: str, text: str
) -> None:
    assert client.refusal(request_) == (code, text)


def test_a_call_needs_the_token_and_the_health_service_needs_none(client: GrpcClient) -> None:
    code, text = client.refusal(wrong(), (("authorization", "Bearer other"),))
    assert code == "UNAUTHENTICATED" and "authorization: Bearer TOKEN" in text
    assert client.refusal(wrong(), ())[0] == "UNAUTHENTICATED"
    health = health_pb2_grpc.HealthStub(client.channel)
    for name in ("", "tensorflow.serving.PredictionService"):
        assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError, match="unknown service"):
        health.Check(health_pb2.HealthCheckRequest(service="hut"))


def test_who_watches_hears_when_a_model_is_not_loaded_and_when_the_service_ends(house: Path) -> None:
    trouble: list[str] = ["house 2 is live and not loaded"]
    with serving({1: house}, {"stable": 1}) as http:
        with over_grpc(http, lambda: trouble) as client:
            heard = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
            states = health_pb2.HealthCheckResponse
            assert next(heard).status == states.NOT_SERVING
            trouble.clear()
            assert next(heard).status == states.SERVING


def test_so_many_may_watch_and_one_who_goes_makes_room(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.serving.grpc.server.MOST_WATCHERS", 2)
    states = health_pb2.HealthCheckResponse
    with serving({1: house}, {"stable": 1}) as http:
        with over_grpc(http) as client:
            stub = health_pb2_grpc.HealthStub(client.channel)
            first, second = (stub.Watch(health_pb2.HealthCheckRequest(), timeout=30) for _ in range(2))
            assert [next(heard).status for heard in (first, second)] == [states.SERVING] * 2
            with pytest.raises(grpc.RpcError, match="2 watch already: ask with Check") as caught:
                next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=30))
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            first.cancel()
            for _ in range(100):
                with suppress(grpc.RpcError):
                    assert next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=30)).status == states.SERVING
                    break
            else:
                pytest.fail("nobody may watch instead of the one who went")


def test_metadata_and_status_are_those_of_http(client: GrpcClient) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "house"
    response = stub.GetModelMetadata(request, metadata=MEANT)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures) and response.model_spec.version.value == 1
    definitions = client.http.ask("GET", "/v1/models/house/metadata").json["metadata"]["signature_def"]["signature_def"]
    assert sorted(signatures.signature_def) == sorted(definitions)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "house"
    (one,) = model_service_pb2_grpc.ModelServiceStub(client.channel).GetModelStatus(status, metadata=MEANT).model_version_status
    assert (one.version, one.state, one.status.error_code) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE, 0)
    status.model_spec.name = "hut"
    with pytest.raises(grpc.RpcError, match="Could not find any versions of model hut"):
        model_service_pb2_grpc.ModelServiceStub(client.channel).GetModelStatus(status, metadata=MEANT)
    request.metadata_field[:] = ["x"]
    with pytest.raises(grpc.RpcError, match="Metadata field x is not supported"):
        stub.GetModelMetadata(request, metadata=MEANT)


def test_what_the_version_does_not_do_is_refused_as_tensorflow_serving_refuses_it(client: GrpcClient) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    asked = classification_pb2.ClassificationRequest()
    asked.model_spec.name = "house"
    with pytest.raises(grpc.RpcError) as caught:
        stub.Classify(asked, metadata=MEANT)
    text = "Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict"
    assert (caught.value.code().name, caught.value.details()) == (INVALID, text)
    other = regression_pb2.RegressionRequest()
    other.model_spec.name, other.model_spec.signature_name = "house", "x"
    with pytest.raises(grpc.RpcError, match="No signature was found with the name: x"):
        stub.Regress(other, metadata=MEANT)
    assert client.raw_call("/tensorflow.serving.PredictionService/MultiInference", b"")[0] == "UNIMPLEMENTED"


def test_a_refused_call_is_counted_as_over_http(client: GrpcClient) -> None:
    refused: list[Unanswered] = []
    client.http.service.refuse = refused.append
    client.predict(wrong())
    client.refusal(wrong(rooms=[[21]]), (*MEANT, ("x-request-id", "r18")))
    client.refusal(wrong(), ())
    for rows in (2**62, 4097, 4096, -7):
        client.refusal(wrong(area=shaped(rows, 1)))
    client.http.service.refuse = None
    assert [(one.model, one.request_id, one.status, one.rows) for one in refused[:1]] == [("house", "r18", 400, 1)]
    assert [one.rows for one in refused[1:]] == [4097, 4097, 4096, 1], "what a message claims is beyond what may be summed up"
    page = client.http.ask("GET", "/metrics").body.decode()
    assert ':tensorflow:serving:request_count{model_name="house",status="INVALID_ARGUMENT"}' in page
    assert ':tensorflow:serving:request_latency_count{API="Predict",entrypoint="GRPC",model_name="house"}' in page


def test_a_message_that_is_too_large_however_it_is_compressed_is_refused_and_a_slow_one_is_told(house: Path) -> None:
    with serving({1: house}, {"stable": 1}, limits=Limits(body_bytes=1 << 16, seconds=0.3)) as http, over_grpc(http) as client:
        large = request_of({"examples": [b"0" * (1 << 20)]}, "")
        assert client.refusal(large)[0] == "RESOURCE_EXHAUSTED"
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(large, metadata=MEANT, compression=grpc.Compression.Gzip, timeout=30)
        assert caught.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED), caught.value
        slow = client.channel.stream_unary("/tensorflow.serving.PredictionService/Predict", lambda m: m, lambda m: m)
        never = threading.Event()
        with pytest.raises(grpc.RpcError) as late:
            slow(iter(lambda: bytes(never.wait(30)), None), metadata=MEANT, timeout=30)
        never.set()
        assert (late.value.code().name, late.value.details()) == ("DEADLINE_EXCEEDED", "the message did not come in time")
        assert client.predict(request_of(RAW)).outputs["score"].tensor_shape.dim[0].size == 1


MESSAGES = {path: kind for path, (kind, _) in METHODS.items()}
EXPECTED = {"OK", INVALID, MISSING, "FAILED_PRECONDITION", "UNIMPLEMENTED"}


def tensors() -> st.SearchStrategy[Any]:
    def build(dtype: int, sizes: list[int], content: bytes, numbers: list[int], texts: list[bytes]) -> Any:
        proto = tf.make_tensor_proto(0)
        proto.Clear()
        proto.dtype, proto.tensor_content = dtype, content
        proto.int64_val.extend(numbers)
        proto.float_val.extend(map(float, numbers))
        proto.bool_val.extend(number % 2 == 0 for number in numbers)
        proto.string_val.extend(texts)
        for size in sizes:
            proto.tensor_shape.dim.add(size=size)
        return proto

    sizes = st.lists(st.sampled_from([-1, 0, 1, 2, 3, 4097, 2**62]), max_size=4)
    numbers = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
    return st.builds(
        build,
        st.sampled_from([0, 1, 7, 9, 10, 3, 19, 101]),
        sizes,
        st.binary(max_size=9),
        numbers,
        st.lists(st.binary(max_size=4), max_size=3),
    )


INPUTS = st.dictionaries(st.sampled_from([*RAW, "examples", "float32", "int64", "string", "x"]), tensors(), max_size=6)
CHANGED = st.one_of(INPUTS, st.dictionaries(st.sampled_from(list(RAW)), tensors(), max_size=2).map(lambda changed: RAW | changed))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(CHANGED, st.sampled_from(["raw", "packed", "serving_default", "", "y"]), st.lists(st.text(max_size=3), max_size=2))
def test_no_request_breaks_the_service(client: GrpcClient, inputs: dict[str, Any], signature: str, outputs: list[str]) -> None:
    request = request_of(inputs, signature)
    request.output_filter.extend(outputs)
    code, text = client.raw_call("/tensorflow.serving.PredictionService/Predict", request.SerializeToString())
    assert code in EXPECTED, text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=60), st.booleans(), st.integers(0, 400))
def test_no_bytes_break_the_service(client: GrpcClient, path: str, data: bytes, is_whole: bool, place: int) -> None:
    whole = request_of(RAW).SerializeToString()
    code, text = client.raw_call(path, data if is_whole else whole[:place] + data + whole[place + len(data) :])
    assert code in EXPECTED, text


def test_http_answers_on(client: GrpcClient) -> None:
    assert client.http.predict({"instances": [{"b64": base64.b64encode(example(ROW)).decode()}]}).json == {
        "predictions": over_http(client, [ROW])
    }
