"""The pods of a workflow, which Kubeflow's API does not name: it tells the ids of a node's children, and no node's own.

Argo names a node after its way from the workflow's own name (`wf(0).root.pin(0).executor`), its id is the workflow's name with an FNV-1a
hash of that, and its pod has the same hash behind the name of its template. So what the API tells is enough to find each node again.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

OFFSET, PRIME, BITS = 2166136261, 16777619, 0xFFFFFFFF
ATTEMPT = re.compile(r"\(\d+\)$")
DEEPEST = 12
TEMPLATES = ("retry-system-container-impl", "system-container-impl")
"""Of a step's container: with a policy of retries and without (argocompiler/container.go)."""


def pods_of_step(step: str, display_names: Collection[str], children: Collection[str]) -> tuple[str, ...]:
    """The names that a step's pods may have, the first attempt's first.

    Args:
        step: its name.
        display_names: those of all nodes of its run.
        children: the ids of all nodes that are a child of another one.
    """
    found = _names(frozenset(display_names), frozenset(children))
    own = sorted(name for name in found if f".{step}" in name and re.search(rf"\.{re.escape(step)}(\(\d+\))?\.executor", name))
    leaves = [name for name in own if ATTEMPT.search(name)] or own
    ids = [found[name] for name in leaves]
    return tuple(
        f"{workflow}-{template}-{number}" for workflow, _, number in (own_id.rpartition("-") for own_id in ids) for template in TEMPLATES
    )


@lru_cache(maxsize=4)
def _names(display_names: Collection[str], children: Collection[str]) -> Mapping[str, str]:
    """Argo's name of each node that is some node's child, with its id."""
    known: dict[str, str] = {}
    for workflow in {child.rpartition("-")[0] for child in children}:
        begun = [workflow, f"{workflow}(0)"]
        frontier = [*begun, *(f"{name}.root{attempt}" for name in begun for attempt in ("", "(0)"))]
        for _ in range(DEEPEST):
            frontier = [
                name
                for parent in frontier
                for name in _below(parent, display_names)
                if name not in known and f"{workflow}-{_hash(name)}" in children
            ]
            known |= {name: f"{workflow}-{_hash(name)}" for name in frontier}
    return known


def _below(parent: str, display_names: Collection[str]) -> Iterator[str]:
    """The names that a node's children may have."""
    for name in display_names:
        yield f"{parent}.{name}"
        if attempt := ATTEMPT.search(name):
            yield f"{parent}{attempt[0]}"


def _hash(text: str) -> int:
    value = OFFSET
    for byte in text.encode():
        value = (value ^ byte) * PRIME & BITS
    return value
