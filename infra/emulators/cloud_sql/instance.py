"""One Cloud SQL instance: its names, its address, and the roles, databases and users inside its PostgreSQL."""

import datetime as dt
from dataclasses import dataclass, field

from pg8000.native import identifier, literal

from cloud_sql.errors import StartError
from cloud_sql.postgres import SUPERUSER, Postgres

DATABASE_VERSION = "POSTGRES_18"
IAM_ROLES = {"CLOUD_IAM_USER": "cloudsqliamuser", "CLOUD_IAM_SERVICE_ACCOUNT": "cloudsqliamserviceaccount"}
BUILT_IN = "BUILT_IN"

# The roles of a fresh instance. `postgres` is no superuser there, so that what needs one fails here too.
ROLES = {
    "cloudsqlsuperuser": "createdb createrole in role pg_monitor, pg_signal_backend",
    "cloudsqliamuser": "",
    "cloudsqliamserviceaccount": "",
    "postgres": "login createdb createrole in role cloudsqlsuperuser",
}


@dataclass
class Instance:
    """An instance, and what its PostgreSQL holds."""

    project: str
    region: str
    name: str
    address: str
    """What connectors are told."""
    postgres: Postgres
    created: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    iam_users: dict[str, str] = field(default_factory=dict)
    """The type of every IAM user by name: kept in PostgreSQL as memberships, and here since every login asks for it."""
    is_set_up: bool = False
    """Whether all users and databases that it starts with are there."""

    @property
    def connection_name(self) -> str:
        """project:region:instance"""
        return f"{self.project}:{self.region}:{self.name}"

    @property
    def dns_name(self) -> str:
        """The name in its server certificate, which connectors of other languages check."""
        return f"{self.name}.{self.project}.{self.region}.sql.goog"

    def is_healthy(self) -> bool:
        """Whether it is set up, and PostgreSQL answers a query now."""
        return self.is_set_up and self.postgres.is_ready()

    def make_roles(self) -> None:
        """Make what a fresh instance has, as far as it is missing."""
        present = set(self._names("select rolname from pg_roles"))
        for role, options in ROLES.items():
            if role not in present:
                self.postgres.run(f"create role {role} {options}")
        self.postgres.run("grant all on database postgres to cloudsqlsuperuser", "grant all on schema public to cloudsqlsuperuser")
        for kind, role in IAM_ROLES.items():
            members = f"select member from pg_auth_members where roleid = {literal(role)}::regrole"
            self.iam_users |= dict.fromkeys(self._names(f"select rolname from pg_roles where oid in ({members})"), kind)

    def databases(self) -> list[str]:
        """The names of its databases."""
        return self._names("select datname from pg_database where not datistemplate order by 1")

    def make_database(self, name: str) -> None:
        """Make a database that every cloudsqlsuperuser owns."""
        self.postgres.run(f"create database {identifier(name)} owner cloudsqlsuperuser")

    def users(self) -> dict[str, str]:
        """The type of every user by name."""
        names = self._names(f"select rolname from pg_roles where rolcanlogin and rolname <> {literal(SUPERUSER)} order by 1")
        return {name: self.iam_users.get(name, BUILT_IN) for name in names}

    def make_user(self, name: str, kind: str, password: str | None) -> None:
        """Make a user. An IAM user has no rights at first and no password; a built-in one is a cloudsqlsuperuser."""
        if kind in IAM_ROLES:
            self.postgres.run(f"create role {identifier(login_name(name))} login in role {IAM_ROLES[kind]}")
            self.iam_users[login_name(name)] = kind
        else:
            options = f"login createdb createrole in role cloudsqlsuperuser password {literal(password or '')}"
            self.postgres.run(f"create role {identifier(name)} {options}")

    def set_password(self, name: str, password: str) -> None:
        """Change a built-in user's password."""
        self.postgres.run(f"alter role {identifier(name)} password {literal(password)}")

    def admit(self, email: str) -> None:
        """Add a service account as IAM user, if it is none yet. It may do what everybody may."""
        if login_name(email) not in self.iam_users:
            self.make_user(email, "CLOUD_IAM_SERVICE_ACCOUNT", None)

    def promote(self, email: str) -> None:
        """Let an IAM user do what `postgres` may: make roles, and use every database as one of its owners."""
        user = identifier(login_name(email))
        self.postgres.run(f"alter role {user} createrole", f"grant cloudsqlsuperuser to {user}")

    def _names(self, query: str) -> list[str]:
        return [str(row[0]) for row in self.postgres.run(query)]


def parse_connection_name(connection_name: str) -> tuple[str, str, str]:
    """Project, region and name of an instance. A project may itself hold a colon (example.com:project).

    Raises:
        StartError: it has another form.
    """
    parts = connection_name.rsplit(":", 2)
    if len(parts) != 3 or not all(parts):
        raise StartError(f"instance {connection_name!r} is not of the form PROJECT:REGION:INSTANCE")
    return parts[0], parts[1], parts[2]


def login_name(email: str) -> str:
    """The database user of an IAM identity: PostgreSQL names are short, so a service account's ending is cut."""
    return email.removesuffix(".gserviceaccount.com")
