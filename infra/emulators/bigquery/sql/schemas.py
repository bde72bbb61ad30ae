"""Types, columns, tables and query parameters of BigQuery, in ZetaSQL's terms."""

from collections.abc import Iterable, Mapping

from local_bigquery.errors import BigQueryError
from local_bigquery.models import QueryParameter, QueryParameterType, TableFieldSchema
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleColumnProto, SimpleTableProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import (
    ArrayTypeProto,
    RangeTypeProto,
    StructFieldProto,
    StructTypeProto,
    TypeKind,
    TypeProto,
)

KINDS = {
    "INTEGER": "INT64",
    "FLOAT": "DOUBLE",
    "FLOAT64": "DOUBLE",
    "BOOLEAN": "BOOL",
    "BIGDECIMAL": "BIGNUMERIC",
    "DECIMAL": "NUMERIC",
}
"""ZetaSQL's name of a type, where it is another one than BigQuery's."""
RESULT_TYPES = {"INT64": "INTEGER", "DOUBLE": "FLOAT", "BOOL": "BOOLEAN"}
"""The name of a type in a result's schema, where it is another one than ZetaSQL's."""
SCALARS = frozenset(
    {
        *("INT64", "DOUBLE", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "JSON", "GEOGRAPHY"),
        *("DATE", "TIME", "DATETIME", "TIMESTAMP", "INTERVAL"),
    }
)
SUFFIX = {"_TABLE_SUFFIX": "STRING"}
"""The pseudo column of a wildcard table, by its type. `SELECT *` leaves out such columns."""


def scalar(name: str) -> TypeProto:
    """A type without parts.

    Raises:
        BigQueryError: there is no such type.
    """
    kind = KINDS.get(name.upper(), name.upper())
    if kind not in SCALARS:
        raise BigQueryError("invalid", f"Invalid type: {name}")
    return TypeProto(type_kind=TypeKind.Value(f"TYPE_{kind}"))


def array(element: TypeProto) -> TypeProto:
    """The type of arrays of a type."""
    return TypeProto(type_kind=TypeKind.Value("TYPE_ARRAY"), array_type=ArrayTypeProto(element_type=element))


def struct(fields: Iterable[tuple[str, TypeProto]]) -> TypeProto:
    """The type of structs with fields of these names and types; a field without a name has the name ''."""
    members = [StructFieldProto(field_name=name, field_type=kind) for name, kind in fields]
    return TypeProto(type_kind=TypeKind.Value("TYPE_STRUCT"), struct_type=StructTypeProto(field=members))


def range_of(element: TypeProto) -> TypeProto:
    """The type of ranges of a type."""
    return TypeProto(type_kind=TypeKind.Value("TYPE_RANGE"), range_type=RangeTypeProto(element_type=element))


def column_type(field: TableFieldSchema) -> TypeProto:
    """The type of a column of a table."""
    kind = (field.type or "").upper()
    if kind in ("RECORD", "STRUCT"):
        found = struct((member.name, column_type(member)) for member in field.fields or [])
    elif kind == "RANGE":
        found = range_of(scalar(field.rangeElementType.type))
    else:
        found = scalar(kind)
    return array(found) if field.mode == "REPEATED" else found


def result_field(name: str, kind: TypeProto) -> TableFieldSchema:
    """A column of a result."""
    if kind.type_kind == TypeKind.Value("TYPE_ARRAY"):
        return result_field(name, kind.array_type.element_type).replace(mode="REPEATED")
    if kind.type_kind == TypeKind.Value("TYPE_STRUCT"):
        members = [
            result_field(field.field_name or f"_field_{place}", field.field_type) for place, field in enumerate(kind.struct_type.field, 1)
        ]
        return TableFieldSchema(name=name, type="RECORD", mode="NULLABLE", fields=members)
    if kind.type_kind == TypeKind.Value("TYPE_RANGE"):
        element = result_field("", kind.range_type.element_type).type
        return TableFieldSchema(name=name, type="RANGE", mode="NULLABLE", rangeElementType={"type": element})
    told = TypeKind.Name(kind.type_kind).removeprefix("TYPE_")
    return TableFieldSchema(name=name, type=RESULT_TYPES.get(told, told), mode="NULLABLE")


def table(name: str, columns: Iterable[TableFieldSchema], *, serialization_id: int, pseudo: Mapping[str, str]) -> SimpleTableProto:
    """A table with its columns, and the types of its pseudo columns by name."""
    described = [SimpleColumnProto(name=field.name, type=column_type(field)) for field in columns]
    described += [SimpleColumnProto(name=n, type=scalar(kind), is_pseudo_column=True) for n, kind in pseudo.items()]
    return SimpleTableProto(name=name, serialization_id=serialization_id, column=described)


def parameter_type(kind: QueryParameterType | None) -> TypeProto:
    """The type of a query parameter.

    Raises:
        BigQueryError: the request does not say a type, or there is no such type.
    """
    name = ((kind and kind.type) or "").upper()
    if kind is None or not name:
        raise BigQueryError("invalid", "Query parameter has no type")
    if name == "ARRAY":
        return array(parameter_type(kind.arrayType))
    if name == "STRUCT":
        return struct((member.name or "", parameter_type(member.type)) for member in kind.structTypes or [])
    if name == "RANGE":
        return range_of(parameter_type(kind.rangeElementType))
    return scalar(name)


def named_parameters(parameters: Iterable[QueryParameter]) -> list[AnalyzerOptionsProto.QueryParameterProto]:
    """The parameters that a query names with `@`."""
    return [
        AnalyzerOptionsProto.QueryParameterProto(name=parameter.name, type=parameter_type(parameter.parameterType))
        for parameter in parameters
        if parameter.name
    ]
