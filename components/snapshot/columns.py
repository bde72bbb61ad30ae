"""Check the columns of source.sql against model.toml and schema.pbtxt before a row is read."""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from google.cloud import bigquery

from components.errors import ModelFolderError, SourceError
from components.model.folder import Model

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

TYPES = {
    "INT": ("INTEGER", "BOOLEAN"),
    "FLOAT": ("FLOAT", "NUMERIC", "BIGNUMERIC"),
    "BYTES": ("STRING", "BYTES"),
}
"""BigQuery's types by the type of schema.pbtxt that can hold them."""
KEY_TYPES = ("INTEGER", "STRING")
"""The types of which Perennial computes the split exactly as BigQuery does."""
NUMERIC_TYPES = TYPES["INT"] + TYPES["FLOAT"]
SLICE_TYPES = ("STRING", "INTEGER", "BOOLEAN")
"""The types whose values name a slice alike in BigQuery, in examples and in model.toml: a FLOAT of an example has other digits."""


WRITE = {
    "STRING": "SAFE_CAST({name} AS FLOAT64)",
    "TIMESTAMP": "EXTRACT(HOUR FROM {name}), or TIMESTAMP_DIFF of two times",
    "DATETIME": "EXTRACT(HOUR FROM {name}), or DATETIME_DIFF of two times",
    "TIME": "EXTRACT(HOUR FROM {name})",
    "DATE": "DATE_DIFF(@span, {name}, DAY)",
    "INTEGER": "CAST({name} AS FLOAT64)",
    "FLOAT": "CAST({name} AS INT64)",
    "RECORD": "one of its fields, {name}.FIELD",
    "JSON": "one of its fields, JSON_VALUE({name}, '$.FIELD')",
}
"""What to write in source.sql of a column of that type, where a number is meant."""
CHECKED_STAGES = ("UNKNOWN_STAGE", "BETA", "PRODUCTION")
"""The lifecycle stages of features that TFDV validates and TensorFlow Transform reads; of others they ignore the values."""


def check_columns(model: Model, columns: Sequence[bigquery.SchemaField]) -> None:
    """Check the columns of a query's result against the model's folder.

    Raises:
        SourceError: a column is missing, unknown or of a wrong type.
        ModelFolderError: schema.pbtxt is not a schema, or a threshold is on a value that no slice can have.
    """
    types = {column.name: f"ARRAY<{column.field_type}>" if column.mode == "REPEATED" else column.field_type for column in columns}
    rows, features = model.rows, read_features(model)
    slices = (name for names in model.evaluation.slices for name in names)
    for name in (rows.key, rows.span, rows.label, *slices, *features):
        if name not in types:
            _check_case(model, types, name)
            raise SourceError(f"source.sql of model {model.name!r} has no column {name!r}: add it, or correct model.toml and schema.pbtxt")
    _check_type(model, types, rows.key, KEY_TYPES, "a key must be INT64 or STRING: cast it")
    _check_type(model, types, rows.span, ("DATE",), "a span must be DATE: cast it")
    for name, kind in features.items():
        remedy = f"mend the source, or review `{name}` in schema.pbtxt{_instead(types[name], name, kind, rows.span)}"
        _check_type(model, types, name, TYPES[kind], f"schema.pbtxt says {kind}: {remedy}")
    _check_type(model, types, rows.label, NUMERIC_TYPES, f"a label must be {model.task.accepted_label}: cast it")
    _check_slices(model, types)
    unknown = sorted(types.keys() - features.keys() - {rows.key, rows.span})
    if unknown:
        what = f"column {unknown[0]!r} of source.sql of model {model.name!r} is not in schema.pbtxt"
        raise SourceError(f"{what}: add it there or drop it{_line(model, unknown[0])}; `perennial schema infer {model.name}` proposes how")


def _instead(found: str, name: str, kind: str, span: str) -> str:
    """What to write in source.sql of a column that is of another type than schema.pbtxt says; empty where nothing is sure to be meant."""
    if kind == "BYTES":
        return f"; as a text, write CAST({name} AS STRING)" if found in (*NUMERIC_TYPES, "DATE", "TIMESTAMP") else ""
    expression = WRITE.get(found, "").format(name=name).replace("@span", span)
    return f"; as a number, write {expression}" if expression else ""


def _check_case(model: Model, types: dict[str, str], name: str) -> None:
    """BigQuery takes two cases of a name for one column, TensorFlow for two."""
    other = next((column for column in types if column.casefold() == name.casefold()), None)
    if other is not None:
        raise SourceError(
            f"source.sql of model {model.name!r} writes column {other!r}, model.toml or schema.pbtxt writes {name!r}: write both alike"
        )


def _check_type(model: Model, types: dict[str, str], name: str, accepted: Collection[str], why: str) -> None:
    if types[name] not in accepted:
        raise SourceError(f"column {name!r} of source.sql of model {model.name!r} is {types[name]}, {why}{_line(model, name)}")


def _line(model: Model, name: str) -> str:
    """Where source.sql gives a column its name, as the end of a sentence; empty where it is not to be seen."""
    lines = model.text("source.sql").splitlines()
    for pattern in (rf"\bAS\s+`?{re.escape(name)}`?(?!\w)", rf"(?<!\w){re.escape(name)}(?!\w)"):
        for number, line in enumerate(lines, start=1):
            if re.search(pattern, line.partition("--")[0], re.IGNORECASE):
                return f" (line {number} of source.sql)"
    return ""


def _check_slices(model: Model, types: dict[str, str]) -> None:
    for name in {name for names in model.evaluation.slices for name in names}:
        _check_type(model, types, name, SLICE_TYPES, "a column that evaluation.slices names must be STRING, INT64 or BOOL: cast it")
    for threshold in model.evaluation.thresholds:
        for name, value in threshold.slice.items():
            written = {"INTEGER": r"-?\d+", "BOOLEAN": "[01]", "STRING": "(?s:.*)"}[types[name]]
            if not re.fullmatch(written, value):
                raise ModelFolderError(
                    f"the threshold on {threshold.metric!r} in model.toml of model {model.name!r} is on {name} = {value!r}, "
                    f"but the column is {types[name]}: write {'true or false' if types[name] == 'BOOLEAN' else 'a whole number'}"
                )


def read_features(model: Model) -> dict[str, str]:
    """The features of schema.pbtxt: INT, FLOAT or BYTES, by name.

    Raises:
        ModelFolderError: it does not parse, or a feature is of another type or of a stage in which nothing checks it.
    """
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = _read_schema(model)
    _check_names(model, schema)
    features = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    for name, kind in features.items():
        if kind not in TYPES:
            raise ModelFolderError(f"feature {name!r} in schema.pbtxt of model {model.name!r} is {kind}: choose one of {', '.join(TYPES)}")
    for feature in schema.feature:
        stage = schema_pb2.LifecycleStage.Name(feature.lifecycle_stage)
        if feature.deprecated or stage not in CHECKED_STAGES:
            raise ModelFolderError(
                f"feature {feature.name!r} in schema.pbtxt of model {model.name!r} is {'deprecated' if feature.deprecated else stage}, "
                f"so that nothing would check it: drop it from schema.pbtxt and source.sql, or drop that line"
            )
    return features


def _check_names(model: Model, schema: "schema_pb2.Schema") -> None:
    """A feature is described once, and a list of values that it names is there."""
    names = [feature.name for feature in schema.feature]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelFolderError(f"schema.pbtxt of model {model.name!r} has feature {twice!r} twice: keep one of them")
    domains = [domain.name for domain in schema.string_domain]
    for feature in schema.feature:
        if feature.domain and feature.domain not in domains:
            there = f"those that there are: {', '.join(domains)}" if domains else "there is none"
            raise ModelFolderError(
                f"feature {feature.name!r} in schema.pbtxt of model {model.name!r} has the domain {feature.domain!r}, for which "
                f"there is no string_domain ({there}): add it, or correct the name"
            )


def read_domains(model: Model) -> dict[str, frozenset[str]]:
    """The values that schema.pbtxt allows, by feature, of those features whose values it lists.

    Raises:
        ModelFolderError: it does not parse.
    """
    schema = _read_schema(model)
    shared = {domain.name: frozenset(domain.value) for domain in schema.string_domain}
    own = {feature.name: frozenset(feature.string_domain.value) for feature in schema.feature if feature.HasField("string_domain")}
    return own | {feature.name: shared.get(feature.domain, frozenset()) for feature in schema.feature if feature.domain}


def _read_schema(model: Model) -> "schema_pb2.Schema":
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        return text_format.Parse(model.text("schema.pbtxt"), schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ModelFolderError(f"schema.pbtxt of model {model.name!r} is no tensorflow.metadata.v0.Schema: {error}; correct it") from error
