"""Tables in the making: nobody but who makes one sees it before its rows are there, and who wants to make the same one waits.

DuckLake keeps the rows and another database the resources, so no transaction covers both.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from bigquery.tables.partitions import Reference

_makers: dict[Reference, int] = {}
"""The thread that makes each table; a job runs in one."""
_changed = threading.Condition()


@contextlib.contextmanager
def making(reference: Reference, exists: Callable[[], bool]) -> Iterator[bool]:
    """Yield whether a table exists, after waiting for whoever makes it now; if it does not, hide it from other threads in the block."""
    me = threading.get_ident()
    with _changed:
        _changed.wait_for(lambda: _makers.get(reference, me) == me)
        is_there = exists()
        is_ours = not is_there and reference not in _makers
        if is_ours:
            _makers[reference] = me
    try:
        yield is_there
    finally:
        if is_ours:
            with _changed:
                del _makers[reference]
                _changed.notify_all()


def is_hidden(reference: Reference) -> bool:
    """Whether another thread makes the table."""
    me = threading.get_ident()
    return _makers.get(reference, me) != me
