"""Resumable uploads: begun with the object's resource, then filled in as many requests as it takes."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call, parse, read_document
from cloud_storage.errors import InvalidError, NotFoundError
from cloud_storage.json_api.resources import StoredObject, object_resource
from cloud_storage.state.files import Incoming
from cloud_storage.state.publishing import Draft, draft, header_checksums, publish, spool
from cloud_storage.state.store import Store

LONGEST_IDLE_SECONDS = 7 * 24 * 3600
CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d+|\*)/(\d{1,18}|\*)")


@dataclass
class Session:
    """An upload under way. It lives in memory: after a restart a client begins anew, as after a week of silence."""

    about: Draft
    incoming: Incoming
    finished: StoredObject | None = None
    touched: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class Chunk:
    """Where a request's bytes belong. `first` is None for a mere question, `total` is None as long as it is unknown."""

    first: int | None
    total: int | None
    is_last: bool = False


class Sessions:
    """The uploads under way, by their identifiers."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def add(self, session: Session) -> str:
        """Keep a session, under a new identifier that cannot be guessed."""
        self._forget_idle()
        identifier = secrets.token_urlsafe(32)
        self._sessions[identifier] = session
        return identifier

    def find(self, identifier: str) -> Session:
        """A session that is still known."""
        if identifier not in self._sessions:
            raise NotFoundError(f"There is no upload {identifier}: it was cancelled, has expired, or the emulator was restarted since.")
        session = self._sessions[identifier]
        session.touched = time.monotonic()
        return session

    def drop(self, identifier: str) -> None:
        """Forget a session and what has arrived."""
        session = self._sessions.pop(identifier, None)
        if session is not None:
            session.incoming.drop()

    def _forget_idle(self) -> None:
        limit = time.monotonic() - LONGEST_IDLE_SECONDS
        for identifier in [key for key, session in self._sessions.items() if session.touched < limit]:
            self.drop(identifier)


async def begin(request: Request) -> Response:
    """Open a session and tell its address. What can be refused now is not left until all bytes have arrived."""
    call = parse(request, await read_document(request))
    about = draft(call, request.headers.get("x-upload-content-type"))
    identifier = request.app.state.sessions.add(await run_in_threadpool(_open_session, call.store, about))
    address = f"{call.root}/upload/storage/v1/b/{call.bucket}/o?uploadType=resumable&name={quote(about.new.name, safe='')}"
    return Response(headers={"Location": f"{address}&upload_id={identifier}", "X-GUploader-UploadID": identifier})


def _open_session(store: Store, about: Draft) -> Session:
    with store.transaction() as change:
        change.bucket(about.new.bucket)
        change.check(about.new.bucket, about.new.name, about.conditions)
    return Session(about, store.receive())


async def advance(request: Request) -> Response:
    """Take the bytes of one request, or tell how many have arrived."""
    identifier = request.query_params["upload_id"]
    sessions: Sessions = request.app.state.sessions
    session = sessions.find(identifier)
    if request.method == "DELETE":
        sessions.drop(identifier)
        return Response(status_code=499)
    async with session.lock:
        if session.finished is None:
            chunk = _chunk(request.headers.get("content-range"))
            await _take(request, session.incoming, chunk)
            if not _is_complete(session.incoming, chunk):
                return _progress(session.incoming)
            try:
                session.finished = await run_in_threadpool(_finish, parse(request, {}), session)
            except BaseException:
                sessions.drop(identifier)
                raise
    return JSONResponse(object_resource(session.finished, parse(request, {}).root))


def _chunk(header: str | None) -> Chunk:
    if header is None:  # all the rest, in one request
        return Chunk(first=0, total=None, is_last=True)
    match = CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        raise InvalidError(f"Invalid value for Content-Range: {header!r}.")
    first, total = match.groups()
    return Chunk(int(first) if first else None, None if total == "*" else int(total))


async def _take(request: Request, incoming: Incoming, chunk: Chunk) -> None:
    """Append what is new in a chunk. After a lost answer clients send bytes again; a chunk beyond a gap is left alone."""
    if chunk.first is not None and chunk.first <= incoming.size:
        await spool(_without(incoming.size - chunk.first, request.stream()), incoming)
    else:
        async for _ in request.stream():
            pass


async def _without(count: int, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for block in blocks:
        yield block[count:]
        count = max(0, count - len(block))


def _is_complete(incoming: Incoming, chunk: Chunk) -> bool:
    if chunk.total is not None and incoming.size > chunk.total:
        raise InvalidError(f"The upload has {incoming.size} bytes already, more than the {chunk.total} that Content-Range tells.")
    return chunk.is_last or incoming.size == chunk.total


def _progress(incoming: Incoming) -> Response:
    return Response(status_code=308, headers={"Range": f"bytes=0-{incoming.size - 1}"} if incoming.size else {})


def _finish(call: Call, session: Session) -> StoredObject:
    about = session.about
    about = replace(about, checksums=about.checksums | header_checksums(call.headers))
    return publish(call.store, session.incoming, about)
