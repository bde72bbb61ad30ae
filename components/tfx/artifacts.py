"""Convert KFP artifacts to TFX artifacts and back.

A KFP type does not survive every backend, so the TFX type travels in the metadata. The metadata holds only strings and finite
numbers: Kubeflow converts anything else.
"""

import json
import math
from typing import Protocol

from components.errors import TaskError

_JSON = "json:"
_TYPE = "tfx_type"
_KUBEFLOW_ADDS = {"display_name", "store_session_info", "_kfp_workspace"}


class KfpArtifact(Protocol):
    """What the bridge needs of a KFP artifact."""

    uri: str
    path: str
    metadata: dict[str, object]


class TfxArtifact(Protocol):
    """What the bridge needs of a TFX artifact."""

    uri: str
    mlmd_artifact: object
    TYPE_NAME: str


def to_tfx(artifact: KfpArtifact, type_name: str) -> TfxArtifact:
    """The TFX artifact of type `type_name` (a class of tfx.types.standard_artifacts) at the KFP artifact's path.

    Raises:
        TaskError: the artifact has another TFX type.
    """
    from tfx.types import standard_artifacts

    tfx_type = artifact.metadata.get(_TYPE, type_name)
    if tfx_type != type_name:
        raise TaskError(f"artifact {artifact.uri} is a TFX {tfx_type}, expected {type_name}: wire the pipeline's outputs anew")
    result = getattr(standard_artifacts, type_name)()
    result.uri = artifact.path.rstrip("/")
    for key, value in artifact.metadata.items():
        if key != _TYPE and key not in _KUBEFLOW_ADDS and value is not None:
            _set_property(result, key, value)
    return result  # type: ignore[no-any-return]


def _set_property(artifact: object, key: str, value: object) -> None:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kind = artifact.artifact_type.properties.get(key)  # type: ignore[attr-defined]
    declared = artifact.mlmd_artifact.properties  # type: ignore[attr-defined]
    if kind == mlmd.INT:
        declared[key].int_value = int(value)  # type: ignore[call-overload]
    elif kind == mlmd.DOUBLE:
        declared[key].double_value = float(value)  # type: ignore[arg-type]
    elif kind == mlmd.STRING:
        declared[key].string_value = str(value)
    elif isinstance(value, str) and value.startswith(_JSON):
        artifact.set_json_value_custom_property(key, json.loads(value.removeprefix(_JSON)))  # type: ignore[attr-defined]
    elif isinstance(value, int | float) and float(value).is_integer():  # Kubeflow hands integers back as floats
        artifact.set_int_custom_property(key, int(value))  # type: ignore[attr-defined]
    elif isinstance(value, int | float):
        artifact.set_float_custom_property(key, float(value))  # type: ignore[attr-defined]
    else:
        artifact.set_string_custom_property(key, str(value))  # type: ignore[attr-defined]


def from_tfx(tfx_artifact: TfxArtifact, artifact: KfpArtifact) -> None:
    """Write the type and the properties of a TFX artifact into the KFP artifact's metadata."""
    from google.protobuf import json_format

    metadata: dict[str, object] = {_TYPE: tfx_artifact.TYPE_NAME}
    for properties in (tfx_artifact.mlmd_artifact.properties, tfx_artifact.mlmd_artifact.custom_properties):  # type: ignore[attr-defined]
        for key, value in properties.items():
            kind = value.WhichOneof("value")
            if kind == "struct_value":
                struct = json_format.MessageToDict(value.struct_value)
                metadata[key] = _JSON + json.dumps(struct.get("__value__", struct), sort_keys=True)
            elif kind and not (kind == "double_value" and not math.isfinite(value.double_value)):
                metadata[key] = getattr(value, kind)
    artifact.metadata.update(metadata)
