"""How the pinned schema differs from the one that a window's rows would propose, feature by feature."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from components.checks.schema.propose import Proposal, Seen
from components.checks.schema.text import (
    ANY,
    domain_of,
    feature_text,
    percent,
    presence_text,
    range_of,
    range_text,
    seen_text,
    shape_text,
    type_text,
    values_text,
)

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema


class Aspect(StrEnum):
    """What of a feature differs."""

    ADDED = "added"
    REMOVED = "removed"
    TYPE = "type"
    PRESENCE = "presence"
    SHAPE = "shape"
    VALUES = "values"
    RANGE = "range"


@dataclass(frozen=True)
class Difference:
    """One aspect of a feature, in schema.pbtxt and as the window's rows would propose it."""

    feature: str
    aspect: Aspect
    pinned: str | None
    """None for a feature that schema.pbtxt lacks."""
    proposed: str | None
    """None for a feature that no row has."""
    seen: str | None = None
    """What the rows hold."""
    only_in_window: tuple[str, ...] = ()
    only_pinned: tuple[str, ...] = ()
    """Values of text."""
    breaks: bool = False
    """Whether the rows break what is pinned of the feature: a run would be blocked."""


def compare(pinned: "Schema", proposal: Proposal, *, broken: Collection[str]) -> tuple[Difference, ...]:
    """The differences, in the order of schema.pbtxt; what it lacks comes last.

    A range or a domain that the rows keep is no difference, however much tighter than the proposal a person made it; values of a
    domain that no row has are one.

    Args:
        pinned: schema.pbtxt.
        proposal: of the window.
        broken: the features that `find_anomalies` names.
    """
    new = {feature.name: feature for feature in proposal.schema.feature}
    found: list[Difference] = []
    for feature in pinned.feature:
        if feature.name in new:
            found += _aspects(pinned, proposal, feature, new.pop(feature.name))
        else:
            found.append(Difference(feature.name, Aspect.REMOVED, feature_text(pinned, feature), None))
    for name, feature in new.items():
        seen = seen_text(proposal.seen[name])
        found.append(Difference(name, Aspect.ADDED, None, feature_text(proposal.schema, feature), seen))
    return tuple(replace(difference, breaks=difference.feature in broken) for difference in found)


def _aspects(schema: "Schema", proposal: Proposal, pinned: "Feature", proposed: "Feature") -> Iterator[Difference]:
    seen = proposal.seen[pinned.name]
    texts: tuple[tuple[Aspect, Callable[[Feature], str], str], ...] = (
        (Aspect.TYPE, type_text, seen_text(seen)),
        (Aspect.PRESENCE, presence_text, f"{percent(seen.fraction)} of rows"),
        (Aspect.SHAPE, shape_text, ""),
    )
    for aspect, text, shown in texts:
        if text(pinned) != text(proposed):
            yield Difference(pinned.name, aspect, text(pinned), text(proposed), shown or None)
    if pinned.type == proposed.type:
        yield from _values(schema, proposal, pinned, proposed)
        yield from _ranges(pinned, proposed, seen)


def _values(schema: "Schema", proposal: Proposal, pinned: "Feature", proposed: "Feature") -> Iterator[Difference]:
    old, new = domain_of(schema, pinned), domain_of(proposal.schema, proposed)
    if old is None and new is None:
        return
    seen = proposal.seen[pinned.name]
    only_in_window = tuple(value for value in seen.values if value not in (old or ()))
    is_whole = len(seen.values) >= seen.distinct
    only_pinned = tuple(value for value in old or () if value not in seen.values) if is_whole else ()
    if only_in_window or only_pinned:
        yield Difference(
            pinned.name,
            Aspect.VALUES,
            ANY if old is None else values_text(old),
            ANY if new is None else values_text(new),
            seen_text(seen),
            only_in_window,
            only_pinned,
        )


def _ranges(pinned: "Feature", proposed: "Feature", seen: Seen) -> Iterator[Difference]:
    least, most = range_of(pinned)
    is_open = (least, most) == (None, None)
    is_left = not is_open and _is_outside(seen, least, most)
    if is_left or (is_open and range_of(proposed) != (None, None)):
        yield Difference(pinned.name, Aspect.RANGE, range_text(least, most), range_text(*range_of(proposed)), seen_text(seen))


def _is_outside(seen: Seen, least: float | None, most: float | None) -> bool:
    if seen.least is None or seen.most is None:
        return False
    return (least is not None and seen.least < least) or (most is not None and seen.most > most)


def sentence(difference: Difference) -> str:
    """The difference for a person who reviews schema.pbtxt, without the feature's name."""
    match difference.aspect:
        case Aspect.ADDED:
            return f"not in schema.pbtxt; the window proposes {difference.proposed} (seen {difference.seen})"
        case Aspect.REMOVED:
            return f"no row of the window has a value; schema.pbtxt says {difference.pinned}"
        case Aspect.VALUES if difference.pinned != ANY:
            parts = {"only in the window": difference.only_in_window, "only in schema.pbtxt": difference.only_pinned}
            return "; ".join(f"{where}: {values_text(values)}" for where, values in parts.items() if values)
        case _:
            seen = f" (seen {difference.seen})" if difference.seen and difference.aspect != Aspect.VALUES else ""
            return f"schema.pbtxt: {difference.pinned}; the window proposes: {difference.proposed}{seen}"
