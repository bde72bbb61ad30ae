"""The service's description: OpenAPI 3.1, and a page that shows it without scripts."""

import html
import math
from collections.abc import Mapping
from typing import Any

import orjson

from components.scoring.allowed import Domain
from components.serving.directory import Directory
from components.serving.service import Servable
from components.training.signatures import Column

JSON_TYPES = {"int64": "integer", "float32": "number", "string": "string"}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "td,th{padding:.2rem .8rem .2rem 0;text-align:left}table{display:block;overflow:auto}"
)
TITLE = "Prediction service"
HEAD = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title>'


def openapi_document(directory: Directory[Servable]) -> bytes:
    """OpenAPI 3.1 of the models that are served now."""
    paths: dict[str, Any] = {
        "/healthz": {"get": _operation("Whether the process lives", "text/plain")},
        "/readyz": {"get": _operation("Whether every live model is loaded and warm", "text/plain")},
        "/metrics": {"get": _operation("Metrics for Prometheus", "text/plain")},
    }
    schemas: dict[str, Any] = {}
    for model, servable in _live(directory).items():
        schemas[model] = _row_schema(servable)
        paths[f"/v1/models/{model}"] = {"get": _operation(f"The versions of {model} and their states")}
        paths[f"/v1/models/{model}:predict"] = {"post": _predict(model)}
        paths[f"/v2/models/{model}"] = {"get": _operation(f"The inputs and outputs of {model}")}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Perennial's prediction service", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def openapi_page(directory: Directory[Servable]) -> bytes:
    """The models with their features and what each may be, as HTML."""
    parts = [HEAD, f"<style>{STYLE}</style><h1>{TITLE}</h1>"]
    parts.append('<p><a href="/openapi.json">OpenAPI</a> · <a href="/metrics">metrics</a> · <a href="/readyz">ready?</a></p>')
    for model, servable in _live(directory).items():
        features = servable.reader.features
        rows = "".join(f"<tr><td>{_text(column.name)}<td>{_text(features.expected(column))}" for column in features.signatures.columns)
        parts.append(f"<h2>{_text(model)}, version {servable.version}</h2><p>POST /v1/models/{_text(model)}:predict</p>")
        parts.append(f"<table><tr><th>field<th>allowed{rows}</table>")
    return "".join(parts).encode()


def _live(directory: Directory[Servable]) -> dict[str, Servable]:
    return {model: served.loaded[served.default] for model, served in sorted(directory.models.items()) if served.default is not None}


def _operation(summary: str, content: str = "application/json") -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "The answer", "content": {content: {}}}}}


def _predict(model: str) -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["instances"],
        "properties": {"instances": {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{model}"}}},
    }
    refused = {"description": "A field is not what the schema allows; the text names it"}
    operation = _operation(f"Scores of rows by the live version of {model}")
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    operation["responses"] |= {"400": refused, "404": {"description": "The model or version is not served"}}
    return operation


def _row_schema(servable: Servable) -> dict[str, Any]:
    features = servable.reader.features
    columns = features.signatures.columns
    properties = {column.name: _value_schema(column, features.domains.get(column.name, Domain())) for column in columns}
    identities = {name: {"type": kind} for name, kind in ((features.key, ["string", "integer"]), (features.span, "string")) if name}
    required = [column.name for column in columns if not column.optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties | identities}


def _value_schema(column: Column, domain: Domain) -> Mapping[str, Any]:
    schema: dict[str, Any] = {"type": JSON_TYPES[column.dtype]}
    if math.isfinite(domain.lowest):
        schema["minimum"] = domain.lowest
    if math.isfinite(domain.highest):
        schema["maximum"] = domain.highest
    if domain.values is not None:
        schema["enum"] = sorted(value.decode(errors="replace") for value in domain.values)
    return schema if column.shape == (1,) else {"type": "array", "items": schema}


def _text(value: str) -> str:
    return html.escape(value)
