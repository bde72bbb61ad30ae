"""source.sql over a table, as BigQuery gets it, and what BigQuery refuses of it by the line and the column of the file."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted
from components.model.folder import Model
from components.model.source_text import SOURCE
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.columns import check_columns
from components.snapshot.window import Window

BEFORE = "SELECT * FROM ("
PLACE = re.compile(r" at \[(\d+):(\d+)\]")
TAB = 8
"""BigQuery counts a tab as reaching to the next column after a multiple of it."""
SIGNATURE = "Signature: "
"""What lines begin with that list what a function takes."""


def rows_query(model: Model, table: str) -> str:
    """source.sql over `table`, its rows in the one order that examples are written in."""
    return f"{BEFORE}{_alone(model, table)}\n) ORDER BY `{model.rows.span}`, `{model.rows.key}`"


def _alone(model: Model, table: str) -> str:
    return model.text("source.sql").replace(SOURCE, quoted(table))


def rows_parameters(window: Window) -> list[bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter]:
    """The parameters that source.sql may use."""
    return [
        bigquery.ArrayQueryParameter("spans", "DATE", list(window.spans)),
        bigquery.ScalarQueryParameter("first_partition", "DATE", window.first_partition),
        bigquery.ScalarQueryParameter("last_partition", "DATE", window.last_partition),
    ]


def dry_run(cloud: Cloud, model: Model, *, table: str, window: Window) -> bigquery.QueryJob:
    """Have BigQuery judge source.sql, alone as it is in the file: it reads nothing, and tells the columns and the bytes.

    Raises:
        SourceError: it does not run, or is no query.
        AccessError: BigQuery refuses or does not answer.
    """
    config = bigquery.QueryJobConfig(query_parameters=rows_parameters(window), dry_run=True, use_query_cache=False)
    with query_errors(cloud.settings, model, table, before=""):
        job = cloud.warehouse.query(_alone(model, table), config, timeout=60)
    if job.statement_type != "SELECT":
        raise SourceError(f"source.sql of model {model.name!r} is a statement of the type {job.statement_type}: it must be one SELECT")
    return job


@contextmanager
def query_errors(settings: Settings, model: Model, table: str, *, before: str = BEFORE) -> Iterator[None]:
    """Like `bigquery_errors`, where source.sql is run on a table: places are those of the file.

    Args:
        settings: name the service and the credentials.
        model: whose source.sql it is.
        table: what `{source}` stands for.
        before: what was sent before the text of the file, on its first line.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    what, remedy = f"source.sql of model {model.name!r} does not run on {table}", "correct it, or the table"
    with bigquery_errors(settings, what, remedy=remedy):
        try:
            yield
        except BadRequest as error:
            message = str(error.errors[0]["message"]) if error.errors else ""
            places = list(PLACE.finditer(message))
            if not places:
                raise
            line, column = (int(number) for number in places[-1].groups())
            column = _column_in_file(_line(model.text("source.sql"), line), quoted(table), before if line == 1 else "", column)
            raise SourceError(f"{what}: {_told(message)} (line {line}, column {column}); {remedy}") from error


def _told(message: str) -> str:
    """The sentence of an error, without its place and without the signatures that a function has."""
    lines = [line.strip() for line in PLACE.sub("", message).splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith(SIGNATURE)), len(lines))
    return ". ".join(line for line in lines[:first] if line)


def _line(text: str, number: int) -> str:
    return dict(enumerate(text.split("\n"), start=1)).get(number, "")


def _column_in_file(line: str, table: str, before: str, column: int) -> int:
    """The column, in characters, of the place in a line that BigQuery calls `column` in what it was sent."""
    wanted, reached, place = _offset(before + line.replace(SOURCE, table), column), len(before), 0
    while place < len(line):
        step, sent = (len(SOURCE), len(table)) if line.startswith(SOURCE, place) else (1, 1)
        if wanted < reached + sent:
            break
        place, reached = place + step, reached + sent
    return place + 1


def _offset(line: str, column: int) -> int:
    """How many characters are before a column, tabs counted as BigQuery does."""
    reached = 1
    for offset, character in enumerate(line):
        if reached >= column:
            return offset
        reached = (reached - 1) // TAB * TAB + TAB + 1 if character == "\t" else reached + 1
    return len(line)


def check_query(cloud: Cloud, model: Model, *, table: str, window: Window) -> None:
    """Dry-run source.sql, and check its columns against schema.pbtxt.

    Raises:
        SourceError: it does not run, would read more than `maximum_bytes_billed`, or a column is missing or of another type.
        ModelFolderError: schema.pbtxt is not one.
        AccessError: BigQuery refuses or does not answer.
    """
    job = dry_run(cloud, model, table=table, window=window)
    if (job.total_bytes_processed or 0) > cloud.settings.maximum_bytes_billed:
        raise SourceError(
            f"source.sql of model {model.name!r} would read {job.total_bytes_processed:,} bytes, "
            f"PERENNIAL_MAXIMUM_BYTES_BILLED is {cloud.settings.maximum_bytes_billed:,}: narrow the window or raise the limit"
        )
    check_columns(model, job.schema)
