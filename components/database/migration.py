"""Bring the registry's database to the newest schema, by one migrator at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from components.database.membership import become_owner
from components.database.roles import Role, grant
from components.database.statements import registry_errors
from components.errors import RegistryError

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 727_301
"""The number of the advisory lock: any that no other program on the database uses."""
WAIT_SECONDS = 50


def migrate(engine: sa.Engine) -> None:
    """Apply the migrations that the database does not have yet. Safe to run again, and from several processes at once.

    Everything, Alembic's own table too, is in the schema `registry` and belongs to registry_owner, of which the user is a member.

    Raises:
        AccessError: the database cannot be reached, refuses the user, or another migrator does not come to its end.
        RegistryError: the database is newer than this code.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    lacking = grant(Role.OWNER, engine.url.username or "")
    with registry_errors("migrate", lacking=lacking), engine.connect() as connection, _only_migrator(connection):
        config.attributes["connection"] = connection
        become_owner(connection)
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS registry")
        connection.commit()
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise RegistryError(f"the registry's database does not fit this version of Perennial ({error}): use a newer one") from error


@contextmanager
def _only_migrator(connection: sa.Connection) -> Iterator[None]:
    """Hold the database's advisory lock. The session holds it, not a transaction, since each migration commits on its own."""
    connection.exec_driver_sql(f"SET lock_timeout = '{WAIT_SECONDS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    connection.commit()
    try:
        yield
    finally:
        connection.invalidate()  # the session's end gives back the lock, and its settings
