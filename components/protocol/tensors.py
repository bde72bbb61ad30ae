"""JSON values to tensors, as TensorFlow Serving converts them: types, shapes, base64."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.protocol.json_reader import JsonObject
from components.protocol.json_text import kind, shown
from components.protocol.refusal import Refusal

NAMES = {
    "DT_FLOAT": "float",
    "DT_DOUBLE": "double",
    "DT_INT32": "int32",
    "DT_INT16": "int16",
    "DT_INT8": "int8",
    "DT_UINT8": "uint8",
    "DT_STRING": "string",
    "DT_INT64": "int64",
    "DT_BOOL": "bool",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
}
"""The types of tensors that JSON can fill, as errors call them."""
RANGES = {
    "DT_INT64": (-(2**63), 2**63),
    "DT_UINT32": (0, 2**32),
    "DT_UINT64": (0, 2**64),
    **dict.fromkeys(("DT_INT32", "DT_INT16", "DT_INT8", "DT_UINT8"), (-(2**31), 2**31)),
}
MOST_DIMENSIONS = 254


@dataclass(frozen=True)
class TensorSignature:
    """A signature of a SavedModel: the types (DT_FLOAT, …) of its inputs and outputs, by name."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)
    method: str = "tensorflow/serving/predict"


def _numpy_dtype(dtype: str) -> np.dtype[np.generic]:
    """NumPy's type of a tensor of the type DT_…; object for text."""
    return np.dtype({"DT_STRING": object, "DT_FLOAT": np.float32, "DT_DOUBLE": np.float64}.get(dtype) or NAMES[dtype])


def is_base64(value: object) -> bool:
    """Whether a value is an object that stands for bytes."""
    return isinstance(value, JsonObject) and len(value) == 1 and value[0][0] == b"b64" and isinstance(value[0][1], bytes)


def from_base64(value: JsonObject) -> bytes:
    """The bytes that an object stands for.

    Raises:
        Refusal: it stands for none.
    """
    text = value.get(b"b64")
    if not is_base64(value) or not isinstance(text, bytes):
        raise Refusal(b"JSON Value: " + shown(value) + b" not formatted correctly for base64 data")
    padding = b"=" * (-len(text) % 4) if b"=" not in text else b""
    try:
        return base64.b64decode(text + padding, validate=True)
    except binascii.Error:
        raise Refusal("Unable to base64 decode") from None


def shape_of(value: object) -> list[int]:
    """The sizes of nested lists, judged by the first element of each."""
    shape: list[int] = []
    while isinstance(value, list) and not isinstance(value, JsonObject):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def fill(value: object, shape: Sequence[int], dtype: str, out: list[object], level: int = 0) -> None:
    """Append the leaves of nested lists of a shape to `out`.

    Raises:
        Refusal: they have another shape, or a leaf is of another type.
    """
    if not isinstance(value, list) or isinstance(value, JsonObject):
        if level != len(shape):
            place = f" found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            raise Refusal(b"JSON Value: " + shown(value) + place.encode())
        out.append(_leaf(value, dtype))
        return
    if len(shape) > MOST_DIMENSIONS:
        raise Refusal(f"A tensor has at most {MOST_DIMENSIONS} dimensions")  # ours: TensorFlow Serving goes on until its stack ends
    if level >= len(shape):
        raise Refusal(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise Refusal(f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}")
    for item in value:
        fill(item, shape, dtype, out, level + 1)


def array_of(values: list[object], shape: Sequence[int], dtype: str) -> np.ndarray:
    """The tensor of the leaves."""
    if dtype == "DT_STRING":
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(shape)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.array(values, np.float64 if dtype == "DT_FLOAT" else _numpy_dtype(dtype))
        return wide.astype(_numpy_dtype(dtype)).reshape(shape)


def _leaf(value: object, dtype: str) -> object:
    if isinstance(value, JsonObject):
        if dtype != "DT_STRING":
            raise _type_error(value, dtype)
        return from_base64(value)
    if dtype not in NAMES:
        name = dtype.removeprefix("DT_").lower()
        raise Refusal(b"Conversion of JSON Value: " + shown(value) + f" to type: {name}".encode(), "UNIMPLEMENTED")
    if not _fits(value, dtype):
        raise _type_error(value, dtype)
    return value


def _fits(value: object, dtype: str) -> bool:
    if dtype == "DT_STRING":
        return isinstance(value, bytes)
    if dtype == "DT_BOOL" or isinstance(value, bool):
        return dtype == "DT_BOOL" and isinstance(value, bool)
    if dtype in RANGES:
        lowest, above = RANGES[dtype]
        return isinstance(value, int) and lowest <= value < above
    return isinstance(value, int | float)


def _type_error(value: object, dtype: str) -> Refusal:
    return Refusal(b"JSON Value: " + shown(value) + f" Type: {kind(value)} is not of expected type: {NAMES[dtype]}".encode())
