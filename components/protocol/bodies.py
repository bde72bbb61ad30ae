"""The bodies of TensorFlow Serving's REST requests: rows or columns to tensors, examples to features, and every reason to refuse them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from components.protocol.json_reader import JsonObject, read_document
from components.protocol.json_text import kind, shown
from components.protocol.refusal import Refusal
from components.protocol.tensors import TensorSignature, array_of, fill, from_base64, is_base64, shape_of

MISSING = object()
DEFAULT_SIGNATURE = "serving_default"

Feature = tuple[str, list[object]]
"""The kind of a feature of a tf.train.Example (bytes, float, int64, or "" of none) and its values."""


@dataclass(frozen=True, eq=False)
class TensorRequest:
    """What a signature is asked. `by_row`: the answer goes by row, too."""

    tensors: Mapping[str, np.ndarray]
    by_row: bool
    signature: str


def parse_predict(document: object, signature_of: Callable[[str], TensorSignature]) -> TensorRequest:
    """The tensors of a predict request.

    Args:
        document: of `read_document`, an object with `instances` or `inputs`.
        signature_of: gives the signature of a name, or raises Refusal.

    Raises:
        Refusal: TensorFlow Serving refuses the body, with the same words.
    """
    document = _object(document)
    named = _signature_name(document) or DEFAULT_SIGNATURE
    signature = signature_of(named)
    instances, columns = document.get(b"instances", MISSING), document.get(b"inputs", MISSING)
    if instances is MISSING:
        if columns is MISSING:
            raise Refusal("Missing 'inputs' or 'instances' key")
        return TensorRequest(_columns(columns, signature.inputs), by_row=False, signature=named)
    if columns is not MISSING:
        raise _of_document(document, b"Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
    if not isinstance(instances, list) or isinstance(instances, JsonObject):
        raise _of_document(document, b"Expecting 'instances' to be an list/array")
    if not instances:
        raise _of_document(document, b"No values in 'instances' array")
    return TensorRequest(_Rows(signature.inputs).read(instances), by_row=True, signature=named)


def parse_examples(body: bytes) -> tuple[str, dict[str, Feature] | None, list[dict[str, Feature]]]:
    """The signature's name ("" for none), the context and the examples of a request to classify or regress.

    The word "classify" stands in the errors of both, as in TensorFlow Serving.

    Raises:
        Refusal: TensorFlow Serving refuses the body, with the same words.
    """
    document = _object(read_document(body))
    name = _signature_name(document)
    context, examples = document.get(b"context", MISSING), document.get(b"examples", MISSING)
    shared = None if context is MISSING else _example(context)
    if examples is MISSING:
        raise _of_document(document, b"When method is classify, key 'examples' is expected and was not found")
    if not isinstance(examples, list) or isinstance(examples, JsonObject):
        raise _of_document(document, b"Expecting 'examples' value to be an list/array")
    if not examples:
        raise _of_document(document, b"'examples' value is an empty array")
    return name, shared, [_example(example) for example in examples]


def _object(document: object) -> JsonObject:
    if not isinstance(document, JsonObject):
        raise Refusal(b"JSON Value: " + shown(document) + b" Is not object")
    return document


def _of_document(document: JsonObject, text: bytes) -> Refusal:
    return Refusal(b"JSON Value: " + shown(document) + b" " + text)


def _signature_name(document: JsonObject) -> str:
    name = document.get(b"signature_name", b"")
    if not isinstance(name, bytes):
        raise _of_document(document, b"not formatted correctly. 'signature_name' key must be a string value.")
    return name.decode(errors="replace")


def _name(key: bytes) -> str:
    """As C++ reads it: up to the first null character."""
    return key.split(b"\0")[0].decode(errors="surrogateescape")


def _is_row_object(value: object) -> bool:
    return isinstance(value, JsonObject) and not is_base64(value)


@dataclass
class _Rows:
    """The tensors of `instances` while they are read row by row: the first value of each input says its shape."""

    inputs: Mapping[str, str]
    sizes: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[object]] = field(default_factory=dict)

    def read(self, instances: list[object]) -> dict[str, np.ndarray]:
        if not isinstance(instances[0], JsonObject) and len(self.inputs) > 1:
            needs = "expecting list of objects as multiple input tensors required as per tensorinfo_map"
            raise Refusal(f"instances is a plain list, but {needs}")
        are_objects = _is_row_object(instances[0])
        for count, element in enumerate(instances):
            if are_objects != _is_row_object(element):
                wanted, given = ("object", "list") if are_objects else ("value/list", "object")
                raise Refusal(f"Expecting {wanted} but got {given} at item {count} of input list")
            if isinstance(element, JsonObject) and are_objects:
                self._read_object(element, count)
            else:
                self._read_value(element, next(iter(self.inputs)), f"Failed to process element: {count} of 'instances' list.")
        return {name: array_of(found, [len(instances), *self.shapes[name]], self.inputs[name]) for name, found in self.values.items()}

    def _read_object(self, element: JsonObject, count: int) -> None:
        names: list[str] = []
        for key, item in element:
            name = _name(key)
            place = f"Failed to process element: {count} key: {name} of 'instances' list."
            if name in names:  # TensorFlow Serving takes both values and shifts the rows below: refused here
                raise Refusal(f"{place} Error: INVALID_ARGUMENT: JSON object: names {name} twice")
            names.append(name)
            self._read_value(item, name, place)
        if set(names) != set(self.inputs):
            keys = f" keys must be equal to: {','.join(sorted(self.inputs))}"
            raise Refusal(
                f"Failed to process element: {count} of 'instances' list. JSON object: ".encode() + shown(element) + keys.encode()
            )

    def _read_value(self, item: object, name: str, place: str) -> None:
        try:
            self._add(item, name)
        except Refusal as refusal:
            raise Refusal(f"{place} Error: ".encode(errors="surrogateescape") + refusal.reason) from None

    def _add(self, item: object, name: str) -> None:
        if name not in self.inputs:
            raise Refusal(f"JSON object: does not have named input: {name}")
        leaves: list[object] = []
        shape = shape_of(item)
        fill(item, shape, self.inputs[name], leaves)
        self.values.setdefault(name, []).extend(leaves)
        if self.sizes.setdefault(name, len(leaves)) != len(leaves):
            raise Refusal(f"Expecting tensor size: {self.sizes[name]} but got: {len(leaves)}")
        if self.shapes.setdefault(name, shape) != shape:
            raise Refusal(f"Expecting shape {_shape_text(self.shapes[name])} but got: {_shape_text(shape)}")


def _columns(columns: object, inputs: Mapping[str, str]) -> dict[str, np.ndarray]:
    if not isinstance(columns, JsonObject) or is_base64(columns):
        if len(inputs) > 1:
            needs = "expecting an object as multiple input tensors required as per tensorinfo_map"
            raise Refusal(f"inputs is a plain value/list, but {needs}")
        (name,) = inputs
        return {name: _column(columns, inputs[name])}
    tensors = {}
    for name, dtype in inputs.items():
        value = columns.get(name.encode(), MISSING)
        if value is MISSING:
            raise Refusal(f"Missing named input: {name} in 'inputs' object.")
        tensors[name] = _column(value, dtype)
    return tensors


def _column(value: object, dtype: str) -> np.ndarray:
    leaves: list[object] = []
    shape = shape_of(value)
    fill(value, shape, dtype, leaves)
    return array_of(leaves, shape, dtype)


def _shape_text(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _example(value: object) -> dict[str, Feature]:
    if not isinstance(value, JsonObject):
        raise Refusal(f"Example must be JSON object but got JSON {kind(value)}")
    return {_name(key): _feature(_name(key), content) for key, content in value}


def _feature(name: str, content: object) -> Feature:
    expected, values = "", list[object]()
    for item in content if isinstance(content, list) and not isinstance(content, JsonObject) else [content]:
        given, value = _feature_value(name, item)
        if expected not in ("", given):
            raise Refusal(f"Unexpected element type in feature: {name} expecting type: {expected}")
        if isinstance(value, int) and value >= 2**63:
            raise Refusal(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        expected = given
        values.append(value)
    return expected, values


def _feature_value(name: str, item: object) -> Feature | tuple[str, object]:
    if isinstance(item, JsonObject) and is_base64(item):
        return "bytes", from_base64(item)
    if item is None or isinstance(item, list):
        raise Refusal(f"Feature: {name} has element with unexpected JSON type: {kind(item)}")
    if isinstance(item, bytes):
        return "bytes", item
    return ("int64", int(item)) if isinstance(item, int) else ("float", item)
