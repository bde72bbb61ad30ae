"""The batch endpoint: a multipart/mixed body of calls, each made in turn, each with an answer of its own."""

import re
from email.message import Message
from email.parser import BytesParser

import httpx
from starlette.requests import Request
from starlette.responses import Response

from cloud_storage.calls import read_bytes
from cloud_storage.errors import InvalidError
from cloud_storage.permissions import Permissions

BOUNDARY = "batch_of_answers"
HOP_HEADERS = ("content-length", "host", "transfer-encoding")


async def batch(request: Request) -> Response:
    """Make the calls against this very application, each by the permissions of whoever sends the batch."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + await read_bytes(request))
    if not message.is_multipart():
        raise InvalidError("A batch must be a multipart/mixed body.")
    transport = httpx.ASGITransport(app=Permissions(request.app))
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
        answers = [await _answer(client, part, index) for index, part in enumerate(message.walk()) if part is not message]
    return Response("".join(answers) + f"--{BOUNDARY}--\r\n", media_type=f"multipart/mixed; boundary={BOUNDARY}")


async def _answer(client: httpx.AsyncClient, part: Message, index: int) -> str:
    content = part.get_payload(decode=True)
    request_line, _, rest = (content if isinstance(content, bytes) else b"").lstrip().partition(b"\n")
    match = re.fullmatch(rb"(\w+) (?:https?://[^/]+)?(\S+)(?: HTTP/[\d.]+)?", request_line.strip())
    if match is None:
        raise InvalidError(f"Part {index} of the batch does not begin with a request line, but with {request_line[:100]!r}.")
    call = BytesParser().parsebytes(rest)
    body = call.get_payload(decode=True)
    headers = {name: value for name, value in call.items() if name.lower() not in HOP_HEADERS}
    answer = await client.request(
        match[1].decode(), match[2].decode(), headers=headers, content=body.strip() if isinstance(body, bytes) else None
    )
    identifier = str(part.get("Content-ID", index)).strip("<>")
    return (
        f"--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{identifier}>\r\n\r\n"
        f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n"
        f"Content-Type: application/json; charset=UTF-8\r\nContent-Length: {len(answer.content)}\r\n\r\n{answer.text}\r\n"
    )
