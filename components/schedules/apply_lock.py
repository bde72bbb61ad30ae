"""One process at a time that puts the schedules right, wherever it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from components.database.locks import only_holder
from components.errors import ConflictError


@contextmanager
def only_apply(engine: sa.Engine) -> Iterator[None]:
    """Hold the lock as long as the block lasts.

    Raises:
        ConflictError: another process has it.
    """
    with only_holder(engine, "apply") as is_alone:
        if not is_alone:
            raise ConflictError("another `perennial apply` is at work: wait until it has ended, then run it again")
        yield
