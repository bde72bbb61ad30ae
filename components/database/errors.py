"""What Cloud SQL, its connector and the driver raise while a connection is opened or lost, as one sentence for a person."""

import re
from functools import cache

import psycopg
from google.auth.exceptions import GoogleAuthError, TransportError

from components.errors import AccessError
from components.google_errors import reach
from components.settings import Settings

REFUSED_LOGIN = re.compile(r"FATAL:\s+(.*)", re.DOTALL)
"""What libpq tells of a server that refuses a login: it drops the SQLSTATE, and leaves the words."""
NOT_NOW = ("sorry, too many clients", "remaining connection slots", "too many connections", "the database system is")
"""Beginnings of the words with which a server that is full, starts or stops refuses a login."""
BROKEN_OFF = ("08", "57P", "25P03")
"""Beginnings of the SQLSTATEs by which a server ends a connection, here for idling too, or says that it starts or stops."""
TOO_MANY_REQUESTS = 429


@cache
def connect_errors() -> tuple[type[Exception], ...]:
    """All that opening a connection raises. SQLAlchemy would wrap none but psycopg's.

    The connector is imported here and not with this module, since it takes as long as a whole command that needs no database.
    """
    import aiohttp
    from google.cloud.sql.connector.exceptions import CloudSQLConnectionError, CloudSQLIPTypeError, RefreshNotValidError

    return (
        OSError,  # such as TimeoutError, ssl.SSLError, and BrokenPipeError: how TLS 1.3 tells that it refuses a certificate
        ValueError,  # the connection name or the type of address is malformed, or names another region
        aiohttp.ClientError,
        psycopg.Error,
        GoogleAuthError,
        CloudSQLConnectionError,
        CloudSQLIPTypeError,
        RefreshNotValidError,
    )


def is_transient(error: Exception) -> bool:
    """Whether the next attempt may succeed. The connector itself has already tried again on a status of 500 and above."""
    import aiohttp
    from google.cloud.sql.connector.exceptions import CloudSQLConnectionError, RefreshNotValidError

    if isinstance(error, aiohttp.ClientResponseError):
        return error.status == TOO_MANY_REQUESTS
    if isinstance(error, psycopg.Error):
        refused = _refused_login(error)
        return refused.startswith(NOT_NOW) if refused else is_broken_off(error)
    return isinstance(error, OSError | aiohttp.ClientError | TransportError | CloudSQLConnectionError | RefreshNotValidError)


def is_broken_off(error: BaseException) -> bool:
    """Whether the connection on which `error` was met is of no use any more."""
    code = sqlstate(error)
    return isinstance(error, OSError) or (isinstance(error, psycopg.OperationalError) and not code) or code.startswith(BROKEN_OFF)


def access_error(error: BaseException, settings: Settings) -> AccessError:
    """The sentence for an error of opening a connection."""
    return _sentence(settings, *_explain(error, settings))


def no_answer(settings: Settings) -> AccessError:
    """The sentence for a connection that did not come about in time."""
    return _sentence(settings, f"no answer within {settings.connect_timeout_seconds:g} s", reach(settings))


def connection_lost(error: BaseException, settings: Settings) -> AccessError:
    """The sentence for a connection that was there and is gone."""
    return _sentence(settings, f"the connection was lost ({_text(error)})", reach(settings))


def _sentence(settings: Settings, reason: str, remedy: str) -> AccessError:
    return AccessError(f"Cloud SQL instance {settings.cloudsql_instance} cannot be used as {settings.database_user}: {reason}; {remedy}")


def sqlstate(error: BaseException) -> str:
    """The five characters by which PostgreSQL names an error; empty when it is not from PostgreSQL."""
    return (isinstance(error, psycopg.Error) and error.sqlstate) or ""


def _refused_login(error: psycopg.Error) -> str:
    """The server's words, if it refused a login."""
    words = REFUSED_LOGIN.search(str(error))
    return words[1] if words and not error.sqlstate else ""


def _explain(error: BaseException, settings: Settings) -> tuple[str, str]:
    """The reason, and what to do about it."""
    import aiohttp
    from google.cloud.sql.connector.exceptions import CloudSQLIPTypeError

    match error:
        case aiohttp.ClientResponseError(status=404):
            return "it does not exist", "correct PERENNIAL_CLOUDSQL_INSTANCE"
        case aiohttp.ClientResponseError(status=401 | 403):
            return f"its API refuses the credentials ({error.status} {error.message})", _grant(settings)
        case aiohttp.ClientResponseError():
            return f"its API answers {error.status} {error.message}", "try again later"
        case TransportError():
            return "there is no access token, since the token endpoint cannot be reached", reach(settings)
        case GoogleAuthError():
            return f"there is no access token ({error.args[0]})", _grant(settings)
        case psycopg.Error() if (refused := _refused_login(error)) and not refused.startswith(NOT_NOW):
            return _text(error), "correct PERENNIAL_DATABASE" if refused.startswith("database ") else _log_in(settings)
        case CloudSQLIPTypeError():
            return _text(error), "correct PERENNIAL_CLOUDSQL_IP_TYPE"
        case ValueError() if not isinstance(error, OSError):  # an ssl.SSLCertVerificationError is both
            return _text(error), "correct PERENNIAL_CLOUDSQL_INSTANCE or PERENNIAL_CLOUDSQL_IP_TYPE"
    return _text(error), reach(settings)


def _grant(settings: Settings) -> str:
    if settings.is_local:
        return "run `perennial up`, or correct PERENNIAL_CREDENTIALS_FILE"
    return "correct PERENNIAL_CREDENTIALS_FILE, or grant its account roles/cloudsql.client and roles/cloudsql.instanceUser"


def _log_in(settings: Settings) -> str:
    if settings.database_password is None:
        return "correct PERENNIAL_DATABASE_USER, or add it to the instance's IAM users"
    return "correct PERENNIAL_DATABASE_USER or PERENNIAL_DATABASE_PASSWORD"


def _text(error: BaseException) -> str:
    """The error's text in one line."""
    refused = _refused_login(error) if isinstance(error, psycopg.Error) else ""
    text = refused or getattr(error, "strerror", None) or str(error) or type(error).__name__
    first = text.splitlines()[0] if isinstance(error, psycopg.Error) else text
    return " ".join(first.split()).rstrip(".")
