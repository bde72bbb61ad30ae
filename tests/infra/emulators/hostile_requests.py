"""Requests as nobody's client makes them: wrong names, numbers, headers, and documents with one part exchanged."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ANSWER_SECONDS = 30

Json = Any
"""Anything that JSON can say."""


@dataclass(frozen=True)
class HostileRequest:
    """A request over HTTP."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def send(self, port: int) -> int:
        """The status of the answer.

        Raises:
            OSError: there is none in time, or the connection breaks.
        """
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        try:
            target = f"{self.path}?{urlencode(self.query)}" if self.query else self.path
            connection.request(self.method, target, self.body, dict(self.headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


WORDS = st.one_of(
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1",
            "9" * 19,
            "9" * 40,
            "1e400",
            "true",
            "null",
            "..",
            "../x",
            "a/b",
            "$",
            "*",
            "'",
            '"',
            "`",
            "\0",
            "é",
            "\u2028",
            "%",
        ]
    ),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
"""What stands where a name, a number or a time is expected."""

SCALARS: SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    WORDS,
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([[]]),
)
DOCUMENTS: SearchStrategy[Json] = st.recursive(
    SCALARS, lambda parts: st.one_of(st.lists(parts, max_size=3), st.dictionaries(WORDS, parts, max_size=3)), max_leaves=8
)


def places(document: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the parts of a document are."""
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def exchange(document: Json, place: Sequence[Any], part: Json) -> Json:
    """The document with another part in a place of it."""
    if not place:
        return part
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[place[0]] = exchange(document[place[0]], place[1:], part)
    return copy


PARTS = [
    b'--b\r\nContent-Type: application/json\r\n\r\n{"name": "made"}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n',
    b'--b\r\nContent-Type: application/json\r\n\r\n{"configuration": {"load": {}}}\r\n--b\r\n\r\n{"id": 1}\r\n--b--',
    b"--b\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\nGET /storage/v1/b/a-bucket/o HTTP/1.1\r\n\r\n--b--",
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
]
"""Bodies in parts, whole or cut off somewhere."""


@st.composite
def documents(draw: st.DrawFn, valid: Sequence[Json]) -> bytes:
    """A valid document, mostly with one part exchanged, or no document at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        whole = draw(st.one_of(st.sampled_from(PARTS), st.binary(max_size=40)))
        return whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole
    if kind == 1:
        return json.dumps(draw(DOCUMENTS)).encode()
    document = draw(st.sampled_from(valid))
    if kind > 2:
        document = exchange(document, draw(st.sampled_from(places(document))), draw(SCALARS))
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Surface:
    """What an API can be asked: paths in which `{}` stands for a name, and what makes sense in the other parts."""

    calls: Sequence[tuple[str, str]]
    """Methods and paths."""
    names: Sequence[str]
    parameters: Mapping[str, Sequence[str]]
    headers: Mapping[str, Sequence[str]]
    bodies: Sequence[Json]


@st.composite
def hostile_requests(draw: st.DrawFn, surface: Surface) -> HostileRequest:
    """A request whose every part makes sense or not."""
    method, template = draw(st.sampled_from(surface.calls))
    known = st.sampled_from(surface.names)
    names = [draw(st.one_of(known, known, known, WORDS)) for _ in range(template.count("{}"))]
    path = template.format(*(quote(name, safe="$:") for name in names))
    headers = dict(draw(_pairs(surface.headers)))
    body = b"" if method in ("GET", "HEAD") else draw(documents(surface.bodies))
    return HostileRequest(
        method, path, draw(_pairs(surface.parameters)), tuple((name, _in_header(text)) for name, text in headers.items()), body
    )


@st.composite
def _pairs(draw: st.DrawFn, sensible: Mapping[str, Sequence[str]]) -> tuple[tuple[str, str], ...]:
    chosen = draw(st.lists(st.sampled_from(sorted(sensible)), max_size=3, unique=True))
    return tuple((name, draw(st.one_of(st.sampled_from(sensible[name]), WORDS))) for name in chosen)


def _in_header(text: str) -> str:
    return text.encode("ascii", "replace").decode().translate(dict.fromkeys(range(32), "?"))
