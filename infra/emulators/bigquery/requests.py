"""Requests that end in a traceback otherwise: bodies that are not packed by gzip as they say, and page tokens of nobody's."""

import gzip
import re
import zlib

from local_bigquery.app import GzipRequests
from local_bigquery.errors import BigQueryError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

PAGE_TOKEN = re.compile(r"[0-9]{1,18}")
original_call = GzipRequests.__call__


async def unpack(self: GzipRequests, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; in the place of the method that unpacks its body."""
    token = Request(scope).query_params.get("pageToken", "") if scope["type"] == "http" else ""
    try:
        if token and PAGE_TOKEN.fullmatch(token) is None:
            raise BigQueryError("invalid", f"Invalid page token: {token[:40]}")
        await original_call(self, scope, receive, send)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        await _refuse(
            BigQueryError("invalid", "The request's body is not packed by gzip, as its Content-Encoding says"), scope, receive, send
        )
    except BigQueryError as error:
        await _refuse(error, scope, receive, send)


async def _refuse(error: BigQueryError, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse(error.response(), status_code=error.code)(scope, receive, send)
