"""Who is a member of the registry's roles, and how a migration acts as the one that owns the schema.

Roles belong to an instance, not to a database. Whoever may make roles makes those that are missing; on Cloud SQL an administrator
does that once, and makes users members of them: see docs/database.md.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from components.database.roles import Role, grant
from components.database.statements import execute, registry_errors
from components.errors import AccessError


def make_members(engine: sa.Engine, members: Mapping[str, Role]) -> None:
    """Make users members of the roles, in the name of an administrator of the instance. Doing it again changes nothing.

    Raises:
        AccessError: the engine's user may not make roles, or not grant them.
    """
    with engine.begin() as connection:
        execute(connection, "roles.make")
        execute(connection, "roles.let_owner_create")
        for user, role in members.items():
            statement = grant(role, user)
            with registry_errors(statement, lacking=statement):
                connection.exec_driver_sql(statement)


def become_owner(connection: sa.Connection) -> None:
    """Act as registry_owner until the session ends, so that whatever the session makes belongs to that role.

    Raises:
        AccessError: the roles are missing and the user may not make them, or it is no member of registry_owner.
    """
    try:
        execute(connection, "roles.make")
    except AccessError as error:
        raise AccessError(
            f"the instance lacks the registry's roles, and {connection.engine.url.username} may not make them: run the statements of "
            "docs/database.md as an administrator of the instance"
        ) from error
    try:
        with connection.begin_nested():
            execute(connection, "roles.act_as_owner")
            execute(connection, "roles.act_as_user")
    except AccessError:
        execute(connection, "roles.join_owner")
    execute(connection, "roles.let_owner_create")
    execute(connection, "roles.act_as_owner")
