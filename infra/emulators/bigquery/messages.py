"""Messages over gRPC that are none of their method's: refused as a mistake of the client's, where grpc calls it an error of its own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from local_bigquery.grpc.read import StorageError

Answer = Callable[[Any, grpc.ServicerContext], Any]


def guarded(methods: Mapping[str, grpc.RpcMethodHandler]) -> dict[str, grpc.RpcMethodHandler]:
    """The methods of a service, each of which reads its messages itself."""
    return {name: _guarded(handler) for name, handler in methods.items()}


def _guarded(handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
    write = handler.response_serializer
    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(_of_stream(handler), None, write)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_of_one(handler, handler.unary_stream), None, write)
    return grpc.unary_unary_rpc_method_handler(_of_one(handler, handler.unary_unary), None, write)


def _of_one(handler: grpc.RpcMethodHandler, answer: Answer) -> Answer:
    def read(data: bytes, context: grpc.ServicerContext) -> Any:
        try:
            message = _message(handler, data)
        except StorageError as error:
            context.abort(error.code, error.message)
        return answer(message, context)

    return read


def _of_stream(handler: grpc.RpcMethodHandler) -> Answer:
    def read(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
        return handler.stream_stream((_message(handler, data) for data in requests), context)

    return read


def _message(handler: grpc.RpcMethodHandler, data: bytes) -> Any:
    try:
        return handler.request_deserializer(data)
    except DecodeError as error:
        text = "Request contains an invalid argument: the message cannot be parsed."
        raise StorageError(grpc.StatusCode.INVALID_ARGUMENT, text) from error
