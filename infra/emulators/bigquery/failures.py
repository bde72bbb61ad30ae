"""Errors of the machine, and limits of the emulator, told as what they are: neither may look like a wrong query of the user's."""

import errno
import re

import duckdb
from local_bigquery import errors as original
from local_bigquery.errors import BigQueryError

original_from_exception = original.from_exception

STATUSES = {"resourcesExceeded": (400, "RESOURCE_EXHAUSTED"), "bytesBilledLimitExceeded": (400, "INVALID_ARGUMENT")}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")
BEYOND_DUCKDB = re.compile(
    r"(?:STDDEV|VAR|COVAR|CORR|REGR)\w* .*is out of range!|Unimplemented type for cast .*|Overflow in left shift .*"
    r"|Could not decode string .* as base64: length must be a multiple of 4|input value \S+ is out of range for numeric function"
    r"|Cannot left-shift negative number .*|Cannot cast empty BLOB to BIT|Invalid hex escape code .*|Failed to parse format specifier .*"
    r"|Could not convert string .* to (?:DECIMAL\(38,18\)|INTERVAL)|Could not cast value .* to DECIMAL\(38,18\)"
    r"|Casting value .* to type DECIMAL\(38,18\) failed.*|Overflow in HUGEINT addition.*"
    r"|Could not convert string '[+-]0[xX].*' to INT64"
    r"|[A-Z]+ does not support '.*'"
)
"""What DuckDB cannot do, and BigQuery can."""
OWN_LIMIT = re.compile(r"The emulator does not support (.*)", re.DOTALL)
"""What is found out only when the query runs."""
NOT_IMPLEMENTED = re.compile(r"(.*) is not implemented yet\. See https://\S+", re.DOTALL)


def from_exception(error: Exception) -> BigQueryError:
    """The error that a client is told."""
    if _is_no_room(error):
        return BigQueryError("resourcesExceeded", "Disk full: the emulator's data folder has no room left. Free some space and try again.")
    told = original_from_exception(error)
    if beyond := BEYOND_DUCKDB.search(told.message):
        return not_supported(f"this query ({beyond[0]})")
    if found := OWN_LIMIT.search(told.message):
        return not_supported(found[1])
    if match := NOT_IMPLEMENTED.fullmatch(told.message):
        return not_supported(match[1])
    return told


def not_supported(feature: str) -> BigQueryError:
    """The refusal of what BigQuery has and the emulator has not: never a wrong answer, nor an error of BigQuery's."""
    return BigQueryError("notImplemented", f"The emulator does not support {feature}")


def _is_no_room(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if isinstance(error, duckdb.Error | BigQueryError):
        return any(text in str(error) for text in NO_ROOM_TEXTS)
    return False
