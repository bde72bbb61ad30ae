"""The paths of TensorFlow Serving's REST: model, version or label, and what is asked of it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from components.protocol.refusal import Refusal

PLACE = r"(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
POST_PATH = re.compile(rf"/v1/models/([^/:]+){PLACE}:(classify|regress|predict)", re.IGNORECASE | re.ASCII)
GET_PATH = re.compile(rf"/v1/models(?:/([^/:]+))?{PLACE}(?:/(metadata))?", re.IGNORECASE | re.ASCII)
ANY_PATH = re.compile(r"/v1/.*", re.IGNORECASE)
MOST_VERSIONS = 2**63


class ModelVerb(StrEnum):
    """What is asked of a model."""

    PREDICT = "predict"
    CLASSIFY = "classify"
    REGRESS = "regress"
    STATUS = "status"
    METADATA = "metadata"


@dataclass(frozen=True)
class Route:
    """What a request is about. Version and label exclude each other; without both the newest version is meant, or the live one."""

    model: str
    verb: ModelVerb
    version: int | None = None
    label: str | None = None


def parse_path(method: str, path_and_query: str) -> Route | None:
    """What is asked for; None if the path is none of TensorFlow Serving's. A query makes any path malformed.

    Raises:
        Refusal: path or method are malformed.
    """
    if not ANY_PATH.fullmatch(path_and_query):
        return None
    pattern = {"POST": POST_PATH, "GET": GET_PATH}.get(method)
    match = pattern.fullmatch(path_and_query) if pattern else None
    if match is None:
        raise _malformed(method, path_and_query)
    model, version, label, verb = match.groups()
    if version is not None and int(version) >= MOST_VERSIONS:
        raise Refusal(f"Failed to convert version: {version} to numeric.", silent=True)
    if method == "GET":
        if not model:
            raise Refusal("Missing model name in request.")
        verb = verb if verb == ModelVerb.METADATA else ModelVerb.STATUS
    elif verb not in (
        ModelVerb.PREDICT,
        ModelVerb.CLASSIFY,
        ModelVerb.REGRESS,
    ):  # the expression ignores case, the comparison after it does not
        raise _malformed(method, path_and_query)
    return Route(_decoded(model), ModelVerb(verb), None if version is None else int(version), None if label is None else _decoded(label))


def _malformed(method: str, path_and_query: str) -> Refusal:
    return Refusal(f"Malformed request: {method} {path_and_query}")


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode(errors="surrogateescape")
