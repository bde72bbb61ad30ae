"""Messages over gRPC that are none of their method's: refused as a mistake of the client's, where grpc calls it an error of its own."""

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from local_bigquery.grpc.read import StorageError

from bigquery.handlers import looked_at

MALFORMED = "Request contains an invalid argument: the message cannot be parsed."


def guarded(methods: Mapping[str, grpc.RpcMethodHandler]) -> dict[str, grpc.RpcMethodHandler]:
    """The methods of a service, each of which reads its messages itself."""
    return {name: _guarded(handler) for name, handler in methods.items()}


def _guarded(handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
    def read(data: bytes, context: grpc.ServicerContext) -> Any:
        try:
            return handler.request_deserializer(data)
        except DecodeError as error:
            if handler.request_streaming:  # the method ends its own stream
                raise StorageError(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED) from error
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED)

    return looked_at(handler, read, None)
