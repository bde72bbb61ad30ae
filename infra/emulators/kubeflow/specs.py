"""What the server demands of a pipeline's text and of a run's parameters (backend/src/apiserver/template/v2_template.go, tag 2.17.0)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from kfp.pipeline_spec import pipeline_spec_pb2

from infra.emulators.kubeflow.errors import invalid
from infra.emulators.kubeflow.listing import Json

NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
LONGEST_NAME = 128
TYPES: dict[str, tuple[type, ...]] = {
    "NUMBER_DOUBLE": (int, float),
    "NUMBER_INTEGER": (int, float),
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
GO_DATE = (("2006", "%Y"), ("01", "%m"), ("02", "%d"), ("15", "%H"), ("04", "%M"), ("05", "%S"))


def parse_spec(text: str) -> Json:
    """A pipeline's text as the server reads it: one strict PipelineSpec, at most one platform spec for Kubernetes. Both as JSON."""
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise invalid(f"unable to decode yaml document: {error}") from error
    specs = [document for document in documents if isinstance(document, dict) and "deploymentSpec" in document]
    if len(specs) > 1:
        raise invalid("multiple pipeline specs provided")
    if not specs:
        raise invalid("no pipeline spec is provided")
    platforms = [document for document in documents if isinstance(document, dict) and "platforms" in document]
    if len(platforms) > 1:
        raise invalid("multiple platform specs provided")
    return {"pipeline_spec": strict(specs[0]), "platform_spec": _platform(platforms[0]) if platforms else {}}


def strict(document: Json) -> Json:
    """The document of a pipeline, if protobuf accepts each of its fields and the server what is in them."""
    try:
        spec = ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    except ParseError as error:
        raise invalid(f"invalid v2 pipeline spec: {error}") from error
    if spec.schema_version != "2.1.0":
        raise invalid(f"KFP only supports schema version 2.1.0, but the pipeline spec has version {spec.schema_version}")
    if not spec.pipeline_info.name:
        raise invalid("invalid v2 pipeline spec: name is empty")
    if not spec.HasField("root"):
        raise invalid("invalid v2 pipeline spec: root component is empty")
    parsed: Json = MessageToDict(spec)
    return parsed


def _platform(document: Json) -> Json:
    """The platform spec, if protobuf accepts it, and each executor's part for Kubernetes too."""
    from kfp.kubernetes import kubernetes_executor_config_pb2

    try:
        ParseDict(document, pipeline_spec_pb2.PlatformSpec())
        executors = document["platforms"].get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        for config in executors.values():
            ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    except ParseError as error:
        raise invalid(f"cannot unmarshal platform specific configs: {error}") from error
    return document


def require_pipeline_name(spec: Json) -> None:
    """Refuse a name that MLMD would not take; only uploads are held to it."""
    name = spec["pipelineInfo"]["name"]
    if len(name) > LONGEST_NAME:
        raise invalid("pipeline's name must contain no more than 128 characters")
    if not NAME.match(name):
        raise invalid(
            "pipeline's name must contain only lowercase alphanumeric characters or '-' and must start with alphanumeric characters"
        )


def require_inputs(spec: Json, values: Mapping[str, object]) -> None:
    """Refuse parameters that the pipeline's root does not have, lacks, or has of another type."""
    wanted: Json = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, facts in wanted.items():
        if name not in values:
            if not facts.get("isOptional") and "defaultValue" not in facts:
                raise invalid(f"parameter {name} is not optional, yet has neither default value nor user provided value")
        elif not isinstance(values[name], TYPES[facts["parameterType"]]) or (
            isinstance(values[name], bool) and facts["parameterType"] != "BOOLEAN"
        ):
            kind = facts["parameterType"].lower()
            raise invalid(f"input parameter {name} requires type {kind}, but the input parameter is not of {kind} value type")
    extra = sorted(values.keys() - wanted.keys())
    if extra:
        raise invalid(f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")


def with_macros(values: Mapping[str, Any], *, run_id: str, now: datetime) -> Json:
    """Expand `[[RunUUID]]` and `[[CurrentTime.FORMAT]]` in texts. The time of a schedule and its index stay as they are: the server
    formats before it knows them."""

    def current_time(match: re.Match[str]) -> str:
        shape = match[1]
        for go, ours in GO_DATE:
            shape = shape.replace(go, ours)
        return now.strftime(shape)

    def expand(text: str) -> str:
        text = text.replace("[[RunUUID]]", run_id).replace("[[CurrentTime]]", now.strftime("%Y%m%d%H%M%S"))
        return re.sub(r"\[\[CurrentTime\.(.*?)\]\]", current_time, text)

    return {name: expand(value) if isinstance(value, str) else value for name, value in values.items()}


def as_text(document: object) -> str:
    """JSON as Go writes it: no spaces."""
    return json.dumps(document, separators=(",", ":"))
