"""What a query is made of, read off the tree that ZetaSQL resolved it to: functions with their types, casts, kinds of rows."""

import re
from collections.abc import Iterator

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public.functions.datetime_pb2 import DateTimestampPart
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import (
    ResolvedCastProto,
    ResolvedFunctionCallBaseProto,
    ResolvedLiteralProto,
    ResolvedNonScalarFunctionCallBaseProto,
)

FORMAT_ELEMENT = re.compile(r"%(?:[^A-Za-z%]*[A-Za-z%])?")
TIME_ELEMENT = re.compile(r"%(?:(?:E[\d*]?)?[A-Za-z%])?")
NUMBER = re.compile(r"[1-9]\d*")
"""In an element of FORMAT, where one does what another does: `%.2f` and `%.3f`."""
PREFIX = "ZetaSQL:"
NULL_HANDLING = {1: "IGNORE NULLS", 2: "RESPECT NULLS"}
SAFE = 1
"""error_mode of a function that is called as SAFE.FUNCTION."""


def messages(message: Message) -> Iterator[tuple[Message, Message | None]]:
    """Every message inside of a message, and what it is the parent of: nodes hold what they inherit in a field of that name."""
    stack: list[tuple[Message, Message | None]] = [(message, None)]
    while stack:
        one, heir = stack.pop()
        yield one, heir
        for field, value in one.ListFields():
            if field.message_type is not None:
                child_heir = (heir or one) if field.name == "parent" else None
                stack += [(child, child_heir) for child in (value if field.is_repeated else [value])]


def traits(statement: Message) -> set[str]:
    """Names of all that decides whether DuckDB gives what BigQuery does: `SUM`, `CAST(STRING AS INT64)`, `$EXTRACT DAY` and so on."""
    found: set[str] = set()
    for message, heir in messages(statement):
        if isinstance(message, ResolvedFunctionCallBaseProto):
            found |= set(_function(message, heir))
        elif isinstance(message, ResolvedCastProto):
            found.add(_cast(message))
        elif message.DESCRIPTOR.name.endswith("ScanProto") and not message.DESCRIPTOR.name.startswith("Any"):
            found.add(message.DESCRIPTOR.name.removeprefix("Resolved").removesuffix("Proto"))
    return found


def _function(call: ResolvedFunctionCallBaseProto, heir: Message | None) -> Iterator[str]:
    name = call.function.name.removeprefix(PREFIX).upper()
    words = ["SAFE", name] if call.error_mode == SAFE else [name]
    yield " ".join(words + (_modifiers(heir) if heir is not None else []))
    literals = [literal for literal in map(_literal, call.argument_list) if literal is not None]
    for literal in literals:
        if literal.value.type.type_kind == TypeKind.Value("TYPE_ENUM"):
            yield f"{name} {DateTimestampPart.Name(literal.value.value.enum_value)}"
    if name.startswith(("FORMAT", "PARSE_")) and name != "PARSE_NUMERIC":
        first = _literal(call.argument_list[0])
        yield from (
            f"{name} {element}" for element in (_elements(name, first.value.value.string_value) if first is not None else ["of no literal"])
        )
    if name == "$EXTRACT" and type_name(expression_type(call.argument_list[0])) == "INTERVAL":
        yield f"{name} OF INTERVAL"


def _elements(function: str, template: str) -> list[str]:
    if not template:
        return ["of an empty text"]
    if function == "FORMAT":
        return [NUMBER.sub("N", element) for element in FORMAT_ELEMENT.findall(template)]
    return TIME_ELEMENT.findall(template)


def _modifiers(call: Message) -> list[str]:
    """What an aggregate or an analytic function is told beside its arguments."""
    words = ["OVER"] if "Analytic" in call.DESCRIPTOR.name else []
    for one, _ in messages(call):
        if isinstance(one, ResolvedNonScalarFunctionCallBaseProto):
            words += ["DISTINCT"] if one.distinct else []
            words += [NULL_HANDLING[one.null_handling_modifier]] if one.null_handling_modifier else []
            break
    named = {"having_modifier": "HAVING", "order_by_item_list": "ORDER BY", "limit": "LIMIT"}
    present = {field.name for field, _ in call.ListFields()}
    return words + [word for field, word in named.items() if field in present]


def _literal(argument: Message) -> ResolvedLiteralProto | None:
    return argument.resolved_literal_node if argument.HasField("resolved_literal_node") else None


def _cast(cast: ResolvedCastProto) -> str:
    verb = "SAFE_CAST" if cast.return_null_on_error else "CAST"
    suffix = " FORMAT" if cast.HasField("format") else ""
    return f"{verb}({type_name(expression_type(cast.expr))} AS {type_name(cast.parent.type)}){suffix}"


def expression_type(expression: Message) -> TypeProto:
    """The type of an expression of any kind."""
    message = expression
    while (
        "type" not in message.DESCRIPTOR.fields_by_name
        or message.DESCRIPTOR.fields_by_name["type"].message_type is not TypeProto.DESCRIPTOR
    ):
        inner = message.WhichOneof("node") if any(oneof.name == "node" for oneof in message.DESCRIPTOR.oneofs) else "parent"
        message = getattr(message, inner)
    return message.type


def type_name(kind: TypeProto) -> str:
    """BigQuery's name of a type."""
    name = TypeKind.Name(kind.type_kind).removeprefix("TYPE_")
    if name == "ARRAY":
        return f"ARRAY<{type_name(kind.array_type.element_type)}>"
    return "FLOAT64" if name == "DOUBLE" else name


def place(node: Message) -> tuple[int, int]:
    """Where a node stands in the query, in bytes."""
    message = node
    while "parse_location_range" not in message.DESCRIPTOR.fields_by_name:
        message = message.parent
    return message.parse_location_range.start, message.parse_location_range.end
