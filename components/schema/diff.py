"""Compare the pinned schema with the one that the rows of a window propose, feature by feature."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from components.schema.propose import ObservedValues, Proposal
from components.schema.text import (
    ANY,
    domain_of,
    feature_text,
    observed_text,
    presence_text,
    range_of,
    range_text,
    shape_text,
    type_text,
    values_text,
)
from components.wording import percent

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema


class Aspect(StrEnum):
    """What differs in a feature."""

    ADDED = "added"
    REMOVED = "removed"
    TYPE = "type"
    PRESENCE = "presence"
    SHAPE = "shape"
    VALUES = "values"
    RANGE = "range"


@dataclass(frozen=True)
class SchemaDifference:
    """One aspect of a feature in which schema.pbtxt differs from the proposal of a window's rows."""

    feature: str
    aspect: Aspect
    pinned: str | None
    """None for a feature that schema.pbtxt lacks."""
    proposed: str | None
    """None for a feature that no row has."""
    seen: str | None = None
    """The values that the rows have."""
    only_in_window: tuple[str, ...] = ()
    only_pinned: tuple[str, ...] = ()
    """Texts that only the rows have, and those that only schema.pbtxt lists."""
    breaks: bool = False
    """Whether the rows break the pinned feature, so that a run would be blocked."""


def compare_schemas(pinned: "Schema", proposal: Proposal, *, broken: Collection[str]) -> tuple[SchemaDifference, ...]:
    """List the differences in the order of schema.pbtxt; features that it lacks come last.

    A pinned range or domain that the rows keep is not a difference, however much tighter or wider than the proposal it is. A value
    of a pinned domain that no row has is one.

    Args:
        pinned: schema.pbtxt.
        proposal: the proposal of the window.
        broken: the features that `find_anomalies` names.
    """
    new = {feature.name: feature for feature in proposal.schema.feature}
    differences: list[SchemaDifference] = []
    for feature in pinned.feature:
        if feature.name in new:
            differences += _aspects(pinned, proposal, feature, new.pop(feature.name))
        else:
            differences.append(SchemaDifference(feature.name, Aspect.REMOVED, feature_text(pinned, feature), None))
    for name, feature in new.items():
        seen = observed_text(proposal.seen[name])
        differences.append(SchemaDifference(name, Aspect.ADDED, None, feature_text(proposal.schema, feature), seen))
    return tuple(replace(difference, breaks=difference.feature in broken) for difference in differences)


def _aspects(schema: "Schema", proposal: Proposal, pinned: "Feature", proposed: "Feature") -> Iterator[SchemaDifference]:
    seen = proposal.seen[pinned.name]
    texts: tuple[tuple[Aspect, Callable[[Feature], str], str], ...] = (
        (Aspect.TYPE, type_text, observed_text(seen)),
        (Aspect.PRESENCE, presence_text, f"{percent(seen.fraction)} of rows"),
        (Aspect.SHAPE, shape_text, ""),
    )
    for aspect, text, shown in texts:
        if text(pinned) != text(proposed):
            yield SchemaDifference(pinned.name, aspect, text(pinned), text(proposed), shown or None)
    if pinned.type == proposed.type:
        yield from _values(schema, proposal, pinned, proposed)
        yield from _ranges(pinned, proposed, seen)


def _values(schema: "Schema", proposal: Proposal, pinned: "Feature", proposed: "Feature") -> Iterator[SchemaDifference]:
    old, new = domain_of(schema, pinned), domain_of(proposal.schema, proposed)
    if old is None and new is None:
        return
    seen = proposal.seen[pinned.name]
    only_in_window = tuple(value for value in seen.values if value not in (old or ()))
    is_whole = len(seen.values) >= seen.distinct
    only_pinned = tuple(value for value in old or () if value not in seen.values) if is_whole else ()
    if only_in_window or only_pinned:
        yield SchemaDifference(
            pinned.name,
            Aspect.VALUES,
            ANY if old is None else values_text(old),
            ANY if new is None else values_text(new),
            observed_text(seen),
            only_in_window,
            only_pinned,
        )


def _ranges(pinned: "Feature", proposed: "Feature", seen: ObservedValues) -> Iterator[SchemaDifference]:
    least, most = range_of(pinned)
    is_open = (least, most) == (None, None)
    is_left = not is_open and _is_outside(seen, least, most)
    if is_left or (is_open and range_of(proposed) != (None, None)):
        yield SchemaDifference(pinned.name, Aspect.RANGE, range_text(least, most), range_text(*range_of(proposed)), observed_text(seen))


def _is_outside(seen: ObservedValues, least: float | None, most: float | None) -> bool:
    if seen.least is None or seen.most is None:
        return False
    return (least is not None and seen.least < least) or (most is not None and seen.most > most)


def difference_sentence(difference: SchemaDifference) -> str:
    """A difference for a person who reviews schema.pbtxt, without the feature's name."""
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
