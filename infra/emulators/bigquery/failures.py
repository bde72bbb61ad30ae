"""Errors of the machine in the words of BigQuery: a full disk must not look like a wrong query, nor be tried again for minutes."""

import errno

import duckdb
from local_bigquery import errors as original
from local_bigquery.errors import BigQueryError

original_from_exception = original.from_exception

STATUSES = {"resourcesExceeded": (400, "RESOURCE_EXHAUSTED"), "bytesBilledLimitExceeded": (400, "INVALID_ARGUMENT")}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")


def from_exception(error: Exception) -> BigQueryError:
    """The error that a client is told."""
    if _is_no_room(error):
        return BigQueryError("resourcesExceeded", "Disk full: the emulator's data folder has no room left. Free some space and try again.")
    return original_from_exception(error)


def _is_no_room(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if isinstance(error, duckdb.Error | BigQueryError):
        return any(text in str(error) for text in NO_ROOM_TEXTS)
    return False
