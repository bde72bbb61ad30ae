"""The service over HTTP: both protocols, what it refuses and how, roles, limits, the token."""

import asyncio
import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.serving.answering import Answer, HttpCall
from components.serving.service import Limits, Scored, Service, Unanswered
from components.storage.manifest import CODE
from tests.components.serving.house import ROW, Client, save_house, serving

SCORE = 3140.5
TRUTHS = "expected true and false"
DEEP = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: A tensor has at most 254 dimensions"
BOTH = (
    'JSON Value: {\n    "inputs": 1,\n    "instances": [1]\n} '
    "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
)
LACKS = "expected a number, at least 1.5 and at most 1000 and finite"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_house(tmp_path_factory.mktemp("house") / "1")


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_house(tmp_path_factory.mktemp("house") / "2", 2.0)


@pytest.fixture(scope="module")
def client(house: Path) -> Iterator[Client]:
    with serving({1: house}, {"stable": 1}) as client:
        yield client


def example(row: dict[str, Any]) -> bytes:
    kinds = {int: "int64_list", float: "float_list", str: "bytes_list"}
    features = {
        name: tf.train.Feature(**{kinds[type(value)]: {"value": [value.encode() if isinstance(value, str) else value]}})
        for name, value in row.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()  # type: ignore[no-any-return]


def in_base64(row: dict[str, Any]) -> dict[str, str]:
    return {"b64": base64.b64encode(example(row)).decode()}


WITHOUT_FLOOR = {name: value for name, value in ROW.items() if name != "floor"}
ANSWERED: list[tuple[object, object]] = [
    ({"instances": [ROW]}, {"predictions": [[SCORE]]}),
    ({"instances": [ROW, WITHOUT_FLOOR, ROW | {"colour": "bl:ue"}]}, {"predictions": [[SCORE], [140.5], [13140.5]]}),
    ({"instances": [ROW | {"floor": None}]}, {"predictions": [[140.5]]}),
    ({"instances": [ROW | {"rooms": [4]}]}, {"predictions": [[SCORE]]}),
    ({"instances": [ROW | {"house_id": "h1", "day": "2013-05-01"}]}, {"predictions": [[SCORE]]}),
    ({"instances": [ROW | {"house_id": 17}]}, {"predictions": [[SCORE]]}),
    ({"instances": [ROW | {"area": 100}]}, {"predictions": [[3140.0]]}),
    ({"instances": [in_base64(ROW)]}, {"predictions": [[SCORE]]}),
    ({"instances": [in_base64(ROW | {"label": 1, "house_id": "h1"})]}, {"predictions": [[SCORE]]}),
    ({"instances": [{"examples": in_base64(WITHOUT_FLOOR)}]}, {"predictions": [[140.5]]}),
    ({"inputs": {"examples": [in_base64(ROW)]}}, {"outputs": [[SCORE]]}),
    (
        {"signature_name": "raw", "instances": [{"area": [100.5], "colour": ["red"], "floor": [3], "rooms": [4], "present": [True]}]},
        {"predictions": [[SCORE]]},
    ),
    (
        {
            "signature_name": "packed",
            "inputs": {"float32": [[100.5]], "int64": [[3, 4]], "string": [["red"]], "present": [[False]]},
        },
        {"outputs": [[140.5 + 3000 * 0]]},
    ),
    (b'{"instances": [' + b",".join([json.dumps(ROW).encode()] * 1500) + b"]}", {"predictions": [[SCORE]] * 1500}),
]


@pytest.mark.parametrize(("body", "answer"), ANSWERED)
def test_a_request_is_answered(client: Client, body: object, answer: object) -> None:
    reply = client.predict(body)
    assert (reply.status, reply.json) == (200, answer)
    assert reply.headers["x-model-version"] == "1"


REFUSED: list[tuple[str, object, int, str]] = [
    ("empty", b"", 400, "JSON Parse error: The document is empty"),
    ("malformed", b'{"instances": [1', 400, "JSON Parse error: Missing a comma or ']' after an array element. at offset: 16"),
    ("no rows", {"instances": []}, 400, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
    ("no object", b"[1]", 400, "JSON Value: [1] Is not object"),
    ("deep", b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, DEEP),
    ("missing", {"instances": [WITHOUT_FLOOR, {"colour": "red", "rooms": 1}]}, 400, f"instances[1] lacks the field area: {LACKS}"),
    ("null", {"instances": [ROW | {"area": None}]}, 400, f"instances[0].area is null: {LACKS}"),
    (
        "unknown",
        {"instances": [ROW | {"room": 1}]},
        400,
        "instances[0] has the field room, which is none of house 1: did you mean rooms?",
    ),
    (
        "nothing like it",
        {"instances": [ROW | {"x\u202e": 1}]},
        400,
        "instances[0] has the field x\\u202e, which is none of house 1: it has area, colour, floor, rooms, house_id, day",
    ),
    ("text for a number", {"instances": [ROW | {"area": "100"}]}, 400, f"instances[0].area is '100': {LACKS}"),
    (
        "fraction",
        {"instances": [ROW | {"rooms": 4.0}]},
        400,
        "instances[0].rooms is 4.0: expected a whole number, at least 1 and at most 20",
    ),
    (
        "truth",
        {"instances": [ROW | {"rooms": True}]},
        400,
        "instances[0].rooms is True: expected a whole number, at least 1 and at most 20",
    ),
    ("number for a text", {"instances": [ROW | {"colour": 1}]}, 400, "instances[0].colour is 1: expected a text, one of 'bl:ue', 'red'"),
    (
        "unknown category",
        {"instances": [ROW | {"colour": "pink"}]},
        400,
        "instances[0].colour is 'pink': expected a text, one of 'bl:ue', 'red'",
    ),
    (
        "too high",
        {"instances": [ROW, ROW | {"rooms": 21}]},
        400,
        "instances[1].rooms is 21: expected a whole number, at least 1 and at most 20",
    ),
    ("beyond int64", {"instances": [ROW | {"floor": 2**63}]}, 400, "instances[0].floor is 9223372036854775808: expected a whole number"),
    ("far beyond int64", {"instances": [ROW | {"floor": 10**30}]}, 400, "instances[0].floor is 1e+30: expected a whole number"),
    ("NaN", b'{"instances": [{"area": NaN, "colour": "red", "rooms": 4}]}', 400, f"instances[0].area is nan: {LACKS}"),
    ("infinite", b'{"instances": [{"area": Infinity, "colour": "red", "rooms": 4}]}', 400, f"instances[0].area is inf: {LACKS}"),
    ("beyond float32", {"instances": [ROW | {"area": 1e39}]}, 400, f"instances[0].area is 1e+39: {LACKS}"),
    (
        "two values",
        {"instances": [ROW | {"rooms": [1, 2]}]},
        400,
        "instances[0].rooms is [1, 2]: expected a whole number, at least 1 and at most 20",
    ),
    (
        "twice",
        b'{"instances": [{"area": 100.5, "colour": "red", "rooms": 4, "rooms": 5}]}',
        400,
        "instances[0] has the field rooms twice: give it once",
    ),
    (
        "no row",
        {"instances": [ROW, 5]},
        400,
        "instances[1] is 5: expected an object with the fields area, colour, floor, rooms, house_id, day",
    ),
    (
        "a key that is none",
        {"instances": [ROW | {"house_id": 1.5}]},
        400,
        "instances[0].house_id is 1.5: expected a text or a whole number, the row's key",
    ),
    ("a number for a date", {"instances": [ROW | {"day": 20130501}]}, 400, "instances[0].day is 20130501: expected a date, YYYY-MM-DD"),
    ("a date that is none", {"instances": [ROW | {"day": "1.5.2013"}]}, 400, "instances[0].day is '1.5.2013': expected a date, YYYY-MM-DD"),
    ("no Example", {"instances": [{"b64": "AAAA"}]}, 400, "instances[0] is no serialised tf.train.Example"),
    ("signature", {"signature_name": "x", "instances": [1]}, 400, 'Serving signature name: "x" not found in signature def'),
    (
        "both",
        {"inputs": 1, "instances": [1]},
        400,
        BOTH,
    ),
    ("10,000 rows", {"instances": [ROW] * 10_000}, 400, "the request has 10,000 rows, and at most 4,096 are taken: send several requests"),
    ("9 MB", b" " * (9 << 20), 413, "the body has more than 8,388,608 bytes: send several requests"),
    (
        "hostile",
        {"instances": [ROW | {"colour": "'; DROP TABLE x; --\u0000<script>"}]},
        400,
        "instances[0].colour is \"'; DROP TABLE x; --\\x00<script>\": expected a text, one of 'bl:ue', 'red'",
    ),
]


@pytest.mark.parametrize(("body", "status", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_input_is_refused_with_the_field_the_value_and_what_is_allowed(client: Client, body: object, status: int, error: str) -> None:
    reply = client.predict(body)
    assert (reply.status, reply.error) == (status, error)
    assert client.predict({"instances": [ROW]}).json == {"predictions": [[SCORE]]}


RAW: dict[str, Any] = {"area": [[100.5]], "colour": [["red"]], "floor": [[3]], "rooms": [[4]], "present": [[True]]}
PACKED: dict[str, Any] = {"float32": [[100.5]], "int64": [[3, 4]], "string": [["red"]], "present": [[True]]}
MISSHAPEN: list[tuple[str, str, dict[str, Any], str]] = [
    ("none", "raw", {"present": [[]]}, f"present is bool of the shape [1, 0]: {TRUTHS}, [1, 1]"),
    ("flat", "raw", {"present": [True]}, f"present is bool of the shape [1]: {TRUTHS}, [1, 1]"),
    ("wide", "raw", {"present": [[True, True]]}, f"present is bool of the shape [1, 2]: {TRUTHS}, [1, 1]"),
    ("long", "raw", {"present": [[True], [True]]}, f"present is bool of the shape [2, 1]: {TRUTHS}, [1, 1]"),
    (
        "no UTF-8",
        "packed",
        {"string": [[{"b64": "//4="}]]},
        "instances[0].colour is '\ufffd\ufffd': expected a text, one of 'bl:ue', 'red'",
    ),
]


@pytest.mark.parametrize(("signature", "changed", "error"), [case[1:] for case in MISSHAPEN], ids=[case[0] for case in MISSHAPEN])
def test_tensors_that_do_not_fit_are_refused(client: Client, signature: str, changed: dict[str, Any], error: str) -> None:
    inputs = (RAW if signature == "raw" else PACKED) | changed
    reply = client.predict({"signature_name": signature, "inputs": inputs})
    assert (reply.status, reply.error) == (400, error)


def test_a_text_that_is_no_text_fails_nobody_elses_request(tmp_path: Path) -> None:
    """Without a list of values in the schema nothing but the log would find it."""
    folder = save_house(tmp_path / "1")
    (folder / CODE / "schema.pbtxt").write_text("")
    with serving({1: folder}, {"stable": 1}) as client:
        reply = client.predict({"signature_name": "packed", "inputs": PACKED | {"string": [[{"b64": "//4="}]]}})
    assert (reply.status, reply.error) == (400, "instances[0].colour is '\ufffd\ufffd': expected a text")


def test_a_request_without_rows_is_answered_and_not_logged(house: Path) -> None:
    noted: list[Scored] = []
    with serving({1: house}, {"stable": 1}, note=noted.append) as client:
        assert client.predict({"inputs": {"examples": []}}).json == {"outputs": []}
    assert noted == []


PATHS = [
    ("POST", "/v1/models/hut:predict", 404, "Servable not found for request: Latest(hut)"),
    ("POST", "/v1/models/house/versions/9:predict", 404, "Servable not found for request: Specific(house, 9)"),
    ("POST", "/v1/models/house/labels/canary:predict", 400, "Unrecognized servable version label: canary"),
    ("GET", "/v1/models/house:predict", 400, "Malformed request: GET /v1/models/house:predict"),
    ("GET", "/v1/models/hut", 404, "Could not find any versions of model hut"),
    ("GET", "/v2/models/hut", 404, "Servable not found for request: Latest(hut)"),
    ("GET", "/v2/models/house/versions/x", 404, "x is not the number of a version"),
    ("GET", "/v2/models/house/infer", 405, "/v2/models/house/infer takes POST, not GET"),
]


@pytest.mark.parametrize(("method", "path", "status", "error"), PATHS)
def test_an_unknown_model_version_or_path_is_refused(client: Client, method: str, path: str, status: int, error: str) -> None:
    reply = client.ask(method, path, {"instances": [ROW]} if method == "POST" else None)
    assert (reply.status, reply.error) == (status, error)


@pytest.mark.parametrize(("verb", "what"), [("classify", "classification"), ("regress", "regression")])
def test_a_version_neither_classifies_nor_regresses(client: Client, verb: str, what: str) -> None:
    reply = client.ask("POST", f"/v1/models/house:{verb}", {"examples": [ROW]})
    named = f"Expected {what} signature method_name to be tensorflow/serving/{verb}. Was: tensorflow/serving/predict"
    assert (reply.status, reply.error) == (400, named)
    large = client.ask("POST", f"/v1/models/house:{verb}", b"{" * 300_000)
    assert (large.status, large.error) == (400, named), "the slow reader read it"


def test_the_metadata_name_the_signatures(client: Client) -> None:
    answer = client.ask("GET", "/v1/models/house/metadata").json
    assert answer["model_spec"] == {"name": "house", "signature_name": "", "version": "1"}
    assert {"serving_default", "raw", "packed"} <= answer["metadata"]["signature_def"]["signature_def"].keys()


def tensor(name: str, datatype: str, data: list[object], shape: list[int] | None = None) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data), 1], "data": data}


HOUSES = [tensor("area", "FP32", [100.5, 1.5]), tensor("colour", "BYTES", ["red", "red"]), tensor("rooms", "INT64", [4, 1])]


def test_the_open_inference_protocol_answers_with_typed_tensors(client: Client) -> None:
    reply = client.ask("POST", "/v2/models/house/versions/1/infer", {"id": "7", "inputs": HOUSES})
    output = {"name": "score", "datatype": "FP32", "shape": [2, 1], "data": [140.5, 11.5]}
    assert reply.json == {"model_name": "house", "model_version": "1", "id": "7", "outputs": [output]}


SIZES = "expected a list of at most 32 whole numbers, the first for the rows"
INFERENCES: list[tuple[object, str]] = [
    (b"{", "the body is no JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ({}, "the body needs `inputs`, a list of tensors"),
    ({"inputs": [{}]}, "inputs[0] needs a `name`"),
    (
        {"inputs": [tensor("area", "FP16", [1])]},
        "input area has the datatype FP16: expected one of INT64, INT32, INT16, INT8, FP64, FP32, BOOL, BYTES",
    ),
    ({"inputs": [tensor("area", "FP32", [1], [0])]}, f"input area has the shape [0]: {SIZES}"),
    ({"inputs": [tensor("area", "FP32", [1], [1] * 33)]}, f"input area has the shape {str([1] * 33)[:80]}… (19 more characters): {SIZES}"),
    ({"inputs": [tensor("present", "BOOL", [True], [1])]}, "the inputs have no rows: give area, colour, floor, rooms"),
    ({"inputs": [*HOUSES, tensor("present", "INT64", [1, 0], [2, 1])]}, f"present is int64 of the shape [2, 1]: {TRUTHS}, [2, 1]"),
    ({"inputs": [tensor("area", "FP32", [1], [2])]}, "input area has 1 values, and its shape is [2]"),
    ({"inputs": [tensor("rooms", "INT64", [1.5])]}, "input rooms has the value 1.5, which is no INT64"),
    ({"inputs": [tensor("rooms", "INT8", [300])]}, "input rooms has a value beyond INT8"),
    ({"inputs": [tensor("area", "FP32", [1e39])]}, "input area has a value beyond FP32"),
    ({"inputs": [tensor("area", "FP64", [5, -1e39]), *HOUSES[1:]]}, f"instances[1].area is -1e+39: {LACKS}"),
    ({"inputs": [*HOUSES, HOUSES[0]]}, "input area is given twice"),
    (
        b'{"id": "1", "id": "2", "inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]}',
        "an object of the body has a key twice, or is nested too deep",
    ),
    ({"inputs": HOUSES[1:]}, f"instances[0] lacks the field area: {LACKS}"),
    ({"inputs": [*HOUSES[1:], tensor("area", "FP32", [5.0])]}, "the inputs have not the same number of rows: area 1, colour 2, rooms 2"),
]


@pytest.mark.parametrize(("body", "error"), INFERENCES)
def test_bad_tensors_are_refused_by_name(client: Client, body: object, error: str) -> None:
    reply = client.ask("POST", "/v2/models/house/infer", body)
    assert (reply.status, reply.error) == (400, error)


def test_the_other_endpoints_of_the_open_inference_protocol_answer(client: Client) -> None:
    assert client.ask("GET", "/v2").json["name"] == "perennial"
    assert client.ask("GET", "/v2/health/live").json == {"live": True}
    assert client.ask("GET", "/v2/health/ready").status == 200
    assert client.ask("GET", "/v2/models/house/ready").json == {"name": "house", "ready": True}
    metadata = client.ask("GET", "/v2/models/house/versions/1").json
    assert metadata["inputs"][0] == {"name": "area", "datatype": "FP32", "shape": [-1, 1]}
    assert metadata["outputs"] == [{"name": "score", "datatype": "FP32", "shape": [-1, 1]}]


def test_health_metrics_and_the_description_are_served(client: Client) -> None:
    client.predict({"instances": [ROW]})
    metrics = client.ask("GET", "/monitoring/prometheus/metrics").body.decode()
    assert ':tensorflow:serving:request_count{model_name="house",status="OK"}' in metrics
    assert ':tensorflow:serving:request_latency_bucket{API="predict",entrypoint="REST",le="10.0",model_name="house"}' in metrics
    assert 'http_server_request_duration_seconds_count{http_request_method="POST"' in metrics
    assert client.ask("GET", "/healthz").body == b"ok\n"
    assert client.ask("GET", "/openapi.json").json["components"]["schemas"]["house"]["properties"]["colour"]["enum"] == ["bl:ue", "red"]
    assert b"at least 1.5 and at most 1000" in client.ask("GET", "/docs").body


def test_ids_and_traces_are_repeated(client: Client) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    reply = client.predict({"instances": [ROW]}, x_request_id="mine-1", traceparent=trace)
    assert (reply.headers["x-request-id"], reply.headers["traceparent"]) == ("mine-1", trace)
    assert client.predict({"instances": [ROW]}, x_request_id="<script>").headers["x-request-id"].isalnum()


def test_requests_that_are_not_answered_are_told_with_their_status_and_rows(house: Path) -> None:
    told: list[Unanswered] = []
    with serving({1: house}, {"stable": 1}, token="secret", limits=Limits(body_bytes=2_000)) as client:
        client.service.refuse = told.append
        known = {"authorization": "Bearer secret"}
        assert client.predict({"instances": [ROW]}, **known).status == 200
        assert client.predict({"instances": [ROW, {}, ROW]}, x_request_id="bad-1", **known).status == 400
        assert client.predict(b"{", **known).status == 400
        assert client.predict(b" " * 3_000, **known).status == 413
        assert client.ask("POST", "/v2/models/house/infer", b"{}", **known).status == 400
        others = [("POST", "/v1/models/other:predict"), ("GET", "/v1/models/house/versions/9"), ("GET", "/v1/models/house:predict")]
        for method, path in others:
            assert client.ask(method, path, **known).status in (400, 404)
        assert client.predict({"instances": []}).status == 401
    assert {one.model for one in told} == {"house"}
    assert [(one.status, one.rows) for one in told] == [(400, 3), (400, 1), (413, 1), (400, 1)]
    assert told[0].request_id == "bad-1"


def test_a_token_is_asked_for_except_by_probes(house: Path) -> None:
    with serving({1: house}, {"stable": 1}, token="secret") as client:
        reply = client.predict({"instances": [ROW]})
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        assert client.predict({"instances": [ROW]}, authorization="Bearer wrong").status == 401
        assert client.predict({"instances": [ROW]}, authorization="Bearer secret").status == 200
        assert [client.ask("GET", path).status for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 401]


def test_a_browser_reads_the_pages_with_the_token_as_password(house: Path) -> None:
    def basic(text: str) -> str:
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    with serving({1: house}, {"stable": 1}, token="secret") as client:
        for path in ("/docs", "/openapi.json"):
            reply = client.ask("GET", path)
            assert (reply.status, reply.headers["www-authenticate"].split()[0]) == (401, "Basic")
            assert client.ask("GET", path, authorization=basic("anybody:secret")).status == 200
            assert client.ask("GET", path, authorization="Bearer secret").status == 200
            for wrong in (basic("secret:"), basic("secret"), basic("anybody:secret2"), basic(":"), "Basic ***", "Basic", "Basic \xe9"):
                assert client.ask("GET", path, authorization=wrong).status == 401, wrong
        assert client.predict({"instances": [ROW]}, authorization=basic("anybody:secret")).status == 401
        assert client.ask("GET", "/metrics", authorization=basic("anybody:secret")).status == 401


def test_the_service_is_not_ready_while_a_live_model_is_not_loaded(house: Path) -> None:
    with serving({1: house}, {"stable": 1}, problems=lambda: ["house 2 is live and not loaded"]) as client:
        reply = client.ask("GET", "/readyz")
        assert (reply.status, reply.body) == (503, b"house 2 is live and not loaded\n")


def test_a_slow_sender_is_cut_off(house: Path) -> None:
    with serving({1: house}, {"stable": 1}, limits=Limits(seconds=0.2)) as client:
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(b"POST /v1/models/house:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == 408
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(b"POST /v1/models/house:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert client.predict({"instances": [ROW]}).status == 200


def first_line(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        return connection.recv(65536).split(b"\r\n")[0]


def test_headers_that_are_late_or_too_long_are_refused(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.serving.connection.HEAD_SECONDS", 0.2)
    with serving({1: house}, {"stable": 1}) as client:
        assert first_line(client.port, b"GET /healthz HTT").startswith(b"HTTP/1.1 408")
        assert first_line(client.port, b"").startswith(b"HTTP/1.1 408")
        assert first_line(client.port, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * (1 << 17)).startswith(b"HTTP/1.1 431")
        long_path = b"GET /v1/models/" + b"x" * (1 << 15) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert first_line(client.port, long_path).startswith(b"HTTP/1.1 404")
        assert client.predict({"instances": [ROW]}).status == 200


def everything(port: int, *pieces: bytes, most: int = 1000) -> bytes:
    """What comes back until the connection is closed, while the last piece is sent again and again."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(0.02)
        for _ in range(most):
            with suppress(TimeoutError):
                if not (data := connection.recv(65536)):
                    return received
                received += data
            if received.count(b"\r\n\r\n") != 1 or b"431" not in received:
                connection.sendall(pieces[-1])
    return received


CHUNKED = b"POST /v1/models/house:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"


@pytest.mark.parametrize("piece", [b"X: " + b"x" * 5000 + b"\r\n", b"x" * 5000], ids=["many", "one"])
def test_trailers_are_no_way_round_the_limit_on_headers(client: Client, piece: bytes) -> None:
    received = everything(client.port, CHUNKED + b"0\r\n", b"X: 1\r\nX: ", piece, most=100)
    assert received.startswith(b"HTTP/1.1 431") and received.count(b"HTTP/1.1") == 1


def test_a_trailer_is_no_header_and_a_body_of_many_chunks_is_read(client: Client) -> None:
    body = json.dumps({"instances": [ROW]}).encode()
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body + b" " * 20_000)
    head = CHUNKED.removesuffix(b"2\r\n{}\r\n")
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(head + chunks + b"0\r\nX-Request-Id: trailed\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [[SCORE]]})
        assert answer.headers["x-request-id"] != "trailed"


def test_no_connection_is_kept_by_what_trickles_in_after_an_answer(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.serving.connection.HEAD_SECONDS", 0.5)
    head = b"POST /v1/models/house:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with serving({1: house}, {"stable": 1}, token="secret") as client:
        received = everything(client.port, head, b"x")
        assert received.startswith(b"HTTP/1.1 401") and received.count(b"HTTP/1.1") == 1
        blank = everything(client.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n")
        assert [part[:3] for part in blank.split(b"HTTP/1.1 ")[1:]] == [b"200", b"408"]


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 18), b"431"),
        (CHUNKED + b"0\r\nX: " + b"x" * (1 << 18), b"431"),
        (b"GET / HTTP/1.1\r\nX", b"408"),
        (b"nothing\r\n\r\n", b"400"),
    ],
    ids=["too long", "trailers", "late", "no HTTP"],
)
def test_a_refusal_waits_for_the_answers_before_it(house: Path, monkeypatch: pytest.MonkeyPatch, second: bytes, status: bytes) -> None:
    monkeypatch.setattr("components.serving.connection.HEAD_SECONDS", 0.2)
    is_read = threading.Event()

    async def answer(service: Service, call: HttpCall) -> Answer:
        await asyncio.to_thread(is_read.wait, 30)
        return Answer(200, b"slow")

    monkeypatch.setattr("components.serving.application.answer_request", answer)
    with serving({1: house}, {"stable": 1}) as client, socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.sendall(second)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        is_read.set()
        connection.settimeout(30)
        received = b""
        with suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", status]


def test_a_canary_answers_for_its_share_of_the_keys(house: Path, double: Path) -> None:
    with serving({1: house, 2: double}, {"stable": 1, "canary": 2}, canary_share=0.3) as client:
        bodies = [{"instances": [ROW | {"house_id": f"h{number}"}]} for number in range(200)]
        versions = [client.predict(body).headers["x-model-version"] for body in bodies]
        assert [client.predict(body).headers["x-model-version"] for body in bodies] == versions
        assert 40 <= versions.count("2") <= 80
        reply = client.ask("POST", "/v1/models/house/labels/stable:predict", bodies[versions.index("2")])
        assert reply.headers["x-model-version"] == "1"


def test_a_shadow_is_asked_the_same_and_never_answers(house: Path, double: Path) -> None:
    noted: list[Scored] = []
    with serving({1: house, 2: double}, {"stable": 1, "shadow": 2}, note=noted.append) as client:
        assert client.predict({"instances": [ROW | {"house_id": "h1"}]}, x_request_id="r1").json == {"predictions": [[SCORE]]}
    by_role = {str(scored.requests[0].role): (scored.servable.version, scored.scores.tolist(), scored.requests[0]) for scored in noted}
    assert {role: (version, scores) for role, (version, scores, _) in by_role.items()} == {
        "live": (1, [[SCORE]]),
        "shadow": (2, [[2 * SCORE]]),
    }
    assert [(asked.request_id, list(asked.rows.keys)) for *_, asked in by_role.values()] == [("r1", ["h1"])] * 2


def test_many_clients_get_their_own_answers(client: Client) -> None:
    def ask(rooms: int) -> float:
        return float(client.predict({"instances": [{"area": 100.5, "colour": "red", "rooms": rooms % 20 + 1}]}).json["predictions"][0][0])

    with ThreadPoolExecutor(16) as pool:
        scores = list(pool.map(ask, range(400)))
    assert scores == [100.5 + 10 * (rooms % 20 + 1) for rooms in range(400)]
