"""TensorFlow Serving's gRPC methods: what a message asks for, and the message that answers, in its words where it is refused."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message
from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from components.protocol.refusal import Refusal
from components.serving.directory import ServedModel
from components.serving.grpc.tensor_protos import read_inputs, write_tensor
from components.serving.questions import rows_of_tensors
from components.serving.service import Predict, Servable, Service
from components.training.signatures import OUTPUT, SIGNATURE

SIGNATURES = "signature_def"
"""The one field of metadata that there is."""


@dataclass(frozen=True)
class Caller:
    """What is known of a call beside its message."""

    request_id: str
    trace_id: str | None
    received_microseconds: int


@dataclass(frozen=True)
class Reply:
    """A message, and the version that answered."""

    message: Message
    version: int | None = None


def parse_message(kind: type[Message], data: bytes) -> Message:
    """The message in some bytes.

    Raises:
        Refusal: it is none of its kind.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Refusal(f"the message is no {kind.DESCRIPTOR.full_name}") from None


async def _predict(service: Service, request: Any, caller: Caller) -> Reply:
    """The scores of the rows of a PredictRequest.

    Raises:
        Refusal: it is refused.
    """
    started = time.perf_counter()
    asked = _asked(request, caller)
    servable = service.choose(asked, None)
    name = request.model_spec.signature_name or SIGNATURE
    if name not in servable.scorer.signatures:
        raise Refusal(f'Serving signature key "{name}" not found.', "FAILED_PRECONDITION")
    definition = servable.scorer.definitions[name]
    tensors = read_inputs(request.inputs, definition, most_rows=service.limits.rows)
    _require_outputs(request.output_filter, definition.outputs)
    scores = await service.score(servable, asked, rows_of_tensors(servable.reader, name, tensors))
    response = predict_pb2.PredictResponse()
    _tell_model(response.model_spec, servable, name)
    write_tensor(response.outputs[OUTPUT], scores)
    service.metrics.time("request_latency", time.perf_counter() - started, servable.model, "Predict", "GRPC")
    return Reply(response, servable.version)


def _asked(request: Any, caller: Caller) -> Predict:
    """Which model is asked, in which version.

    Raises:
        Refusal: the message does not say.
    """
    if not request.HasField("model_spec"):
        raise Refusal("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise Refusal("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return Predict(
        model=spec.name,
        version=spec.version.value if choice == "version" else None,
        label=spec.version_label if choice == "version_label" else None,
        body=b"",
        request_id=caller.request_id,
        received_microseconds=caller.received_microseconds,
        trace_id=caller.trace_id,
    )


def _require_outputs(asked: Any, outputs: Mapping[str, Any]) -> None:
    for place, name in enumerate(asked):
        if name not in outputs:
            raise Refusal(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set {{{','.join(sorted(outputs))}}}."
            )
        if name in asked[:place]:
            raise Refusal(f"duplicate output tensor alias: {name}")


def _tell_model(spec: Any, servable: Servable, signature: str = "") -> None:
    spec.name, spec.signature_name = servable.model, signature
    spec.version.value = servable.version


async def _refuse_examples(service: Service, request: Any, caller: Caller) -> Reply:
    """Why a version that predicts does not classify and regress.

    Raises:
        Refusal: always, as TensorFlow Serving does.
    """
    asked = _asked(request, caller)
    _, servable = service.directory.find(asked.model, asked.version, asked.label)
    name = request.model_spec.signature_name or SIGNATURE
    verb, what = {
        classification_pb2.ClassificationRequest: ("classify", "classification"),
        regression_pb2.RegressionRequest: ("regress", "regression"),
    }[type(request)]
    if name not in servable.scorer.signatures:
        raise Refusal(f"No signature was found with the name: {name}")
    method = servable.scorer.signatures[name].method
    raise Refusal(f"Expected {what} signature method_name to be tensorflow/serving/{verb}. Was: {method}")


async def _tell_metadata(service: Service, request: Any, caller: Caller) -> Reply:
    """The signatures of a version.

    Raises:
        Refusal: it is not served, or something else is asked for.
    """
    if not request.HasField("model_spec"):
        raise Refusal("Missing ModelSpec")
    if not request.metadata_field:
        raise Refusal("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != SIGNATURES:
            raise Refusal(f"Metadata field {field} is not supported")
    asked = _asked(request, caller)
    version, servable = service.directory.find(asked.model, asked.version, asked.label)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    _tell_model(response.model_spec, servable)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in servable.scorer.definitions.items():
        signatures.signature_def[name].CopyFrom(definition)
    response.metadata[SIGNATURES].Pack(signatures)
    return Reply(response, version)


async def _tell_status(service: Service, request: Any, _: Caller) -> Reply:
    """The states of a model's versions, newest first.

    Raises:
        Refusal: there are none.
    """
    if not request.HasField("model_spec"):
        raise Refusal("Missing ModelSpec")
    spec = request.model_spec
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    service.directory.status(spec.name, version)
    response = get_model_status_pb2.GetModelStatusResponse()
    states = service.directory.models.get(spec.name, ServedModel[Servable]()).states
    for number, state in sorted(states.items(), reverse=True):
        if version in (None, number):
            one = response.model_version_status.add(version=number)
            one.state = get_model_status_pb2.ModelVersionStatus.State.Value(state.state)
            one.status.error_code = error_codes_pb2.Code.Value(state.code)
            one.status.error_message = state.message
    return Reply(response)


Method = Callable[[Service, Any, Caller], Any]

METHODS: Mapping[str, tuple[type[Message], Method]] = {
    "/tensorflow.serving.PredictionService/Predict": (predict_pb2.PredictRequest, _predict),
    "/tensorflow.serving.PredictionService/Classify": (classification_pb2.ClassificationRequest, _refuse_examples),
    "/tensorflow.serving.PredictionService/Regress": (regression_pb2.RegressionRequest, _refuse_examples),
    "/tensorflow.serving.PredictionService/GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, _tell_metadata),
    "/tensorflow.serving.ModelService/GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, _tell_status),
}
