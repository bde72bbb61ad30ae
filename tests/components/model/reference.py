"""The page docs/model-toml.md: every key of model.toml, written from the types that parse it and the docstrings beside them."""

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from components.model.continuous_section import TargetName
from components.model.folder import Model
from components.model.resources import Label, Memory, Processors
from components.model.sections import ClassName, ColumnName, DatasetTable, Identifier, Section

Schema = Mapping[str, Any]
"""A JSON Schema, as pydantic makes it."""

NOT_IN_THE_FILE = {"name", "folder"}
"""These say where the file is."""
PATTERNS = {
    TypeAdapter(kind).json_schema()["pattern"]: words
    for kind, words in {
        Identifier: "identifier",
        ColumnName: "column",
        DatasetTable: "`DATASET.TABLE`",
        ClassName: "identifier",
        TargetName: "target",
        Processors: "text",
        Memory: "text",
        Label: "label of Kubernetes",
    }.items()
}
FORMATS = {"date": "date", "time": "time of day"}
SIMPLE = {"string": "text", "boolean": "true or false", "null": "nothing"}
TITLE = """# Every key of model.toml

A model's folder has a file `model.toml` ([a model of your own](own-model.md)). These are all its sections and keys; an unknown one is
refused by name. This page is written from the types that read the file, so that it cannot be out of date. A key without a default
must be given.
"""


@dataclass(frozen=True)
class Table:
    """A section of the file: its heading, such as `[source]`, and what parses it."""

    heading: str
    kind: type[BaseModel]
    is_optional: bool = False
    above: str = ""
    """The heading of the section that it is in."""
    shared: tuple[str, ...] = ()
    """The keys that this one has, too."""


def reference() -> str:
    """The whole page."""
    return "\n".join([TITLE, *(part for table in tables() for part in _section(table))])


def tables() -> Iterator[Table]:
    """The sections in the order of the types: each before those inside it."""
    yield Table("", Model)
    yield from _inside(Model, ())


def keys(table: Table) -> dict[str, FieldInfo]:
    """The keys that a section has itself, the sections inside it left out."""
    return {
        field.alias or name: field
        for name, field in table.kind.model_fields.items()
        if name not in table.shared and not (table.kind is Model and (name in NOT_IN_THE_FILE or _section_of(field.annotation)))
    }


def meaning(kind: type[BaseModel], key: str) -> str:
    """The docstring below a key, in the class itself or the one that it has the key from."""
    for parent in kind.__mro__:
        texts = _docstrings(parent) if issubclass(parent, Section) else {}
        names = [name for name, field in kind.model_fields.items() if key in (name, field.alias)]
        if text := next((texts[name] for name in names if name in texts), ""):
            return text
    return ""


def _inside(kind: type[BaseModel], above: tuple[str, ...]) -> Iterator[Table]:
    for name, field in kind.model_fields.items():
        section = _section_of(field.annotation)
        if section is None:
            continue
        is_list, is_named = "tuple[" in str(field.annotation), "dict[" in str(field.annotation)
        path = (*above, name, *(["NAME"] if is_named else []))
        heading = f"[[{'.'.join(path)}]]" if is_list else f"[{'.'.join(path)}]"
        shared = next(tuple(parent.model_fields) for parent in section.__mro__ if issubclass(parent, Section) and issubclass(kind, parent))
        yield Table(heading, section, not field.is_required(), above=f"[{'.'.join(above)}]", shared=shared)
        if not issubclass(kind, section):
            yield from _inside(section, path)


def _section_of(annotation: object) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_of(part))), None)


def _section(table: Table) -> Iterator[str]:
    if table.heading:
        text = inspect.cleandoc(table.kind.__doc__ or "")
        yield f"## `{table.heading}`\n\n{text}{' It may be left out.' if table.is_optional else ''}\n"
    if table.shared:
        yield f"Keys of `{table.above}` that are here, too: {', '.join(f'`{key}`' for key in table.shared)}.\n"
    if not keys(table):
        return
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    schema = table.kind.model_json_schema()
    for name, field in keys(table).items():
        cells = (f"`{name}`", _type(schema["properties"][name], schema.get("$defs", {})), _default(field), meaning(table.kind, name))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _docstrings(kind: type) -> dict[str, str]:
    """The docstrings below the attributes of a class, which are not kept at run time."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        above.target.id: " ".join(below.value.value.split())
        for above, below in zip(body.body, body.body[1:], strict=False)
        if isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "none"
    return "its own" if isinstance(value, Section) else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    match value:
        case time():
            return json.dumps(f"{value:%H:%M}")
        case Enum():
            return json.dumps(value.value)
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{name} = {_toml(each)}' for name, each in value.items())}}}"
        case str() | bool() | int() | float():
            return json.dumps(value)
        case _:
            return str(value)


def _type(schema: Schema, defined: Mapping[str, Schema]) -> str:
    """A type in words, such as `whole number, 1 to 366`."""
    if "$ref" in schema:
        target = defined[schema["$ref"].rpartition("/")[2]]
        return "section below" if target.get("type") == "object" else _type(target, defined)
    if "enum" in schema or "const" in schema:
        return _or([f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")])])
    if "anyOf" in schema:
        return _or([_type(part, defined) for part in schema["anyOf"] if part != {"type": "null"}])
    match schema["type"]:
        case "integer":
            return f"whole number{_bounds(schema, step=1)}"
        case "number":
            return f"number{_bounds(schema, step=0)}"
        case "array" if "prefixItems" in schema:
            return f"list of {len(schema['prefixItems'])}: {_type(schema['prefixItems'][0], defined)} each"
        case "array":
            return f"list{_sized(schema)} of: {_type(schema['items'], defined)}"
        case "object":
            value = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
            return f"table, of each name: {_type(value, defined)}"
        case kind:
            return PATTERNS.get(schema.get("pattern", ""), FORMATS.get(schema.get("format", ""), SIMPLE[kind]))


def _bounds(schema: Schema, *, step: int) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and "exclusiveMinimum" in schema:
        above = schema["exclusiveMinimum"]
        if step:
            low = above + step
        else:
            return f", more than {above:,}" + (f", at most {high:,}" if high is not None else "")
    if low is None:
        return ""
    return f", {low:,} to {high:,}" if high is not None else f", at least {low:,}"


def _sized(schema: Schema) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    return (f" of at least {least}" if least else "") + (f" of at most {most}" if most else "")


def _or(parts: list[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
