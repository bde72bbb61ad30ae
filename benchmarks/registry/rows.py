"""A registry with many rows, made by PostgreSQL itself: what reading it takes depends on how many there are."""

import re
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

HEADER = re.compile(r"^-- name: (\w+)$\n", re.MULTILINE)


@dataclass(frozen=True)
class Rows:
    """How many: of each model so many versions, of each version so many metrics on so many slices."""

    models: int
    versions: int
    names: int
    slices: int

    @property
    def metrics(self) -> int:
        """The rows of registry.metric."""
        return self.models * self.versions * self.names * self.slices


MILLION = Rows(models=25, versions=100, names=10, slices=40)


def model_name(number: int) -> str:
    """Of the models that `fill` makes, counted from one."""
    return f"bench_{number}"


def fill(connection: sa.Connection, rows: Rows) -> None:
    """Add the rows that are missing, as the owner, who alone may have the planner count them."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    _, *parts = HEADER.split(Path(__file__).with_suffix(".sql").read_text())
    for sql in parts[1::2]:
        statement = sa.text(sql)
        connection.execute(statement, {name: value for name, value in vars(rows).items() if name in statement.compile().params})
