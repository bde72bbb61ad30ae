"""Who may call which method of the Admin API, by the permissions that Google's roles have.

https://cloud.google.com/sql/docs/postgres/iam-roles
"""

from dataclasses import dataclass

from cloud_sql.errors import ApiError

GET = "cloudsql.instances.get"
LIST = "cloudsql.instances.list"
CONNECT = "cloudsql.instances.connect"
LOGIN = "cloudsql.instances.login"
RESTART = "cloudsql.instances.restart"
LIST_DATABASES = "cloudsql.databases.list"
CREATE_DATABASE = "cloudsql.databases.create"
LIST_USERS = "cloudsql.users.list"
CREATE_USER = "cloudsql.users.create"
UPDATE_USER = "cloudsql.users.update"

USERS = frozenset({CONNECT, GET, LOGIN})
"""roles/cloudsql.client and roles/cloudsql.instanceUser together: to reach an instance and log in, and nothing else."""


@dataclass(frozen=True)
class Policy:
    """The IAM policy of the project, as far as the instance goes."""

    administrator: str
    """Has roles/cloudsql.admin, which is every permission."""
    users: frozenset[str]
    """Have roles/cloudsql.client and roles/cloudsql.instanceUser. Everybody else has nothing."""

    def require(self, email: str, permission: str, resource: str) -> None:
        """Let an account pass that has a permission.

        Raises:
            ApiError: it has not, in Cloud SQL's words.
        """
        if email != self.administrator and not (email in self.users and permission in USERS):
            message = (
                f"boss::NOT_AUTHORIZED: Not authorized to access resource. Possibly missing permission {permission} on resource {resource}."
            )
            raise ApiError(403, "notAuthorized", message)
