"""The Open Inference Protocol, version 2, over REST: typed tensors in, typed tensors out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import orjson

from components.protocol.equal_keys import keys_differ
from components.protocol.refusal import Refusal
from components.wording import legible

PATH = re.compile(r"/v2(?:/(health)/(live|ready)|/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?)?/?")
NUMPY_TYPES = {"INT64": "int64", "INT32": "int32", "INT16": "int16", "INT8": "int8", "FP64": "float64", "FP32": "float32", "BOOL": "bool"}
DATATYPES = {"int64": "INT64", "float32": "FP32", "string": "BYTES", "bool": "BOOL"}
"""Of this protocol, by those of tf.train.Example."""
MOST_DIMENSIONS = 32
ACCEPTED = {"INT64": int, "INT32": int, "INT16": int, "INT8": int, "FP64": (int, float), "FP32": (int, float), "BOOL": bool, "BYTES": str}


class Endpoint(StrEnum):
    """What is asked for."""

    SERVER = "server"
    LIVE = "live"
    READY = "ready"
    MODEL = "model"
    MODEL_READY = "model ready"
    INFER = "infer"


@dataclass(frozen=True)
class InferenceRoute:
    """What a request is about."""

    endpoint: Endpoint
    model: str = ""
    version: int | None = None


@dataclass(frozen=True, eq=False)
class InferenceRequest:
    """The tensors of a request, and the id that its answer repeats."""

    tensors: Mapping[str, np.ndarray]
    request_id: str | None


def parse_inference_path(method: str, path: str) -> InferenceRoute | None:
    """What is asked for; None if the path is none of this protocol's.

    Raises:
        Refusal: the method or the version is not one.
    """
    match = PATH.fullmatch(path)
    if match is None:
        return None
    health, state, model, version, action = match.groups()
    if method != ("POST" if action == "infer" else "GET"):
        raise Refusal(f"{path} takes {'POST' if action == 'infer' else 'GET'}, not {method}", status=405)
    if version is not None and not re.fullmatch("[0-9]{1,18}", version):
        raise Refusal(f"{legible(version, 40)} is not the number of a version", "NOT_FOUND")
    number = None if version is None else int(version)
    if health:
        return InferenceRoute(Endpoint(state))
    if model is None:
        return InferenceRoute(Endpoint.SERVER)
    endpoint = {None: Endpoint.MODEL, "ready": Endpoint.MODEL_READY, "infer": Endpoint.INFER}[action]
    return InferenceRoute(endpoint, model, number)


def parse_inference(body: bytes) -> InferenceRequest:
    """The tensors of a request to infer.

    Raises:
        Refusal: the body is not what the protocol asks for; the text names the input.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(f"the body is no JSON: {error}") from None
    inputs = document.get("inputs") if isinstance(document, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise Refusal("the body needs `inputs`, a list of tensors")
    keys = len(document) + sum(len(item) for item in inputs if isinstance(item, dict))
    if body.count(b":") != keys and not keys_differ(body):
        raise Refusal("an object of the body has a key twice, or is nested too deep")
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise Refusal("`id` must be a text")
    tensors: dict[str, np.ndarray] = {}
    for place, item in enumerate(inputs):
        name, array = _tensor(place, item)
        if name in tensors:
            raise Refusal(f"input {legible(name, 80)} is given twice")
        tensors[name] = array
    return InferenceRequest(tensors, request_id)


def _tensor(place: int, item: object) -> tuple[str, np.ndarray]:
    if not isinstance(item, dict) or not isinstance(name := item.get("name"), str):
        raise Refusal(f"inputs[{place}] needs a `name`")
    what = f"input {legible(name, 80)}"
    datatype, shape = item.get("datatype"), item.get("shape")
    if not isinstance(datatype, str) or datatype not in ACCEPTED:
        raise Refusal(f"{what} has the datatype {legible(str(datatype), 40)}: expected one of {', '.join(ACCEPTED)}")
    if not isinstance(shape, list) or not 0 < len(shape) <= MOST_DIMENSIONS or any(type(size) is not int or size < 1 for size in shape):
        expected = f"a list of at most {MOST_DIMENSIONS} whole numbers, the first for the rows"
        raise Refusal(f"{what} has the shape {legible(str(shape), 80)}: expected {expected}")
    values = _leaves(item.get("data"), what, datatype)
    if len(values) != int(np.prod(np.array(shape, object))):
        raise Refusal(f"{what} has {len(values)} values, and its shape is {shape}")
    return name, _array(values, what, datatype).reshape(shape)


def _leaves(data: object, what: str, datatype: str) -> list[Any]:
    """The values of `data`, which may be flat or nested, in row-major order."""
    if not isinstance(data, list):
        raise Refusal(f"{what} needs `data`, a list of values")
    values: list[Any] = []
    pending: list[object] = list(reversed(data))
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, bool) != (datatype == "BOOL") or not isinstance(value, ACCEPTED[datatype]):  # type: ignore[arg-type]
            raise Refusal(f"{what} has the value {legible(repr(value), 80)}, which is no {datatype}")
        else:
            values.append(value)
    return values


def _array(values: list[Any], what: str, datatype: str) -> np.ndarray:
    if datatype == "BYTES":
        array = np.empty(len(values), object)
        array[:] = values
        return array
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, NUMPY_TYPES[datatype])
    except OverflowError:
        array = np.array([])
    if len(array) < len(values) or (datatype == "FP32" and np.isinf(array).any()):  # JSON has no infinity
        raise Refusal(f"{what} has a value beyond {datatype}")
    return array


def inference_body(model: str, version: int, request_id: str | None, scores: np.ndarray) -> bytes:
    """The answer: one output, `score`, FP32 [rows, scores]. A value that is no number is null, as JSON has none."""
    output = {"name": "score", "datatype": "FP32", "shape": list(scores.shape), "data": np.ascontiguousarray(scores).reshape(-1)}
    answer = {"model_name": model, "model_version": str(version), **({"id": request_id} if request_id else {}), "outputs": [output]}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def model_metadata(model: str, versions: Sequence[int], inputs: Sequence[Mapping[str, object]], scores: int) -> dict[str, object]:
    """The description of a model: `inputs` as name, datatype and shape."""
    return {
        "name": model,
        "versions": [str(version) for version in sorted(versions)],
        "platform": "tensorflow_savedmodel",
        "inputs": list(inputs),
        "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, scores]}],
    }
