"""Requests of TensorFlow Serving's REST and of the Open Inference Protocol to answers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf import json_format

from components.protocol.answers import outputs_body, predictions_body
from components.protocol.bodies import parse_examples
from components.protocol.inference import (
    DATATYPES,
    Endpoint,
    InferenceRoute,
    inference_body,
    model_metadata,
    parse_inference,
    parse_inference_path,
)
from components.protocol.paths import ModelVerb, Route, parse_path
from components.protocol.refusal import Refusal
from components.scoring.rows import FeatureRows
from components.serving.questions import EXACT_BYTES
from components.serving.service import Predict, Servable, Service
from components.training.signatures import INPUT, OUTPUT, PRESENT

DTYPES = {OUTPUT: "DT_FLOAT"}
SERVER = {"name": "perennial", "version": "2", "extensions": []}
NOT_SERVED = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"


@dataclass(frozen=True)
class HttpCall:
    """A request whose body has come."""

    method: str
    path: str
    """With the query, percent-encoded as it came."""
    body: bytes
    request_id: str
    trace_id: str | None
    received_microseconds: int


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    status: int
    body: bytes
    route: str = "other"
    """As metrics name it."""
    content_type: bytes = b"application/json"
    version: int | None = None
    """The version that answered."""


async def answer_request(service: Service, call: HttpCall) -> Answer:
    """The answer to a request of either protocol.

    Raises:
        Refusal: it is refused.
    """
    if (inference := parse_inference_path(call.method, call.path)) is not None:
        return await _infer(service, inference, call)
    route = parse_path(call.method, call.path)
    if route is None:
        return Answer(404, NOT_SERVED, content_type=b"text/html")
    if route.verb == ModelVerb.STATUS:
        return Answer(200, _indented(service.directory.status(route.model, route.version)), "/v1/models/{model}")
    if route.verb == ModelVerb.METADATA:
        version, servable = service.directory.find(route.model, route.version, route.label)
        return Answer(200, _indented(_metadata(servable, version)), "/v1/models/{model}/metadata")
    if route.verb == ModelVerb.PREDICT:
        return await _predict(service, route, call)
    raise _no_method(service, route, call.body)


def asked_model(method: str, path: str) -> str | None:
    """The model that a request with this path, percent-encoded with its query, wants to predict by; None for any other request."""
    try:
        inference = parse_inference_path(method, path)
        if inference is not None:
            return inference.model if inference.endpoint == Endpoint.INFER else None
        route = parse_path(method, path)
    except Refusal:
        return None
    return route.model if route is not None and route.verb not in (ModelVerb.STATUS, ModelVerb.METADATA) else None


def count_rows(body: bytes) -> int:
    """The rows of a request, as far as it says how many; 1 where it does not."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 1
    rows = document.get("instances") if isinstance(document, dict) else None
    return max(1, len(rows)) if isinstance(rows, list) else 1


async def _predict(service: Service, route: Route, call: HttpCall) -> Answer:
    started = time.perf_counter()
    try:
        servable, question, scores = await service.predict(
            Predict(
                model=route.model,
                version=route.version,
                label=route.label,
                body=call.body,
                request_id=call.request_id,
                received_microseconds=call.received_microseconds,
                trace_id=call.trace_id,
            )
        )
    except Refusal as refusal:
        if route.model in service.directory.models:
            service.metrics.count("request_count", model_name=route.model, status=refusal.code)
        raise
    write = predictions_body if question.by_row else outputs_body
    service.metrics.count("request_count", model_name=route.model, status="OK")
    service.metrics.time("request_latency", time.perf_counter() - started, route.model, "predict", "REST")
    return Answer(200, write({OUTPUT: scores}, DTYPES), "/v1/models/{model}:predict", version=servable.version)


def _no_method(service: Service, route: Route, body: bytes) -> Refusal:
    """Why a version that predicts does not classify and regress: TensorFlow Serving refuses it, too, after it has read the body."""
    name = (parse_examples(body)[0] if len(body) <= EXACT_BYTES else "") or "serving_default"  # a slow reader, for what is refused anyway
    _, servable = service.directory.find(route.model, route.version, route.label)
    if name not in servable.scorer.signatures:
        return Refusal(f'Serving signature name: "{name}" not found in signature def')
    what = {ModelVerb.CLASSIFY: "classification", ModelVerb.REGRESS: "regression"}[route.verb]
    method = servable.scorer.signatures[name].method
    return Refusal(f"Expected {what} signature method_name to be tensorflow/serving/{route.verb}. Was: {method}")


def _metadata(servable: Servable, version: int) -> dict[str, Any]:
    definitions = {name: json_format.MessageToDict(d, preserving_proto_field_name=True) for name, d in servable.scorer.definitions.items()}
    return {
        "model_spec": {"name": servable.model, "signature_name": "", "version": str(version)},
        "metadata": {
            "signature_def": {
                "@type": "type.googleapis.com/tensorflow.serving.SignatureDefMap",
                "signature_def": definitions,
            }
        },
    }


def _indented(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


async def _infer(service: Service, route: InferenceRoute, call: HttpCall) -> Answer:
    name = "/v2/" + route.endpoint.replace(" ", "-")
    if route.endpoint == Endpoint.SERVER:
        return Answer(200, orjson.dumps(SERVER), "/v2")
    if route.endpoint == Endpoint.LIVE:
        return Answer(200, orjson.dumps({"live": True}), name)
    if route.endpoint == Endpoint.INFER:
        return await _infer_rows(service, route, call, name)
    version, servable = service.directory.find(route.model, route.version)
    if route.endpoint == Endpoint.MODEL_READY:
        return Answer(200, orjson.dumps({"name": route.model, "ready": True}), name, version=version)
    columns = servable.scorer.columns
    inputs = [{"name": column.name, "datatype": DATATYPES[column.dtype], "shape": [-1, *column.shape]} for column in columns.columns]
    if columns.optional:
        inputs.append({"name": PRESENT, "datatype": "BOOL", "shape": [-1, len(columns.optional)]})
    versions = list(service.directory.models[route.model].loaded)
    return Answer(200, orjson.dumps(model_metadata(route.model, versions, inputs, columns.score_count)), name, version=version)


async def _infer_rows(service: Service, route: InferenceRoute, call: HttpCall, name: str) -> Answer:
    question = parse_inference(call.body)
    asked = Predict(
        model=route.model,
        version=route.version,
        body=b"",
        request_id=call.request_id,
        received_microseconds=call.received_microseconds,
        trace_id=call.trace_id,
    )
    servable = service.choose(asked, None)
    rows = _tensor_rows(servable, question.tensors)
    if rows.packed.rows > service.limits.rows:
        raise Refusal(f"the request has {rows.packed.rows:,} rows, and at most {service.limits.rows:,} are taken: send several requests")
    scores = await service.score(servable, asked, rows)
    service.metrics.count("request_count", model_name=servable.model, status="OK")
    return Answer(200, inference_body(servable.model, servable.version, question.request_id, scores), name, version=servable.version)


def _tensor_rows(servable: Servable, tensors: Mapping[str, Any]) -> FeatureRows:
    if tensors.keys() == {INPUT} and servable.reader.features.column(INPUT) is None:
        raise Refusal(f"input {INPUT}: serialised Examples are asked by TensorFlow Serving's REST; here give a tensor for each column")
    return servable.reader.from_tensors(tensors)
