"""Resources (what a client gets of a dataset, a table, a model) held in memory over the database that keeps them."""

import threading
from typing import TypeVar

from local_bigquery.catalog import metadata as original
from local_bigquery.resource import Resource

original_load = original.load
original_save = original.save
original_delete = original.delete

Key = tuple[type[Resource], tuple[str, ...]]
Kind = TypeVar("Kind", bound=Resource)

_held: dict[Key, Resource | None] = {}
_lock = threading.Lock()
"""Held while the database and the memory change together."""


def load(model: type[Kind], *keys: str) -> Kind | None:
    """A resource; None if there is none."""
    key = (model, keys)
    try:
        return _held[key]
    except KeyError:
        with _lock:
            _held[key] = found = original_load(model, *keys)
    return found


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
