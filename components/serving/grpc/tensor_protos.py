"""Tensors of gRPC messages to arrays and back: held against the signature before any memory is taken for them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from components.protocol.refusal import Refusal
from components.wording import count, legible

FIELDS = {"DT_FLOAT": "float_val", "DT_INT64": "int64_val", "DT_BOOL": "bool_val", "DT_STRING": "string_val"}
"""Of a TensorProto, by the types that signatures have."""
CONTENT = {"DT_FLOAT": "<f4", "DT_INT64": "<i8", "DT_BOOL": "?"}
"""The little-endian types of `tensor_content`."""
SEVEN_BITS = 7
LONGEST_LENGTH = 63
"""Bits of a length in the `tensor_content` of texts."""


def read_inputs(inputs: Mapping[str, Any], definition: Any, *, most_rows: int) -> dict[str, np.ndarray]:
    """The arrays of a request's inputs.

    Args:
        inputs: TensorProtos by name.
        definition: the SignatureDef that is asked.
        most_rows: of a request.

    Raises:
        Refusal: the names are not those of the signature, in TensorFlow Serving's words; or a tensor has another type or shape.
    """
    _require_names(set(inputs), set(definition.inputs), definition)
    return {name: _read_tensor(name, inputs[name], definition.inputs[name], most_rows) for name in sorted(definition.inputs)}


def _require_names(given: set[str], expected: set[str], definition: Any) -> None:
    if len(given) != len(expected):
        sizes, sets = f"{len(given)}!={len(expected)}", f"len({{{_listed(given)}}}) != len({{{_listed(expected)}}})"
        more, less = f"Sent extra: {{{_listed(given - expected)}}}", f"Missing but required: {{{_listed(expected - given)}}}"
        raise Refusal(f"input size does not match signature: {sizes} {sets}. {more}. {less}.")
    for name in sorted(expected - given):
        raise Refusal(
            f"Signature input alias: {name}(feed name: {definition.inputs[name].name}) not found in request and no default value "
            f"provided. Inputs expected to be in the request {{{_listed(given)}}}, or default input alias set: "
        )


def _listed(names: set[str]) -> str:
    return ",".join(sorted(names))


def _read_tensor(name: str, proto: Any, info: Any, most_rows: int) -> np.ndarray:
    from tensorflow.core.framework import types_pb2

    dtype = types_pb2.DataType.Name(info.dtype)
    shape = [dimension.size for dimension in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise _unreadable(name)
    if proto.dtype != info.dtype:
        raise Refusal(f"input {name} is {_type_name(proto.dtype)}: expected {_type_name(info.dtype)}")
    expected = [dimension.size for dimension in info.tensor_shape.dim]
    if len(shape) != len(expected) or any(wanted not in (-1, size) for size, wanted in zip(shape, expected, strict=True)):
        wanted = ", ".join("rows" if size == -1 else str(size) for size in expected)
        raise Refusal(f"input {name} has the shape {legible(str(shape), 80)}: expected [{wanted}]")
    if shape and shape[0] > most_rows:
        raise Refusal(f"the request has {count(shape[0])} rows, and at most {count(most_rows)} are taken: send several requests")
    values = _content(name, proto, dtype, prod(shape)) if proto.tensor_content else getattr(proto, FIELDS[dtype])
    return _array(values, dtype, prod(shape)).reshape(shape)


def _unreadable(name: str) -> Refusal:
    return Refusal(f"tensor parsing error: {name}")


def _type_name(number: int) -> str:
    from tensorflow.core.framework import types_pb2

    known = types_pb2.DataType.values()
    return types_pb2.DataType.Name(number).removeprefix("DT_").lower() if number in known else f"of the type {number}"


def _content(name: str, proto: Any, dtype: str, size: int) -> Sequence[Any] | np.ndarray:
    if dtype == "DT_STRING":
        return _texts(name, proto.tensor_content, size)
    if len(proto.tensor_content) != size * np.dtype(CONTENT[dtype]).itemsize:
        raise _unreadable(name)
    return np.frombuffer(proto.tensor_content, np.uint8 if dtype == "DT_BOOL" else CONTENT[dtype])


def _texts(name: str, content: bytes, size: int) -> list[bytes]:
    """The lengths of all texts, seven bits a byte, and then the texts themselves."""
    lengths: list[int] = []
    place = 0
    while len(lengths) < size:
        length = shift = 0
        while True:
            if place == len(content) or shift > LONGEST_LENGTH:
                raise _unreadable(name)
            byte = content[place]
            place, length = place + 1, length | (byte & 0x7F) << shift
            if byte < 1 << SEVEN_BITS:
                break
            shift += SEVEN_BITS
        lengths.append(length)
    if place + sum(lengths) != len(content):
        raise _unreadable(name)
    ends = np.cumsum([place, *lengths], dtype=object).tolist()
    return [content[start:end] for start, end in pairwise(ends)]


def _array(values: Sequence[Any] | np.ndarray, dtype: str, size: int) -> np.ndarray:
    """As many values as the shape asks for: what is missing is as the last one, or empty, as in TensorFlow."""
    found = len(values)
    array = np.full(size, b"", object) if dtype == "DT_STRING" else np.zeros(size, np.dtype(CONTENT[dtype]))
    array[: min(found, size)] = values[:size]
    if 0 < found < size:
        array[found:] = values[found - 1]
    return array


def write_tensor(proto: Any, scores: np.ndarray) -> None:
    """Fill a TensorProto with float32 scores."""
    from tensorflow.core.framework import types_pb2

    proto.dtype = types_pb2.DT_FLOAT
    for size in scores.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.float_val.extend(scores.ravel().tolist())
