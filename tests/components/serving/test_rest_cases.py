"""142 cases of TensorFlow Serving's REST, read from its source: tests/goldens/rest_cases.json."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from components.protocol.answers import outputs_body, predictions_body
from components.protocol.bodies import parse_examples, parse_predict
from components.protocol.json_reader import read_document
from components.protocol.json_text import error_body
from components.protocol.paths import ModelVerb, parse_path
from components.protocol.refusal import Refusal
from components.protocol.tensors import TensorSignature, array_of
from components.serving.directory import Directory, ServedModel, State, VersionState
from components.settings import REPOSITORY

GOLDEN = json.loads((REPOSITORY / "tests" / "goldens" / "rest_cases.json").read_text())
CASES = [case for case in GOLDEN["cases"] if case["request"]["method"] != "OPTIONS"]
Case = dict[str, Any]
Model = dict[str, TensorSignature]


def directory() -> Directory[Model]:
    return Directory({name: served_model(model) for name, model in GOLDEN["models"].items()})


def served_model(model: dict[str, Any]) -> ServedModel[Model]:
    signatures = {name: TensorSignature(**signature) for name, signature in model["signatures"].items()}
    states = {int(number): VersionState(State(state), code, text) for number, (state, code, text) in model["versions"].items()}
    loaded = {number: signatures for number, state in states.items() if state.state == State.AVAILABLE}
    return ServedModel(loaded, states, model["labels"], max(loaded, default=None))  # its latest one stands for ours that is live


def tensor(shape_and_values: list[Any], dtype: str) -> np.ndarray:
    shape, values = shape_and_values

    def leaf(value: Any) -> object:
        if isinstance(value, dict):
            return base64.b64decode(value["b64"])
        if isinstance(value, str):
            return value.encode() if dtype == "DT_STRING" else float(value)
        return value

    return array_of([leaf(value) for value in values], shape, dtype)


def as_text(example: dict[str, Any] | None) -> dict[str, Any] | None:
    if example is None:
        return None
    return {name: [kind, [v.decode() if isinstance(v, bytes) else v for v in values]] for name, (kind, values) in example.items()}


def answer(case: Case) -> tuple[int, bytes | None]:
    request, expected, models = case["request"], case["response"], directory()
    body = request["body"].encode()
    try:
        route = parse_path(request["method"], request["path"])
        if route is None:
            return 404, None
        if route.verb == ModelVerb.STATUS:
            return 200, json.dumps(models.status(route.model, route.version)).encode()
        if route.verb == ModelVerb.METADATA:
            version, _ = models.find(route.model, route.version, route.label)
            return 200, json.dumps({"model_spec": {"name": route.model, "signature_name": "", "version": str(version)}}).encode()
        if route.verb == ModelVerb.PREDICT:
            chosen: list[tuple[int, TensorSignature]] = []

            def signature_of(name: str) -> TensorSignature:
                version, signatures = models.find(route.model, route.version, route.label)
                if name not in signatures:
                    raise Refusal(f'Serving signature name: "{name}" not found in signature def')
                chosen.append((version, signatures[name]))
                return signatures[name]

            asked = parse_predict(read_document(body), signature_of)
            version, signature = chosen[0]
            assert version == expected.get("version", version)
            assert set(asked.tensors) == set(expected["tensors"])
            for name, found in asked.tensors.items():
                wanted = tensor(expected["tensors"][name], signature.inputs[name])
                assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
                np.testing.assert_array_equal(found, wanted)
            outputs = {name: tensor(value, signature.outputs[name]) for name, value in expected["outputs"].items()}
            return 200, (predictions_body if asked.by_row else outputs_body)(outputs, signature.outputs)
        name, context, examples = parse_examples(body)
        models.find(route.model, route.version, route.label)
        assert [as_text(example) for example in examples] == expected["examples"]
        assert (as_text(context), name) == (expected.get("context"), expected.get("signature", ""))
        return 200, None  # no version of Perennial's classifies or regresses, so there is no answer to write
    except Refusal as refusal:
        return refusal.status, b"" if refusal.silent else error_body(refusal.text)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_request_gets_what_tensorflow_serving_answers(case: Case) -> None:
    expected = case["response"]
    status, body = answer(case)
    assert status == expected["status"], body
    if body is None:
        return
    if "error" in expected:
        assert json.loads(body)["error"] == expected["error"]
        assert body.startswith(b'{\n    "error": "') and body.endswith(b'"\n}')
    elif "text" in expected:
        assert body.decode() == expected["text"]
    elif "json" in expected:
        assert json.loads(body) == expected["json"]
    elif "json_contains" in expected:
        assert expected["json_contains"].items() <= json.loads(body).items()
