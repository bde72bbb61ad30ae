"""Pages, orders and filters of lists (backend/src/apiserver/list/list.go and filter/filter.go, tag 2.17.0)."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from kfp_server_api import V2beta1PredicateOperation as Operation

from infra.emulators.kubeflow.errors import invalid

Json = dict[str, Any]
DEFAULT_PAGE = 20
LARGEST_PAGE = 200
VALUES = ("int_value", "long_value", "string_value", "timestamp_value", "int_values", "long_values", "string_values")
OLD_SPELLING = re.compile(r'"(int|long|string|timestamp)(Values?)":')

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    Operation.EQUALS: lambda is_, wanted: str(is_).lower() == str(wanted).lower(),  # the database's collation ignores case
    Operation.NOT_EQUALS: lambda is_, wanted: str(is_).lower() != str(wanted).lower(),
    Operation.GREATER_THAN: lambda is_, wanted: is_ > wanted,
    Operation.GREATER_THAN_EQUALS: lambda is_, wanted: is_ >= wanted,
    Operation.LESS_THAN: lambda is_, wanted: is_ < wanted,
    Operation.LESS_THAN_EQUALS: lambda is_, wanted: is_ <= wanted,
    Operation.IN: lambda is_, wanted: is_ in wanted,
    Operation.IS_SUBSTRING: lambda is_, wanted: str(wanted).lower() in str(is_).lower(),
}


def page(items: Sequence[Json], query: Mapping[str, str], *, fields: Sequence[str], key: str, what: str, name: str) -> Json:
    """One page of a list.

    Args:
        items: all resources that the call is about.
        query: page_token, page_size, sort_by and filter, as the URL has them.
        fields: what may be sorted and filtered by; the first is the default order.
        key: the field that tells two resources apart.
        what: the field of the answer that holds them.
        name: the server's name of their type, for its errors.
    """
    size = _page_size(query.get("page_size", ""))
    state = _state(query, fields, name)
    found = [item for item in items if all(_matches(item, predicate) for predicate in state["predicates"])]
    found.sort(key=lambda item: (str(item.get(state["sort"], "")), item[key]), reverse=state["descending"])
    start = next((place for place, item in enumerate(found) if item[key] == state["start"]), 0) if state["start"] else 0
    answer: Json = {"total_size": len(found)} if found else {}
    if found[start : start + size]:
        answer[what] = found[start : start + size]
    if start + size < len(found):
        token = state | {"start": found[start + size][key]}
        answer["next_page_token"] = base64.b64encode(json.dumps(token).encode()).decode()
    return answer


def _page_size(text: str) -> int:
    size = int(text or 0)
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {size}")
    return min(size or DEFAULT_PAGE, LARGEST_PAGE)


def _state(query: Mapping[str, str], fields: Sequence[str], name: str) -> Json:
    given = query.get("sort_by", ""), query.get("filter", "")
    fresh = {**_order(given[0], fields, name), "predicates": _predicates(given[1], fields), "start": ""}
    token = query.get("page_token", "")
    if not token:
        return fresh
    try:
        state: Json = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid page token") from error
    if any(given) and any(state[field] != fresh[field] for field in ("sort", "descending", "predicates")):
        raise invalid(
            "page token does not match the supplied sort by and/or filtering criteria. Either specify the same criteria or leave the "
            "latter empty if page token is specified"
        )
    return state


def _order(sort_by: str, fields: Sequence[str], name: str) -> Json:
    words = sort_by.lower().split()
    if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise invalid(
            f'Received invalid sort by format "{sort_by}". Supported format: "field_name", "field_name desc", or "field_name asc"'
        )
    if words and words[0] not in fields:
        raise invalid(f'Invalid sorting field: "{words[0]}" on listable type {name}')
    return {"sort": words[0] if words else fields[0], "descending": len(words) == 2 and words[1] == "desc"}


def _predicates(encoded: str, fields: Sequence[str]) -> list[Json]:
    if not encoded:
        return []
    text = OLD_SPELLING.sub(lambda match: f'"{match[1]}_{match[2].lower()}":', unquote(encoded))
    try:
        predicates: list[Json] = json.loads(text)["predicates"]
        return [_predicate(predicate, fields) for predicate in predicates]
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(f'failed to parse valid filter from "{encoded}": {error}') from error


def _predicate(predicate: Json, fields: Sequence[str]) -> Json:
    if unknown := predicate.keys() - {"operation", "key", *VALUES}:
        raise ValueError(f'unknown field "{min(unknown)}"')
    if predicate["key"] not in fields:
        raise invalid(f'no support for filtering on unrecognized field "{predicate["key"]}"')
    operation = predicate["operation"]
    operation = list(COMPARISONS)[operation - 1] if isinstance(operation, int) else operation  # protobuf's JSON takes both
    (value,) = (predicate[name] for name in VALUES if name in predicate)
    return {"key": predicate["key"], "operation": operation, "value": value.get("values") if isinstance(value, dict) else value}


def _matches(item: Json, predicate: Json) -> bool:
    return COMPARISONS[predicate["operation"]](item.get(predicate["key"], ""), predicate["value"])
