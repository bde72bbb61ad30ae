"""Who may log in to the Cloud SQL emulator, asked by the unmodified connector."""

from collections.abc import Callable, Iterator
from typing import Any

import pg8000
import pytest
from google.oauth2 import service_account

from components.google import SCOPES
from tests.infra.emulators.cloud_sql_process import PASSWORD, SERVER, TRAINER, CloudSqlProcess

TRAINER_LOGIN = TRAINER.removesuffix(".gserviceaccount.com")


@pytest.fixture
def connect(cloud_sql: CloudSqlProcess) -> Iterator[Callable[..., Any]]:
    with cloud_sql.connector() as connector:

        def call(**changes: object) -> Any:
            arguments = {"user": "postgres", "password": PASSWORD, "db": "postgres"} | changes
            return connector.connect(cloud_sql.connection_name, "pg8000", **arguments)

        yield call


def answer(connection: Any, query: str) -> Any:
    """The first value of a query's answer; the connection is closed."""
    try:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchone()[0]
    finally:
        connection.close()


def refusal(connect: Callable[..., Any], **changes: object) -> tuple[str, str]:
    """SQLSTATE and message of a login that fails."""
    with pytest.raises(pg8000.DatabaseError) as error:
        connect(**changes)
    return error.value.args[0]["C"], error.value.args[0]["M"]


def test_a_password_lets_in(connect: Callable[..., Any]) -> None:
    assert answer(connect(), "select current_user") == "postgres"


def test_the_database_is_a_real_postgresql(connect: Callable[..., Any]) -> None:
    assert answer(connect(), "select version()").startswith("PostgreSQL 18")


def test_a_wrong_password_does_not_let_in(connect: Callable[..., Any]) -> None:
    assert refusal(connect, password="wrong") == ("28P01", 'password authentication failed for user "postgres"')


def test_an_unknown_user_does_not_get_in(connect: Callable[..., Any]) -> None:
    assert refusal(connect, user="nobody") == ("28P01", 'password authentication failed for user "nobody"')


def test_an_unknown_database_is_named(connect: Callable[..., Any]) -> None:
    assert refusal(connect, db="nowhere") == ("3D000", 'database "nowhere" does not exist')


def test_the_superuser_of_cloud_sql_cannot_be_logged_in_as(connect: Callable[..., Any]) -> None:
    assert refusal(connect, user="cloudsqladmin") == ("28P01", 'password authentication failed for user "cloudsqladmin"')


def test_a_service_account_gets_in_by_iam_with_and_without_the_ending_of_its_address(connect: Callable[..., Any]) -> None:
    for user in (TRAINER_LOGIN, TRAINER):
        connection = connect(user=user, password=None, db="registry", enable_iam_auth=True)
        assert answer(connection, "select current_user") == TRAINER_LOGIN


@pytest.mark.parametrize("user", ["postgres", "nobody", SERVER.removesuffix(".gserviceaccount.com")])
def test_a_service_account_is_nobody_but_itself(connect: Callable[..., Any], user: str) -> None:
    code, message = refusal(connect, user=user, password=None, enable_iam_auth=True)
    assert (code, message) == ("28000", f'Cloud SQL IAM service account authentication failed for user "{user}"')


def test_a_service_account_does_not_get_in_by_password(connect: Callable[..., Any]) -> None:
    assert refusal(connect, user=TRAINER_LOGIN) == ("28P01", f'password authentication failed for user "{TRAINER_LOGIN}"')


def test_postgres_is_no_superuser(connect: Callable[..., Any]) -> None:
    assert answer(connect(), "select rolsuper from pg_roles where rolname = current_user") is False
    with pytest.raises(pg8000.DatabaseError) as error:
        answer(connect(), "create role other superuser")
    assert error.value.args[0]["M"] == "permission denied to create role"


def test_the_first_service_account_administers_roles_and_databases_and_is_no_superuser(connect: Callable[..., Any]) -> None:
    def login() -> Any:
        return connect(user=TRAINER_LOGIN, password=None, db="registry", enable_iam_auth=True)

    rights = "select has_database_privilege(current_database(), 'create') and rolcreaterole and not rolsuper from pg_roles"
    assert answer(login(), f"{rights} where rolname = current_user") is True
    with pytest.raises(pg8000.DatabaseError) as error:
        answer(login(), "create role other superuser")
    assert error.value.args[0]["M"] == "permission denied to create role"


def test_the_others_may_do_nothing_that_not_everybody_may(cloud_sql: CloudSqlProcess) -> None:
    account = service_account.Credentials.from_service_account_file(str(cloud_sql.key_file(SERVER)), subject=SERVER, scopes=SCOPES)
    with cloud_sql.connector(account, enable_iam_auth=True) as connector:

        def login() -> Any:
            return connector.connect(cloud_sql.connection_name, "pg8000", user=SERVER, db="registry")

        assert answer(login(), "select current_user") == SERVER.removesuffix(".gserviceaccount.com")
        assert answer(login(), "select has_database_privilege('registry', 'create')") is False
        with pytest.raises(pg8000.DatabaseError) as error:
            answer(login(), "create role other")
        assert error.value.args[0]["M"] == "permission denied to create role"


def test_a_login_with_a_packet_too_long_is_refused(connect: Callable[..., Any]) -> None:
    code, message = refusal(connect, application_name="x" * 20_000)
    assert (code, message) == ("08P01", "invalid length of startup packet")
