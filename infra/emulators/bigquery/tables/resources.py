"""Resources (what a client gets of a dataset, a table, a model) held in memory over the database that keeps them."""

import threading
from typing import Any, TypeVar

from local_bigquery.catalog import metadata as original
from local_bigquery.models import Table
from local_bigquery.resource import Resource

from bigquery.tables.making import is_hidden
from bigquery.tables.partitions import Reference

original_load = original.load
original_save = original.save
original_delete = original.delete
original_list = original.list_

Key = tuple[type[Resource], tuple[str, ...]]
Kind = TypeVar("Kind", bound=Resource)

_held: dict[Key, Resource | None] = {}
_lock = threading.Lock()
"""Held while the database and the memory change together."""


def load(model: type[Kind], *keys: str) -> Kind | None:
    """A resource; None if there is none."""
    if model is Table and is_hidden((keys[0], keys[1], keys[2])):
        return None
    key = (model, keys)
    try:
        return _held[key]
    except KeyError:
        with _lock:
            _held[key] = found = original_load(model, *keys)
    return found


def list_(model: type[Kind], *keys: str) -> list[Kind]:
    """The resources below the keys."""
    found = original_list(model, *keys)
    return [one for one in found if model is not Table or not is_hidden(_table(one))]


def _table(resource: Any) -> Reference:
    told = resource.tableReference
    return told.projectId, told.datasetId, told.tableId


def save(resource: Kind, *keys: str) -> Kind:
    """Keep a resource."""
    with _lock:
        _held.pop((type(resource), keys), None)
        return original_save(resource, *keys)


def delete(model: type[Resource], *keys: str) -> None:
    """Forget a resource, or all of them below the keys."""
    with _lock:
        _held.clear()
        original_delete(model, *keys)
