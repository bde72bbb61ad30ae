"""The three roles of the registry's database, and what their members may do."""

import re
from enum import StrEnum

OWNS = re.compile(r"\b(ROLE|GRANT|ALTER)\b")
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
"""Statements that write; FOR UPDATE is one of them, since it asks for the right to update."""


class Role(StrEnum):
    """A role of PostgreSQL that nobody logs in as; users become members of it."""

    OWNER = "registry_owner"
    """Owns the schema and everything in it. Migrations act as this role."""
    WRITER = "registry_writer"
    """Reads, inserts, and updates the few columns that may change. Pipelines and deployments log in as members of this role."""
    READER = "registry_reader"
    """Reads. The console and pg_dump log in as members of this role."""


def role_for(sql: str) -> Role:
    """The least of the roles that may execute a statement of ours."""
    if OWNS.search(sql):
        return Role.OWNER
    return Role.WRITER if WRITES.search(sql) else Role.READER


def grant(role: Role, user: str) -> str:
    """The statement by which an administrator lets a user in."""
    return f"GRANT {role} TO {_quoted(user)}"


def _quoted(name: str) -> str:
    """The name as a quoted identifier of SQL."""
    return '"{}"'.format(name.replace('"', '""'))
