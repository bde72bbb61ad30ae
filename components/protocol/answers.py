"""The bodies of TensorFlow Serving's REST answers, byte for byte, but for the order of several outputs, which goes by name."""

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from components.protocol.json_text import INDENT, decimal, quoted
from components.protocol.refusal import Refusal


def predictions_body(outputs: Mapping[str, np.ndarray], dtypes: Mapping[str, str]) -> bytes:
    """`predictions`: a row of the outputs for each instance.

    Raises:
        Refusal: there are no outputs, or they have not the same number of rows.
    """
    _require_outputs(outputs)
    names = sorted(outputs)
    rows = range(_row_count(outputs, names))
    if len(names) == 1:
        array, dtype = outputs[names[0]], dtypes[names[0]]
        values = [_nested(array[row, ...], dtype, names[0], 2, is_single_line=True) for row in rows]
        return b'{\n    "predictions": [' + b", ".join(values) + (b"\n    " if rows else b"") + b"]\n}"
    objects = []
    for row in rows:
        members = [
            b"\n            " + quoted(name.encode()) + b": " + _nested(outputs[name][row, ...], dtypes[name], name, 3, is_single_line=True)
            for name in names
        ]
        objects.append(b"\n        {" + b",".join(members) + b"\n        }")
    return b'{\n    "predictions": [' + b",".join(objects) + (b"\n    " if rows else b"") + b"]\n}"


def outputs_body(outputs: Mapping[str, np.ndarray], dtypes: Mapping[str, str]) -> bytes:
    """`outputs`: each as a column.

    Raises:
        Refusal: there are none.
    """
    _require_outputs(outputs)
    names = sorted(outputs)
    if len(names) == 1:
        return b'{\n    "outputs": ' + _nested(outputs[names[0]], dtypes[names[0]], names[0], 1, is_single_line=False) + b"\n}"
    members = [
        b"\n        " + quoted(name.encode()) + b": " + _nested(outputs[name], dtypes[name], name, 2, is_single_line=False)
        for name in names
    ]
    return b'{\n    "outputs": {' + b",".join(members) + b"\n    }\n}"


def _require_outputs(outputs: Mapping[str, np.ndarray]) -> None:
    if not outputs:
        raise Refusal("Cannot convert empty tensor map to JSON")


def _row_count(outputs: Mapping[str, np.ndarray], names: Sequence[str]) -> int:
    count = None
    for name in names:
        if outputs[name].ndim == 0:
            raise Refusal(f"Tensor name: {name} has no shape information ")
        if count is not None and count != len(outputs[name]):
            raise Refusal(f"Tensor name: {name} has inconsistent batch size: {len(outputs[name])} expecting: {count}")
        count = len(outputs[name])
    return count or 0


def _nested(array: np.ndarray, dtype: str, name: str, depth: int, *, is_single_line: bool) -> bytes:
    if array.ndim == 0:
        return _value(array[()], dtype, name, depth)
    parts = [_nested(array[index, ...], dtype, name, depth + 1, is_single_line=is_single_line) for index in range(len(array))]
    if is_single_line or not parts:
        return b"[" + b", ".join(parts) + b"]"
    inner = b"\n" + INDENT * (depth + 1)
    return b"[" + inner + (b"," + inner).join(parts) + b"\n" + INDENT * depth + b"]"


def _value(item: object, dtype: str, name: str, depth: int) -> bytes:
    if isinstance(item, bytes | str):
        data = item.encode() if isinstance(item, str) else item
        if not name.endswith("_bytes"):
            return quoted(data)
        indent = INDENT * depth
        return b"{\n" + indent + b'    "b64": ' + quoted(base64.b64encode(data)) + b"\n" + indent + b"}"
    if isinstance(item, np.floating):
        return decimal(item, is_single=dtype == "DT_FLOAT").encode()  # type: ignore[arg-type] # NumPy compares and formats it as a float
    if dtype == "DT_BOOL":
        return b"true" if item else b"false"
    return str(item).encode()
