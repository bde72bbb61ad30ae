"""Whose the registry's schema is: the role registry_owner's, whichever of its members runs a migration.

Roles belong to an instance, not to a database. Whoever may make roles makes those that are missing; on Cloud SQL an administrator
does that once, and makes users members of them: see docs/database.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from components.database.roles import Role, grant, quoted
from components.database.statements import execute, registry_errors
from components.errors import AccessError, RegistryError


@dataclass(frozen=True)
class Ownership:
    """Who is logged in, and whose the schema is; None while there is no schema."""

    user: str
    owner: str | None

    @property
    def is_foreign(self) -> bool:
        """Whether the schema was made before there were roles."""
        return self.owner not in (None, Role.OWNER)


def read_ownership(connection: sa.Connection) -> Ownership:
    """As it is now."""
    return Ownership(**execute(connection, "roles.user_and_owner").mappings().one())


def make_members(engine: sa.Engine, members: Mapping[str, Role]) -> None:
    """Make users members of the roles, in the name of an administrator of the instance. Doing it again changes nothing.

    Raises:
        AccessError: the engine's user may not make roles, or not grant them.
    """
    with engine.begin() as connection:
        execute(connection, "roles.make")
        execute(connection, "roles.let_owner_create")
        for user, role in members.items():
            _run(connection, grant(role, user))


def make_member_no_owner(engine: sa.Engine, user: str) -> None:
    """Take from a user what made it an owner, in the name of an administrator of the instance."""
    with engine.begin() as connection:
        database = str(execute(connection, "roles.database").scalar())
        _run(connection, f"REVOKE {Role.OWNER} FROM {quoted(user)}")
        _run(connection, f"REVOKE CREATE ON DATABASE {quoted(database)} FROM {quoted(user)}")


def _run(connection: sa.Connection, statement: str) -> None:
    with registry_errors(statement, lacking=statement):
        connection.exec_driver_sql(statement)


def become_owner(connection: sa.Connection) -> None:
    """Act as registry_owner until the session ends; what it makes from now on belongs to that role.

    Raises:
        AccessError: the roles are missing and the user may not make them, or it is no member of registry_owner.
        RegistryError: the schema is another user's, who has to hand it over.
    """
    found = read_ownership(connection)
    try:
        execute(connection, "roles.make")
    except AccessError as error:
        raise AccessError(
            f"the instance lacks the registry's roles, and {found.user} may not make them: run the statements of docs/database.md as an "
            "administrator of the instance"
        ) from error
    try:
        with connection.begin_nested():
            execute(connection, "roles.act_as_owner")
            execute(connection, "roles.act_as_user")
    except AccessError:
        execute(connection, "roles.join_owner")
    if found.is_foreign and found.owner != found.user:
        raise RegistryError(
            f"the registry's tables belong to {found.owner}, not to {Role.OWNER}: as an administrator of the instance run "
            f"{grant(Role.OWNER, str(found.owner))}, then `perennial migrate` as that user, once"
        )
    execute(connection, "roles.let_owner_create")
    if found.is_foreign:
        execute(connection, "roles.hand_over")
    execute(connection, "roles.act_as_owner")
