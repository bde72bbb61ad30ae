"""Methods over gRPC that see each message only after somebody else has looked at it."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc

Look = Callable[[Any, grpc.ServicerContext], Any]
"""Given what has come and the call, the message for the method. It may end the call, or raise."""


def looked_at(handler: grpc.RpcMethodHandler, look: Look, read: Callable[[bytes], Any] | None) -> grpc.RpcMethodHandler:
    """A method before which each message is looked at.

    Args:
        handler: of the method.
        look: looks at a message.
        read: makes of bytes what `look` is given; None leaves the bytes as they are.
    """

    def of_one(message: Any, context: grpc.ServicerContext) -> Any:
        return (handler.unary_stream or handler.unary_unary)(look(message, context), context)

    def of_stream(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        return handler.stream_stream((look(message, context) for message in messages), context)

    write = handler.response_serializer
    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(of_stream, read, write)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(of_one, read, write)
    return grpc.unary_unary_rpc_method_handler(of_one, read, write)
