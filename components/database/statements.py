"""The registry's SQL: statements by name from the .sql files of the rooms, and PostgreSQL's refusals as errors of ours."""

import re
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from components.database.errors import sqlstate
from components.database.roles import grant, role_for
from components.errors import AccessError, PerennialError, RegistryError, StorageFullError
from components.wording import legible

COMPONENTS = Path(__file__).parent.parent
HEADER = re.compile(r"^-- name: (\w+)$\n", re.MULTILINE)

WRONG_VALUE = ("22", "23")
"""Beginnings of SQLSTATEs: data exceptions, and constraints that are violated."""
SHORT = reprlib.Repr(maxstring=150)
NO_TABLES = ("3F000", "42P01")
NO_RIGHT = "42501"
DISK_FULL = "53100"
BUSY = ("40", "53", "55P03", "57014")
"""Deadlocks, exhausted resources, a lock that was not to be had, and a statement that took too long."""


@cache
def statements(file: str) -> dict[str, sa.TextClause]:
    """The statements of `ROOM/FILE.sql` by name; each begins with a line `-- name: NAME`. A file's name is unique among the rooms."""
    (path,) = COMPONENTS.glob(f"*/{file}.sql")
    _, *parts = HEADER.split(path.read_text())
    return {name: sa.text(sql) for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def execute(connection: sa.Connection, statement: str, **parameters: object) -> sa.CursorResult[Any]:
    """Execute the statement `FILE.NAME`. Parameters that it does not name are left out.

    Raises:
        RegistryError: a constraint or a trigger of the schema refuses the values.
        AccessError: the database cannot be reached, is busy, or refuses the user.
        StorageFullError: its disk has no room.
    """
    file, name = statement.split(".")
    _require_text(statement, parameters)
    sql = statements(file)[name]
    with registry_errors(statement, lacking=grant(role_for(sql.text), connection.engine.url.username or ""), parameters=parameters):
        return connection.execute(sql, parameters)


@contextmanager
def registry_errors(statement: str, *, lacking: str, parameters: Mapping[str, object] | None = None) -> Iterator[None]:
    """Turn what PostgreSQL refuses into errors of ours. Any other error of it is a bug, and stays what it is.

    `lacking` is the grant that is not there, should the user lack a right.
    """
    try:
        yield
    except DBAPIError as error:
        ours = None if error.orig is None else _translate(statement, error.orig, lacking, parameters or {})
        if ours is None:
            raise
        raise ours from error


def _translate(statement: str, error: BaseException, lacking: str, parameters: Mapping[str, object]) -> PerennialError | None:
    """The error of ours for an error of PostgreSQL; None for what only a bug can cause. Lost connections are the engine's matter."""
    code = sqlstate(error)
    if not isinstance(error, psycopg.Error):
        return None
    detail = error.diag.message_detail
    words = " ".join(filter(None, (error.diag.message_primary or str(error), detail)))
    text = legible(words, limit=350).replace("\n", "\\n")  # PostgreSQL repeats what it was given
    if code.startswith(WRONG_VALUE) or (isinstance(error, psycopg.DataError) and not code):  # the latter by the driver, of a NUL
        given = "" if detail else f" in {', '.join(f'{name} {reprlib.repr(value)}' for name, value in parameters.items())}"
        return RegistryError(f"the registry refuses {statement}: {text}{given}")
    if code in NO_TABLES:
        return RegistryError(f"the registry's database has no tables yet ({text}): run `perennial migrate`")
    if code == NO_RIGHT:
        return AccessError(
            f"the registry's database does not let this user {statement}: {text}; as an administrator of the instance run "
            f"{lacking} (docs/database.md)"
        )
    if code == DISK_FULL:
        return StorageFullError(f"the registry's database has no room on its disk ({text}): give it more, and run the command again")
    if code.startswith(BUSY):
        return AccessError(f"the registry's database broke off {statement} ({text}): run the command again")
    return None


def _require_text(statement: str, parameters: Mapping[str, object]) -> None:
    """Refuse half of a surrogate pair, as Python makes of bytes on a command line that are no UTF-8.

    The driver would find out when half of its message is written, and its connection would be of no use to whoever has it next.

    Raises:
        RegistryError: a parameter has one.
    """
    for name, value in parameters.items():
        if isinstance(value, str) and not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise RegistryError(f"the registry refuses {statement}: {name} {shown(value)} is no text")


def shown(text: str) -> str:
    """The text in quotes, on one line and of a length that a sentence bears."""
    return SHORT.repr(text)


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store: NUL and lone surrogates are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
