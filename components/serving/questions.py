"""The body of a predict request to rows of features, whichever signature and form it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from components.protocol.bodies import DEFAULT_SIGNATURE, parse_predict
from components.protocol.equal_keys import keys_differ
from components.protocol.json_reader import JsonObject, read_document
from components.protocol.refusal import Refusal
from components.protocol.tensors import TensorSignature, is_base64
from components.scoring.rows import FeatureRows, RowReader
from components.training.signatures import INPUT, PACKED, RAW
from components.wording import count, legible

EXACT_BYTES = 1 << 18
"""What orjson refuses is read again as RapidJSON reads it, to say the same words: slowly, so no more than this."""

Choose = Callable[[str | None], tuple[RowReader, Mapping[str, TensorSignature]]]
"""Given the first row's key, if it has one, the version that answers: how it reads rows, and its signatures. It may raise Refusal."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked, and whether the answer goes by row (`predictions`) or by column (`outputs`)."""

    rows: FeatureRows
    by_row: bool


def read_question(body: bytes, choose: Choose, *, key_name: str | None, most_rows: int) -> Question:
    """The rows of a request. Objects without a signature's name may be raw features by name, which TensorFlow Serving does not take.

    Raises:
        Refusal: the body, the model, the signature or a value is not what it must be, in this order.
    """
    document = _quick(body)
    if document is None:
        exact = read_document(body) if len(body) <= EXACT_BYTES else _refuse_large()
        document = _plain_if_shallow(exact)
    else:
        exact = None
    instances = _raw_instances(document)
    if instances is not None:
        reader, _ = choose(_key(instances[0], key_name))
        _require_rows(len(instances), most_rows)
        return Question(reader.read(_objects(instances, exact, reader)), by_row=True)
    chosen: list[RowReader] = []

    def signature_of(name: str) -> TensorSignature:
        reader, signatures = choose(None)
        if name not in signatures:
            raise Refusal(f'Serving signature name: "{name}" not found in signature def')
        chosen.append(reader)
        return signatures[name]

    asked = parse_predict(exact if exact is not None else _json_object(document), signature_of)
    _require_rows(max((len(tensor) if tensor.ndim else 1 for tensor in asked.tensors.values()), default=0), most_rows)
    return Question(rows_of_tensors(chosen[-1], asked.signature, asked.tensors), asked.by_row)


def rows_of_tensors(reader: RowReader, signature: str, tensors: Mapping[str, np.ndarray]) -> FeatureRows:
    """The rows that a signature is asked, by the tensors of its inputs.

    Raises:
        Refusal: a tensor or a value is not what it must be.
    """
    if any(tensor.ndim == 0 for tensor in tensors.values()):
        raise Refusal("the inputs have no rows: give lists")
    if signature == DEFAULT_SIGNATURE and tensors.keys() == {INPUT}:
        if tensors[INPUT].ndim != 1:
            raise Refusal(f"{INPUT} has the shape {list(tensors[INPUT].shape)}: signature {signature} takes a list of serialised Examples")
        return reader.from_examples(tensors[INPUT].tolist())
    if signature == PACKED:
        return reader.from_matrices(tensors)
    if signature == RAW:
        return reader.from_tensors(tensors)
    raise Refusal(f'Serving signature name: "{signature}" is not served', "UNIMPLEMENTED")


def _quick(body: bytes) -> object | None:
    """The document by orjson, which takes the last of equal keys; None if there may be some, or if it is no JSON."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(document, dict) and isinstance(instances := document.get("instances"), list):
        keys = len(document) + sum(len(row) for row in instances if isinstance(row, dict))
        if body.count(b":") == keys:
            return document
    return document if keys_differ(body) else None  # counting colons did not tell: a text may have some


def _refuse_large() -> object:
    raise Refusal(f"JSON Parse error: the body is no JSON, or an object in it has a key twice; it has more than {count(EXACT_BYTES)} bytes")


def _raw_instances(document: object) -> list[object] | None:
    """The rows of raw features by name; None if the request takes a form of TensorFlow Serving's."""
    if not isinstance(document, dict) or "inputs" in document or document.get("signature_name", "") not in ("", DEFAULT_SIGNATURE):
        return None
    instances = document.get("instances")
    if not isinstance(instances, list) or not instances or not isinstance(first := instances[0], dict):
        return None
    return None if INPUT in first or first.keys() == {"b64"} else instances


def _key(row: object, key_name: str | None) -> str | None:
    key = row.get(key_name) if isinstance(row, dict) and key_name else None
    return None if key is None else str(key)


def _objects(instances: Sequence[object], exact: object, reader: RowReader) -> list[dict[str, object]]:
    """The rows, each an object that has no key twice."""
    originals = exact.get(b"instances") if isinstance(exact, JsonObject) else None
    for index, row in enumerate(instances):
        if not isinstance(row, dict):
            fields = ", ".join(reader.features.names)
            raise Refusal(f"instances[{index}] is {legible(repr(row), 80)}: expected an object with the fields {fields}")
        original = originals[index] if isinstance(originals, list) else None
        if isinstance(original, JsonObject) and len(original) > len(row):
            names = [name for name, _ in original]
            twice = next(name for name in names if names.count(name) > 1)
            raise Refusal(f"instances[{index}] has the field {legible(twice.decode(errors='replace'), 80)} twice: give it once")
    return instances  # type: ignore[return-value] # each is one


def _require_rows(rows: int, most_rows: int) -> None:
    if rows > most_rows:
        raise Refusal(f"the request has {count(rows)} rows, and at most {count(most_rows)} are taken: send several requests")


def _plain(value: object) -> object:
    """What the exact reader read, as orjson gives it; of equal keys the first."""
    if isinstance(value, JsonObject):
        if is_base64(value):
            return {"b64": _plain(value[0][1])}
        return {name.decode(errors="replace"): _plain(member) for name, member in reversed(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def _plain_if_shallow(value: object) -> object:
    try:
        return _plain(value)
    except RecursionError:  # no rows of features are so deep
        return None


def _json_object(value: object) -> object:
    """What orjson gives, as the exact reader reads it."""
    if isinstance(value, dict):
        return JsonObject((name.encode(errors="surrogatepass"), _json_object(member)) for name, member in value.items())
    if isinstance(value, list):
        return [_json_object(item) for item in value]
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value
