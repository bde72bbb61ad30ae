"""Batch prediction: rows of a file or of a BigQuery query to scores, by the same reading and scoring as in the service."""

import csv
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import batched, chain, islice
from pathlib import Path
from typing import IO, Any

import orjson

from components.cloud import Cloud
from components.errors import SourceError
from components.files import FOR_EVERYBODY, replacing
from components.protocol.equal_keys import keys_differ
from components.protocol.refusal import Refusal
from components.scoring.allowed import Features
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.snapshot.bigquery_errors import bigquery_errors
from components.wording import legible

BATCH_ROWS = 1024
READERS = (".csv", ".jsonl", ".parquet")


def read_rows(path: Path, features: Features, *, allow_missing: bool = False) -> Iterator[Mapping[str, object]]:
    """The rows of a CSV, JSONL or Parquet file. In CSV an empty field is no value; columns that are no features are left out.

    Raises:
        SourceError: the file cannot be read, is of another kind, or lacks a column of the version, unless `allow_missing`.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    if path.suffix not in readers:
        raise SourceError(f"{path} is none of {', '.join(READERS)}: convert it, or give --query")
    try:
        rows = readers[path.suffix](path, features)
        yield from _features_of(rows, features, str(path), allow_missing=allow_missing)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}): give a file that can") from error


def query_rows(cloud: Cloud, query: str, features: Features, *, allow_missing: bool = False) -> Iterator[Mapping[str, object]]:
    """The rows of a query in GoogleSQL.

    Raises:
        SourceError: BigQuery refuses the query, or its rows lack a column of the version, unless `allow_missing`.
        AccessError: BigQuery cannot be reached, or refuses the credentials.
    """
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with bigquery_errors(cloud.settings, "the query of rows to predict", remedy="correct the query"):
        rows = (dict(row) for row in cloud.warehouse.query(query, config).result())
        yield from _features_of(rows, features, "the query", allow_missing=allow_missing)


def require_columns(names: Iterable[str], features: Features, what: str) -> None:
    """A column that rows may lack and that is misspelt would be scored as missing; any other the reader refuses.

    Raises:
        SourceError: `what` has not every such column of the version.
    """
    there = set(names)
    for column in features.signatures.optional:
        if column.name not in there:
            near = difflib.get_close_matches(column.name, sorted(there - set(features.names)), n=1)
            remedy = f"is it {near[0]!r}? Rename it" if near else "add it"
            raise SourceError(f"{what} has no column {column.name!r}: {remedy}, or allow that columns are missing")


def plain_value(value: object, dtype: str) -> object:
    """A value of BigQuery, Parquet or pandas as training encodes it: NUMERIC is a number, BOOL as a whole number 0 or 1."""
    if isinstance(value, Decimal):
        return float(value)
    if dtype == "int64" and isinstance(value, bool):
        return int(value)
    return value


def _features_of(
    rows: Iterable[Mapping[str, object]], features: Features, what: str, *, allow_missing: bool
) -> Iterator[Mapping[str, object]]:
    """What of the rows are features, key and date. It is known at the end which column none has."""
    kinds = {column.name: column.dtype for column in features.signatures.columns}
    seen: set[str] = set()
    for row in rows:
        seen |= row.keys()
        plain = {name: plain_value(row[name], kinds[name]) for name in kinds if name in row}
        names = [name for name in (features.key, features.span) if name and name in row]
        yield plain | {name: _identity(row[name], is_date=name == features.span) for name in names}
    if seen and not allow_missing:
        require_columns(seen, features, what)


def _identity(value: object, *, is_date: bool) -> object:
    """A key or a date: points in time as BigQuery's CAST to STRING has them."""
    if isinstance(value, datetime) and is_date:
        return value.date().isoformat()
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        fraction = f"{moment:.%f}".removesuffix("000").removesuffix(".000")
        return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}" + ("+00" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else value


def predict_rows(scorer: Scorer, reader: RowReader, rows: Iterable[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Key, date and score of each row, in order. A model of several classes has a list of scores.

    Raises:
        SourceError: a row is not what the schema allows; the text names row, field and value. Rows before it have been given.
    """
    start, iterator = 0, iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        try:
            found = reader.read(batch)
        except Refusal as refusal:
            raise SourceError(_by_row(str(refusal), start)) from refusal
        scores = scorer.score(found.packed)
        for key, span, values in zip(found.keys, found.spans, scores.tolist(), strict=True):
            identity = {name: value for name, value in ((reader.features.key, key), (reader.features.span, span)) if name}
            yield identity | {"score": values[0] if len(values) == 1 else values}
        start += len(batch)


def _by_row(text: str, start: int) -> str:
    """The error of a request's instance as that of a row of the whole, counted from 1."""
    return re.sub(r"^instances\[(\d+)\]", lambda match: f"row {start + int(match[1]) + 1}", text)


def write_rows(rows: Iterable[Mapping[str, object]], output: Path | None) -> int:
    """Write the rows as the file's name says, .csv, .jsonl or .parquet; without a file, as JSON lines on the standard output.

    Returns how many they are.

    Raises:
        SourceError: the file has another name, or cannot be written.
    """
    if output is None:
        return _write_json(rows, sys.stdout.buffer)
    writers = {".csv": _write_csv, ".jsonl": _write_json, ".parquet": _write_parquet}
    if output.suffix not in writers:
        raise SourceError(f"{output} is none of {', '.join(READERS)}: give it such a name")
    try:
        with replacing(output, FOR_EVERYBODY) as file:
            return writers[output.suffix](rows, file)
    except OSError as error:
        raise SourceError(f"{output} cannot be written ({error.strerror or error}): give another --output") from error


def _csv_rows(path: Path, features: Features) -> Iterator[Mapping[str, object]]:
    kinds = {column.name: column.dtype for column in features.signatures.columns}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            names = list(reader.fieldnames or ())
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise SourceError(f"{path} has two columns {legible(twice)!r}: leave one out")
            for row in reader:
                if None in row or None in row.values():
                    raise SourceError(f"line {reader.line_num} of {path} has not as many fields as the first line: correct it")
                yield {name: _csv_value(text, kinds.get(name, "")) for name, text in row.items()}
        except csv.Error as error:
            raise SourceError(f"line {reader.line_num + 1} of {path} is no CSV: {error}") from error


def _csv_value(text: str, dtype: str) -> object:
    if text == "":
        return None
    read = {"int64": int, "float32": float}.get(dtype)
    if read is None or "_" in text:  # Python takes it between digits
        return text
    try:
        return read(text)
    except ValueError:
        return text  # the schema's error names it


def _json_rows(path: Path, features: Features) -> Iterator[Mapping[str, object]]:  # noqa: ARG001 - as the others
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise SourceError(f"line {number} of {path} is no JSON: {error}") from error
            if not isinstance(row, dict):
                raise SourceError(f"line {number} of {path} is no JSON object: write one object a line")
            if line.count(b":") > len(row) and not keys_differ(line):
                raise SourceError(f"line {number} of {path} has a key twice: leave one out")
            yield row


def _parquet_rows(path: Path, features: Features) -> Iterator[Mapping[str, object]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        columns = [name for name in file.schema_arrow.names if name in features.names]
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise SourceError(f"{path} is no Parquet: {error}") from error


def _write_json(rows: Iterable[Mapping[str, object]], file: IO[bytes]) -> int:
    count = sum(1 for row in rows if file.write(orjson.dumps(row) + b"\n"))
    file.flush()
    return count


def _write_csv(rows: Iterable[Mapping[str, object]], file: IO[bytes]) -> int:
    import io

    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer, count = csv.writer(text, lineterminator="\n"), 0
    for count, row in enumerate(rows, 1):
        flat = _flat(row)
        if count == 1:
            writer.writerow(flat)
        writer.writerow(flat.values())
    text.detach()
    return count


def _write_parquet(rows: Iterable[Mapping[str, object]], file: IO[bytes]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    def typed(name: str, value: object) -> pa.DataType:
        score = pa.list_(pa.float64()) if isinstance(value, list) else pa.float64()
        return score if name == "score" else pa.string()

    iterator, count = iter(rows), 0
    first = list(islice(iterator, 1))
    schema = pa.schema([(name, typed(name, value)) for row in first for name, value in row.items()])
    with parquet.ParquetWriter(file, schema) as writer:
        for batch in batched(chain(first, iterator), BATCH_ROWS):
            writer.write_batch(pa.RecordBatch.from_pylist([dict(row) for row in batch], schema))
            count += len(batch)
    return count


def _flat(row: Mapping[str, Any]) -> dict[str, object]:
    scores: Sequence[float] | float = row["score"]
    if not isinstance(scores, list):
        return dict(row)
    rest = {name: value for name, value in row.items() if name != "score"}
    return rest | {f"score_{place}": score for place, score in enumerate(scores)}
