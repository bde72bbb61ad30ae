"""Rows of an append that cannot be read: refused with the cause, where local-bigquery says that it has broken."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pyarrow as pa
from google.protobuf.message import DecodeError
from local_bigquery.grpc.read import StorageError

MALFORMED = (pa.ArrowException, DecodeError, EOFError, TypeError, UnicodeDecodeError)
"""What Arrow and protocol buffers raise: a descriptor that names no type is a TypeError there."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Tell the client that `what` it has sent cannot be read."""
    try:
        yield
    except MALFORMED as error:
        text = f"Request contains an invalid argument: {what} cannot be read ({str(error)[:200]})"
        raise StorageError(grpc.StatusCode.INVALID_ARGUMENT, text) from error


def arrow_schema(serialized: bytes) -> pa.Schema:
    """The schema of the rows of a connection."""
    with readable("the Arrow schema"):
        return pa.ipc.read_schema(pa.py_buffer(serialized))


def arrow_rows(serialized: bytes, schema: pa.Schema | None) -> pa.Table:
    """The rows of an append, with every offset in them looked at: a wrong one would end the process."""
    with readable("the Arrow record batch"):
        if schema is None:
            raise TypeError("the first request of a connection has no writer_schema")
        batch = pa.ipc.read_record_batch(pa.py_buffer(serialized), schema)
        batch.validate(full=True)
        return pa.Table.from_batches([batch])
