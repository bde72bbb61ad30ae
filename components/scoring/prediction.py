"""Batch prediction: rows of a file or of a BigQuery query to scores, by the same reading and scoring as in the service."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from components.cloud import Cloud
from components.errors import SourceError
from components.protocol.equal_keys import keys_differ
from components.protocol.refusal import Refusal
from components.scoring.allowed import Features
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.snapshot.bigquery_errors import bigquery_errors
from components.wording import legible

BATCH_ROWS = 1024
READERS = (".csv", ".jsonl", ".parquet")


def read_rows(path: Path, features: Features) -> Iterator[Mapping[str, object]]:
    """The rows of a CSV, JSONL or Parquet file. In CSV an empty field is no value; columns that are no features are left out.

    Raises:
        SourceError: the file cannot be read, or is of another kind.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    if path.suffix not in readers:
        raise SourceError(f"{path} is none of {', '.join(READERS)}: convert it, or give --query")
    try:
        for row in readers[path.suffix](path, features):
            yield {name: value for name, value in row.items() if name in features.names}
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}): give a file that can") from error


def query_rows(cloud: Cloud, query: str, features: Features) -> Iterator[Mapping[str, object]]:
    """The rows of a query in GoogleSQL.

    Raises:
        SourceError: BigQuery refuses the query.
        AccessError: BigQuery cannot be reached, or refuses the credentials.
    """
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with bigquery_errors(cloud.settings, "the query of rows to predict", remedy="correct the query"):
        for row in cloud.warehouse.query(query, config).result():
            yield {name: _as_read(name, value, features) for name, value in row.items() if name in features.names}


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
        SourceError: the file has another name.
    """
    if output is None:
        return _write_json(rows, sys.stdout.buffer)
    if output.suffix not in READERS:
        raise SourceError(f"{output} is none of {', '.join(READERS)}: give it such a name")
    if output.suffix == ".parquet":
        return _write_parquet(rows, output)
    draft = output.with_name(f".{output.name}.draft")
    try:
        with draft.open("wb") as file:
            count = _write_json(rows, file) if output.suffix == ".jsonl" else _write_csv(rows, file)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _as_read(name: str, value: object, features: Features) -> object:
    """A value of a typed column as training reads it: decimals are numbers, and BOOL is 0 or 1."""
    column = features.column(name)
    if isinstance(value, Decimal):
        return float(value)
    return int(value) if isinstance(value, bool) and column is not None and column.dtype == "int64" else value


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
    if "_" in text and dtype in ("int64", "float32"):
        return text  # Python would read 1_000
    try:
        return {"int64": int, "float32": float}.get(dtype, str)(text)
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
            for row in batch.to_pylist():
                yield {name: _as_read(name, value, features) for name, value in row.items()}
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


def _write_parquet(rows: Iterable[Mapping[str, object]], output: Path) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist([dict(row) for row in rows])
    parquet.write_table(table, output)
    return len(table)


def _flat(row: Mapping[str, Any]) -> dict[str, object]:
    scores: Sequence[float] | float = row["score"]
    if not isinstance(scores, list):
        return dict(row)
    rest = {name: value for name, value in row.items() if name != "score"}
    return rest | {f"score_{place}": score for place, score in enumerate(scores)}
