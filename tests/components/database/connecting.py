"""What the tests of connecting share: a patience that is short, and a server that stands still."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from components.errors import AccessError
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

TIMEOUT_SECONDS = 2.0
SLACK_SECONDS = 5.0
"""What a busy machine may add."""
PREFIX = "Cloud SQL instance perennial-test:europe-west1:registry cannot be used as trainer@perennial-test.iam: "
NO_ANSWER = f"{PREFIX}no answer within 2 s; run `perennial up`"


def value(engine: sa.Engine, query: str = "select 1") -> Any:
    with engine.begin() as connection:
        return connection.execute(sa.text(query)).scalar()


def refusal(engine: sa.Engine, *, within_seconds: float) -> str:
    """The sentence of an AccessError, which must come in time."""
    start = time.monotonic()
    with pytest.raises(AccessError) as error:
        value(engine)
    assert time.monotonic() - start < within_seconds + SLACK_SECONDS
    return str(error.value)


@contextmanager
def frozen(cloud_sql: CloudSqlProcess) -> Iterator[None]:
    """PostgreSQL and all its processes stand still: they take bytes, and answer nothing."""
    postmaster = cloud_sql.postgres_pid()
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(postmaster)], check=True, capture_output=True, text=True).stdout
    processes = [postmaster, *map(int, listed.split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)
