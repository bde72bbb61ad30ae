"""Which permissions a request needs, of what, and what BigQuery says to whoever has not got them.

https://cloud.google.com/bigquery/docs/access-control. Whoever reads a table in a query needs its data, whatever the statement.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from google.protobuf.message import Message
from identity.policy import Policy
from local_bigquery.catalog import tables
from local_bigquery.errors import BigQueryError
from sqlglot.errors import TokenError

from bigquery.sql import analysis

PATH = re.compile(
    r"(?:/upload|/resumable/upload)?/bigquery/v2/projects/([^/]+)/(datasets|jobs|queries)(?:/([^/]+))?(/tables(?:/([^/]+)(/\w+)?)?)?"
)
DATASET = {"GET": "get", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
TABLE = {"GET": "get", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
ROWS = {"/data": "getData", "/insertAll": "updateData"}
STATEMENTS: dict[str, tuple[str, ...]] = {
    "CREATE SCHEMA": ("datasets.create",),
    "CREATE SNAPSHOT TABLE": ("tables.create", "tables.updateData"),
    "CREATE TABLE": ("tables.create", "tables.updateData"),
    "CREATE VIEW": ("tables.create",),
    "DROP SNAPSHOT TABLE": ("tables.deleteSnapshot",),
    "DROP TABLE": ("tables.delete",),
    "DROP VIEW": ("tables.delete",),
    "ALTER TABLE": ("tables.get", "tables.update"),
    "INSERT": ("tables.updateData",),
    "INSERT INTO": ("tables.updateData",),
    "UPDATE": ("tables.updateData", "tables.getData"),
    "DELETE": ("tables.updateData", "tables.getData"),
    "DELETE FROM": ("tables.updateData", "tables.getData"),
    "MERGE": ("tables.updateData", "tables.getData"),
    "MERGE INTO": ("tables.updateData", "tables.getData"),
    "TRUNCATE TABLE": ("tables.updateData",),
}
"""What statements need in the dataset of the table that they change, by their first words."""
COMMENT = re.compile(r"--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
OPTIONAL = re.compile(r"\b(OR REPLACE|TEMP|TEMPORARY|IF NOT EXISTS|IF EXISTS)\b", re.IGNORECASE)
TARGET = re.compile(
    rf"({'|'.join(sorted(STATEMENTS, key=len, reverse=True))}) ((?:`[^`]*`|[\w-]+)(?: ?\. ?(?:`[^`]*`|[\w-]+))*)", re.IGNORECASE
)
INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
EXPIRES = re.compile(r"\bexpiration_timestamp\b", re.IGNORECASE)
"""In the options of CREATE SNAPSHOT TABLE."""


@dataclass(frozen=True)
class Need:
    """A permission that is needed of a project, a dataset or a table."""

    permission: str
    project: str
    dataset: str = ""
    table: str = ""

    @property
    def refusal(self) -> BigQueryError:
        """What BigQuery says to whoever has not got it."""
        name = f"bigquery.{self.permission}"
        if self.table:
            place = f"{self.project}:{self.dataset}.{self.table}"
            return BigQueryError(
                "accessDenied", f"Access Denied: Table {place}: Permission {name} denied on table {place} (or it may not exist)."
            )
        if self.dataset:
            place = f"{self.project}:{self.dataset}"
            return BigQueryError(
                "accessDenied", f"Access Denied: Dataset {place}: Permission {name} denied on dataset {place} (or it may not exist)."
            )
        return BigQueryError(
            "accessDenied", f"Access Denied: Project {self.project}: User does not have {name} permission in project {self.project}."
        )


def refuse(policy: Policy, email: str, needs: Callable[[], Iterator[Need]]) -> None:
    """Let an account pass that has all permissions that are needed.

    Raises:
        BigQueryError: it has not.
    """
    try:
        if policy.names(email):
            for need in needs():
                resource = f"datasets/{need.dataset}" if need.dataset else ""
                if not need.dataset.startswith("_") and not policy.permits(email, f"bigquery.{need.permission}", resource):
                    raise need.refusal
    except ValueError as error:
        raise BigQueryError("accessDenied", str(error)) from error


def of_request(method: str, path: str, content: bytes) -> Iterator[Need]:
    """What a request over REST needs. Jobs that whoever asks has begun need nothing more."""
    found = PATH.fullmatch(path.rstrip("/"))
    if found is None:
        return
    project, kind, name, has_tables, table, rows = found.groups()
    if kind != "datasets":
        if method == "POST" and name is None:
            yield from _of_job(project, kind, _document(content))
    elif name is None:
        yield from [Need("datasets.create", project)] if method == "POST" else []
    elif has_tables is None:
        yield Need(f"datasets.{DATASET[method]}", project, name)
    elif table is None:
        yield Need("tables.create" if method == "POST" else "tables.list", project, name)
    elif rows is not None:
        yield from [Need(f"tables.{ROWS[rows]}", project, name, table)] if rows in ROWS else []
    else:
        yield Need(f"tables.{_of_table(method, project, name, table)}", project, name, table)


def of_call(method: str, request: Message) -> Iterator[Need]:
    """What a call of the Storage Read API or the Storage Write API needs."""
    fields = {field.name: value for field, value in request.ListFields()}
    named = str(fields.get("parent") or fields.get("write_stream") or fields.get("name") or fields.get("read_stream") or "")
    _, project, *rest = f"{named}/".split("/")
    if "BigQueryRead" in method:
        yield Need("readsessions.create" if method.endswith("CreateReadSession") else "readsessions.getData", project)
        if "read_session" in fields:
            _, own, _, dataset, _, table = fields["read_session"].table.split("/")
            yield Need("tables.getData", own, dataset, table)
    elif len(rest) >= 4:
        yield Need("tables.updateData", project, rest[1], rest[3])


def _document(content: bytes) -> Mapping[str, Any]:
    """The JSON object of a request; that of an upload is the first one in its body."""
    try:
        found, _ = json.JSONDecoder().raw_decode(content.decode(errors="replace"), content.index(b"{"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_job(project: str, kind: str, document: Mapping[str, Any]) -> Iterator[Need]:
    yield Need("jobs.create", project)
    configuration = {"query": document} if kind == "queries" else document.get("configuration") or {}
    for part in ("query", "load", "copy", "extract"):
        job = configuration.get(part)
        if isinstance(job, dict):
            destination = job.get("destinationTable")
            if isinstance(destination, dict):
                yield from (Need(f"tables.{action}", *_place(destination, project)[:2]) for action in ("create", "updateData"))
            sources = [*(job.get("sourceTables") or []), *([job["sourceTable"]] if "sourceTable" in job else [])]
            actions = ["getData"]
            if job.get("operationType") == "SNAPSHOT":
                actions += _of_snapshot(expires="destinationExpirationTime" in job)
            yield from (Need(f"tables.{action}", *_place(source, project)) for source in sources for action in actions)
            for statement in _statements(str(job.get("query", ""))) if part == "query" else ():
                yield from _of_statement(statement, job.get("defaultDataset") or {}, project)


def _of_snapshot(*, expires: bool) -> tuple[str, ...]:
    """What a table snapshot needs of the table that it is made of, beside its data. To let one expire is to delete it later.

    https://cloud.google.com/bigquery/docs/table-snapshots-create
    """
    return ("createSnapshot", "deleteSnapshot") if expires else ("createSnapshot",)


def _statements(sql: str) -> list[str]:
    """Those of a script, each by itself."""
    try:
        ends = [token.start for token in sqlglot.tokenize(sql, read="bigquery") if token.token_type is sqlglot.TokenType.SEMICOLON]
    except TokenError:
        return [sql]
    return [sql[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(sql)], strict=True)]


def _place(reference: Mapping[str, Any], project: str) -> tuple[str, str, str]:
    return str(reference.get("projectId") or project), str(reference.get("datasetId", "")), str(reference.get("tableId", ""))


def _of_statement(sql: str, default: Mapping[str, Any], project: str) -> Iterator[Need]:
    words = OPTIONAL.sub(" ", COMMENT.sub(" ", sql))
    statement = TARGET.match(" ".join(words.split()))
    target: tuple[str, ...] = ()
    actions = ["getData"]
    if statement is not None:
        target = tuple(re.sub(r"`| ", "", statement[2]).split("."))
        is_dataset = statement[1].upper().endswith("SCHEMA")
        place = (*target, "") if is_dataset else _above(target, default, project)
        own = place[0] if len(place) == 3 else project
        yield from (Need(action, own, "" if action == "datasets.create" else place[-2]) for action in STATEMENTS[statement[1].upper()])
        if statement[1].upper() == "CREATE SNAPSHOT TABLE":
            actions += _of_snapshot(expires=EXPIRES.search(words) is not None)
    for path in analysis.named_tables(sql):
        if path != target:
            yield from _of_read(path, default, project, actions)


def _of_read(path: tuple[str, ...], default: Mapping[str, Any], project: str, actions: list[str]) -> Iterator[Need]:
    if INFORMATION_SCHEMA in (name.upper() for name in path[:-1]):
        above = path[: [name.upper() for name in path].index(INFORMATION_SCHEMA)]
        if above:
            yield from (Need(f"tables.{action}", above[0] if len(above) > 1 else project, above[-1]) for action in ("get", "list"))
        return
    own, dataset, table = _above(path, default, project)
    yield from (Need(f"tables.{action}", own, dataset, table) for action in actions)


def _above(path: tuple[str, ...], default: Mapping[str, Any], project: str) -> tuple[str, str, str]:
    own, dataset, table = ("", "", *path)[-3:] if len(path) < 4 else (".".join(path[:-2]), *path[-2:])
    return own or str(default.get("projectId") or project), dataset or str(default.get("datasetId", "")), table


def _of_table(method: str, project: str, dataset: str, table: str) -> str:
    if method == "DELETE" and tables.exists(project, dataset, table) and tables.load(project, dataset, table).type == "SNAPSHOT":
        return "deleteSnapshot"
    return TABLE[method]
