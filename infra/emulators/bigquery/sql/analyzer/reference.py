"""Functions that ZetaSQL computes itself, whole columns at a time: what it takes for a day, a moment or a number, only it knows in full."""

import re
from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL
from duckdb.sqltypes import BIGINT, VARCHAR
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from bigquery.sql import schemas
from bigquery.sql.analyzer import asking
from bigquery.sql.language import language_options
from bigquery.sql.webassembly import Refusal

MICROSECONDS = "UNIX_MICROS(TIMESTAMP({}))"
COMPUTED = {
    "PARSE_DATE": (2, "UNIX_DATE({})"),
    "PARSE_DATETIME": (2, MICROSECONDS),
    "PARSE_TIME": (2, "TIME_DIFF({}, TIME '00:00:00', MICROSECOND)"),
    "PARSE_TIMESTAMP": (3, MICROSECONDS),
    "PARSE_NUMERIC": (1, "CAST({} AS STRING)"),
}
"""Functions of texts, how many they have, and what is asked of their values: a number, or a text."""
SAFE = "SAFE."
DAY = re.compile("%F|%%")
FULL_DAY = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
"""A day as %F is known to be parsed."""

Rows = Sequence[tuple[str, ...]]


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions callable, each of one array of texts: `_parse_date`, and `_safe_parse_date`, which is NULL for an error."""
    texts = duckdb.list_type(VARCHAR)
    for name, (_, shown) in COMPUTED.items():
        kind, arrow = (VARCHAR, pa.string()) if "STRING" in shown else (BIGINT, pa.int64())
        for prefix in ("", SAFE):
            called = f"_{prefix.replace('.', '_')}{name}".lower()
            connection.create_function(called, _column(f"{prefix}{name}", arrow), [texts], kind, type=ARROW, null_handling=SPECIAL)


def _column(function: str, kind: pa.DataType) -> Callable[[pa.ChunkedArray], pa.Array]:
    def compute(arrays: pa.ChunkedArray) -> pa.Array:
        rows = [tuple(texts) for texts in arrays.to_pylist()]
        asked = list(dict.fromkeys(row for row in rows if None not in row))
        values = dict(zip(asked, evaluate(function, asked), strict=True))
        return pa.array(map(values.get, rows), kind, size=len(rows))

    return compute


def evaluate(function: str, rows: Rows) -> list[int | str | None]:
    """The values of a function, with `SAFE.` before its name or without.

    Raises:
        ValueError: there is none for one of the rows, in BigQuery's words.
    """
    if not rows:
        return []
    with asking.in_use:
        request = service.EvaluateRequest(prepared_expression_id=_prepared(function))
        for place, column in enumerate(zip(*map(_as_asked, rows), strict=True)):
            value = ValueProto()
            value.array_value.element.extend(ValueProto(string_value=text) for text in column)
            request.params.add(name=f"a{place}", value=value)
        try:
            answer = asking.ask("Evaluate", request, service.EvaluateResponse)
        except Refusal as refusal:
            raise ValueError(str(refusal).partition("Message: ")[2]) from refusal
    values = [getattr(one, kind) if (kind := one.WhichOneof("value")) else None for one in answer.value.array_value.element]
    for row, value in zip(rows, values, strict=True):
        if value is not None and _as_asked(row) != row and not FULL_DAY.search(row[1]):
            raise ValueError(f'The emulator does not support %F of a text without all digits, such as "{row[1]}"')
    return values


def _as_asked(row: tuple[str, ...]) -> tuple[str, ...]:
    """A template without %F, which BigQuery parses and this build of ZetaSQL does not."""
    return DAY.sub(lambda found: "%Y-%m-%d" if found[0] == "%F" else found[0], row[0]), *row[1:]


def _prepared(function: str) -> int:
    """The number of an expression that gives the values of a function for arrays of its arguments."""
    if function not in asking.prepared:
        arguments, shown = COMPUTED[function.removeprefix(SAFE)]
        texts = schemas.array(schemas.scalar("STRING"))
        names = [f"a{place}" for place in range(arguments)]
        call = f"{function}({', '.join(f'@{name}[OFFSET(place)]' for name in names)})"
        options = AnalyzerOptionsProto(
            language_options=language_options(),
            default_timezone="UTC",
            query_parameters=[AnalyzerOptionsProto.QueryParameterProto(name=name, type=texts) for name in names],
        )
        sql = f"ARRAY(SELECT {shown.format(call)} FROM UNNEST(@a0) WITH OFFSET AS place ORDER BY place)"
        request = service.PrepareRequest(sql=sql, options=options)
        request.simple_catalog.builtin_function_options.language_options.CopyFrom(language_options())
        asking.prepared[function] = asking.ask("Prepare", request, service.PrepareResponse).prepared.prepared_expression_id
    return asking.prepared[function]
