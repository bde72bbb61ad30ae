"""The table of a model's predictions in BigQuery: a row an instance, a partition a day, a column a feature."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.errors import SourceError
from components.files import write_whole
from components.prediction_log.record import LogRecord
from components.training.signatures import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud import bigquery

DATASET = "predictions"
DAY = "event_date"
FIXED = (
    ("request_id", "STRING"),
    ("instance", "INTEGER"),
    ("event_time", "TIMESTAMP"),
    ("target", "STRING"),
    ("model", "STRING"),
    ("version", "INTEGER"),
    ("role", "STRING"),
    ("key", "STRING"),
    ("span", "DATE"),
    ("score", "FLOAT"),
    ("class_scores", "FLOAT"),
    ("latency_microseconds", "INTEGER"),
    ("sampling_weight", "FLOAT"),
    ("trace_id", "STRING"),
    ("environment", "STRING"),
    ("hidden_features", "STRING"),
)
"""The columns that every log has. `score` is that of a binary model, `class_scores` are those of several classes
or quantiles, in their order.
`hidden_features` are those that the row has hashed, or not at all."""
REPEATED = {"class_scores", "hidden_features"}
TYPES = {"int64": "INTEGER", "float32": "FLOAT", "string": "STRING"}
DESCRIPTION = "Predictions, one row an instance, written by `perennial serve`. The scores are those that were answered."


@dataclass(frozen=True)
class LogTable:
    """Where the predictions of a version go, and in which columns. It lies beside the segments, as JSON."""

    table: str
    """PROJECT.DATASET.TABLE"""
    day_field: str
    target: str
    model: str
    environment: str
    """What the bits of a score depend on."""
    columns: tuple[Column, ...]
    expires_days: int | None = None
    key: str | None = None
    """The name of the column that `key` holds."""
    span: str | None = None
    """The name of the one that `span` holds."""
    hashed: tuple[str, ...] = ()
    """Columns of which only the SHA-256 of a text is logged, and of a number nothing."""
    omitted: tuple[str, ...] = ()
    """Columns of which nothing is logged."""
    mistyped: tuple[str, ...] = ()
    """Features of which nothing is logged either: the table has their column as another type, by an earlier version."""
    has_view: bool = True
    """Whether it gets the view of predictions beside it."""

    @property
    def feature_fields(self) -> dict[str, str]:
        """The column of the log by the name of a feature."""
        return {column.name: feature_field(column.name, self.day_field) for column in self.columns}

    def write(self, path: Path) -> None:
        """Put it beside the segments."""
        write_whole(path, json.dumps(asdict(self)))


REFUSED = "refused"
"""The suffix of the log of requests that were not answered, beside the log of predictions; and of its segments' folder."""
STATUS, ROW_COUNT = "status", "row_count"


def refused_log(log: LogTable) -> LogTable:
    """The log of a model's requests that were refused, or failed, a row a request: when, with which status, and how many rows it had."""
    columns = Column(STATUS, "int64"), Column(ROW_COUNT, "int64")
    return replace(log, table=f"{log.table}_{REFUSED}", columns=columns, key=None, span=None, hashed=(), omitted=(), has_view=False)


def feature_field(feature: str, day_field: str) -> str:
    """The column of the log that has a feature; `day_field` is the one by which it is partitioned."""
    own = {day_field.casefold(), *(name for name, _ in FIXED)}
    return f"{feature}_feature" if feature.casefold() in own else feature  # BigQuery's columns do not differ by case


def read_log_table(path: Path) -> LogTable:
    """What `LogTable.write` wrote."""
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    columns = tuple(Column(c["name"], c["dtype"], tuple(c["shape"]), c["optional"]) for c in fields.pop("columns"))
    fields |= {name: tuple(fields[name]) for name in ("hashed", "omitted", "mistyped")}
    return LogTable(**fields, columns=columns)


def ensure_table(client: "bigquery.Client", log: LogTable) -> LogTable:
    """Have the table, with a column for each feature; what is there is only added to. Errors of the client are not translated.

    Returns the log as the table takes it.

    Raises:
        SourceError: a column that every log has is of another type.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    schema = _schema(log)
    try:
        table = client.get_table(log.table)
    except NotFound:
        table = bigquery.Table(log.table, schema)
        table.description = DESCRIPTION
        table.time_partitioning = bigquery.TimePartitioning(
            field=log.day_field, expiration_ms=log.expires_days * 86_400_000 if log.expires_days else None
        )
        try:
            client.create_table(table, exists_ok=True)
        except NotFound:  # whoever may write to the dataset needs no right to make one
            client.create_dataset(log.table.rpartition(".")[0], exists_ok=True)
            client.create_table(table, exists_ok=True)
        table = client.get_table(log.table)
    present = {field.name.casefold(): field for field in table.schema}
    if missing := [field for field in schema if field.name.casefold() not in present]:
        table.schema = [*table.schema, *missing]
        client.update_table(table, ["schema"])
    others = {field.name: there for field in schema if (there := present.get(field.name.casefold())) and _kind(there) != _kind(field)}
    fields = log.feature_fields
    for name in others.keys() - set(fields.values()):
        kind = " ".join(_kind(others[name]))
        raise SourceError(f"the log {log.table} has the column {name} as {kind}: name another table in [serving] log of model.toml")
    return replace(log, mistyped=tuple(feature for feature, name in fields.items() if name in others))


def _kind(field: "bigquery.SchemaField") -> tuple[str, str]:
    names = {"INT64": "INTEGER", "FLOAT64": "FLOAT"}
    return names.get(field.field_type, field.field_type), "REPEATED" if field.mode == "REPEATED" else "NULLABLE"


def _schema(log: LogTable) -> list["bigquery.SchemaField"]:
    from google.cloud import bigquery

    fields = [bigquery.SchemaField(log.day_field, "DATE")]
    fields += [bigquery.SchemaField(name, kind, "REPEATED" if name in REPEATED else "NULLABLE") for name, kind in FIXED]
    names = log.feature_fields
    for column in log.columns:
        mode = "NULLABLE" if column.shape == (1,) else "REPEATED"
        fields.append(bigquery.SchemaField(names[column.name], TYPES[column.dtype], mode))
    return fields


def arrow_rows(log: LogTable, records: Sequence[LogRecord]) -> "pa.RecordBatch":
    """The rows of requests as the table takes them."""
    import pyarrow as pa

    headers = [record.header for record in records for _ in range(record.header.rows)]
    times = np.array([header.event_microseconds for header in headers], np.int64)
    scores = np.concatenate([record.scores for record in records]).astype(np.float64)
    is_binary = scores.shape[1] == 1
    spans = [span for record in records for span in record.header.spans]
    arrays: dict[str, Any] = {
        log.day_field: pa.array(times // 86_400_000_000, pa.int32()).cast(pa.date32()),
        "request_id": pa.array([header.request_id for header in headers]),
        "instance": pa.array([record.header.instance + place for record in records for place in range(record.header.rows)], pa.int64()),
        "event_time": pa.array(times, pa.timestamp("us", "UTC")),
        "target": pa.array([log.target] * len(headers)),
        "model": pa.array([log.model] * len(headers)),
        "version": pa.array([header.version for header in headers], pa.int64()),
        "role": pa.array([header.role for header in headers]),
        "key": pa.array([key for record in records for key in record.header.keys], pa.string()),
        "span": pa.array(spans, pa.string()).cast(pa.date32()),
        "score": pa.array(scores[:, 0] if is_binary else [None] * len(headers), pa.float64()),
        "class_scores": pa.array([[]] * len(headers) if is_binary else scores.tolist(), pa.list_(pa.float64())),
        "latency_microseconds": pa.array([header.latency_microseconds for header in headers], pa.int64()),
        "sampling_weight": pa.array([header.weight for header in headers], pa.float64()),
        "trace_id": pa.array([header.trace_id for header in headers], pa.string()),
        "environment": pa.array([log.environment] * len(headers)),
    }
    arrays |= _features(log, records)
    hidden, own = {*log.hashed, *log.omitted, *log.mistyped}, {log.key: "key", log.span: "span"}
    for name in hidden:
        field = own.get(name) or log.feature_fields.get(name)
        if field in arrays:
            arrays[field] = _hidden(arrays[field], is_hashed=name in log.hashed)
    for name in log.mistyped:
        del arrays[log.feature_fields[name]]
    arrays["hidden_features"] = pa.array([sorted(hidden & log.feature_fields.keys())] * len(headers), pa.list_(pa.string()))
    return pa.RecordBatch.from_pydict(arrays)


def _hidden(cells: Any, *, is_hashed: bool) -> Any:
    """What is logged of a sensitive column."""
    import pyarrow as pa

    if is_hashed and cells.type == pa.string():
        hashes = [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in cells.to_pylist()]
        return pa.array(hashes, pa.string())
    return pa.array([[]] * len(cells), cells.type) if pa.types.is_list(cells.type) else pa.nulls(len(cells), cells.type)


def _features(log: LogTable, records: Sequence[LogRecord]) -> Mapping[str, Any]:
    import pyarrow as pa

    whole: dict[str, Any] = {name: np.concatenate([r.numbers[name] for r in records]) for name in records[0].numbers}
    whole["string"] = [texts for record in records for texts in record.header.texts]
    arrow = {"int64": pa.int64(), "float32": pa.float64(), "string": pa.string()}
    starts, arrays, optional = dict.fromkeys(TYPES, 0), {}, 0
    for column in log.columns:
        start = starts[column.dtype]
        starts[column.dtype] = start + column.width
        values = [list(row[start : start + column.width]) for row in whole[column.dtype]]
        cells: list[Any] = [value[0] for value in values] if column.shape == (1,) else values
        if column.optional:
            cells = [cell if is_there else None for cell, is_there in zip(cells, whole["present"][:, optional], strict=True)]
            optional += 1
        kind = arrow[column.dtype]
        arrays[log.feature_fields[column.name]] = pa.array(cells, kind if column.shape == (1,) else pa.list_(kind))
    return arrays


VIEW = """
SELECT model AS model, CAST(version AS STRING) AS model_version, event_time AS time, request_id,
  TO_JSON_STRING(log) AS raw_data, TO_JSON_STRING(IF(score IS NULL, class_scores, [score])) AS raw_prediction,
  CAST(NULL AS STRING) AS groundtruth
FROM `{table}` AS log
WHERE role != 'shadow'
"""
"""The log in the shape of Vertex AI's request-response log."""


def ensure_view(client: "bigquery.Client", log: LogTable) -> None:
    """Have the view TABLE_request_response beside the table. Errors of the client are not translated."""
    from google.cloud import bigquery

    view = bigquery.Table(f"{log.table}_request_response")
    view.view_query = VIEW.format(table=log.table)
    client.create_table(view, exists_ok=True)
