"""Listing a bucket's objects: prefix, delimiter, glob, offsets, versions, pages."""

import base64
import binascii
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.resources import Json, Resource, State, StoredObject, checked_number, object_resource
from cloud_storage.state.rows import Rows

LARGEST_PAGE = 1000
BEYOND = "\U0010ffff"
"""Sorts after every name that begins the same."""


@dataclass(frozen=True)
class Listing:
    """Which objects of a bucket are wanted."""

    bucket: str
    states: frozenset[State] = frozenset({State.LIVE})
    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    glob: str = ""


@dataclass(frozen=True)
class Page:
    """Some of the objects, and the folders (prefixes up to a delimiter) that stand for others."""

    objects: list[StoredObject]
    folders: list[str]
    next_token: str | None


def list_objects(call: Call) -> Response:
    """A page of a bucket's objects."""
    listing = Listing(
        bucket=call.bucket,
        states=_states(call),
        prefix=call.query.get("prefix", ""),
        delimiter=call.query.get("delimiter", ""),
        start=call.query.get("startOffset", ""),
        end=call.query.get("endOffset", ""),
        glob=call.query.get("matchGlob", ""),
    )
    with call.store.transaction() as change:
        change.bucket(call.bucket)
        page = read_page(change.rows, listing, call.number("maxResults") or LARGEST_PAGE, call.query.get("pageToken", ""))
    items: list[Json] = [object_resource(stored, call.root) for stored in page.objects]
    answer: Resource = {"items": items, "prefixes": list(page.folders), "nextPageToken": page.next_token}
    return JSONResponse({"kind": "storage#objects"} | {name: value for name, value in answer.items() if value})


def read_page(rows: Rows, listing: Listing, limit: int, token: str) -> Page:
    """At most `limit` objects and folders, from where the page that gave the token ended."""
    objects: list[StoredObject] = []
    folders: list[str] = []
    after = position = _position(token) if token else ("", 0)
    for entry in _entries(rows, listing, after):
        if len(objects) + len(folders) >= min(limit, LARGEST_PAGE):
            return Page(objects, folders, _token(position))
        if isinstance(entry, StoredObject):
            objects.append(entry)
            position = (entry.name, entry.generation)
        else:
            folders.append(entry)
            position = (entry + BEYOND, 0)
    return Page(objects, folders, None)


def _entries(rows: Rows, listing: Listing, after: tuple[str, int]) -> Iterator[StoredObject | str]:
    """Objects and folders in the order of names. A folder is passed in one leap, however much is in it."""
    after = max(after, (max(listing.prefix, listing.start), -1))
    while True:
        for stored in rows.scan(listing.bucket, listing.states, after):
            if not stored.name.startswith(listing.prefix) or (listing.end and stored.name >= listing.end):
                return
            if listing.glob and not glob_pattern(listing.glob).fullmatch(stored.name):
                continue
            folder = _folder(stored.name, listing)
            if folder is None:
                yield stored
                continue
            yield folder
            after = (folder + BEYOND, 0)
            break
        else:
            return


def _folder(name: str, listing: Listing) -> str | None:
    if not listing.delimiter or listing.delimiter not in name[len(listing.prefix) :]:
        return None
    head, _, _ = name[len(listing.prefix) :].partition(listing.delimiter)
    return listing.prefix + head + listing.delimiter


def _states(call: Call) -> frozenset[State]:
    if call.flag("softDeleted"):
        return frozenset({State.SOFT_DELETED})
    return frozenset({State.LIVE, State.NONCURRENT} if call.flag("versions") else {State.LIVE})


def _token(position: tuple[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position(token: str) -> tuple[str, int]:
    try:
        name, generation = json.loads(base64.urlsafe_b64decode(token))
        return str(name), checked_number(str(generation))
    except (binascii.Error, ValueError, TypeError, RecursionError, InvalidError) as error:
        raise InvalidError(f"Invalid value for pageToken: {token!r} is none that this service gave out.") from error


GLOB_TOKENS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


@functools.cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    """Cloud Storage's globs: `*` and `?` stop at a slash, `**` does not, `[a-z]` is one of, `{a,b}` is either."""
    depth = 0
    pattern = ""
    for piece in re.findall(r"\*\*/|\*\*|\[[^\]]+\]|.", glob, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        if piece in GLOB_TOKENS:
            pattern += GLOB_TOKENS[piece]
        elif len(piece) > 1:  # a character class, in which ! negates
            pattern += "[" + re.sub("^!", "^", piece[1:-1]).replace("\\", r"\\") + "]"
        elif piece == "," and depth:
            pattern += "|"
        else:
            pattern += re.escape(piece)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise InvalidError(f"Invalid value for matchGlob: {glob!r}: {error}.") from error
