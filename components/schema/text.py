"""Express a schema in words, and as the text of schema.pbtxt."""

from collections.abc import MutableSequence, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from components.schema.propose import ObservedValues, Proposal
from components.wording import percent

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema

LISTED_VALUES = 10
ANY = "not said"
"""Stands for what a schema does not restrict."""


def to_text(proposal: Proposal, *, heading: Sequence[str]) -> str:
    """The proposed schema.pbtxt, with the observed values as comments beside the features' names."""
    lines = [*(f"# {line}" for line in heading), ""]
    for feature in proposal.schema.feature:
        name, *fields = _fields(feature)
        note = _note(feature, proposal.seen[feature.name])
        lines += ["feature {", f"  {name}{note and f'  # {note}'}", *(f"  {field}" for field in fields), "}"]
    for domain in proposal.schema.string_domain:
        lines += ["string_domain {", *(f"  {field}" for field in _fields(domain)), "}"]
    return "\n".join(lines) + "\n"


def _fields(message: "Message") -> list[str]:
    """A line for each of a message's fields, in the order of their numbers."""
    from google.protobuf import text_format

    lines = []
    for field, value in message.ListFields():
        for item in value if isinstance(value, MutableSequence) else (value,):
            out = StringIO()
            text_format.PrintField(field, item, out, as_utf8=True, as_one_line=True)
            lines.append(out.getvalue().strip())
    return lines


def _note(feature: "Feature", seen: ObservedValues) -> str:
    shown = "" if feature.domain else f"seen {observed_text(seen)}"
    rare = f"in {percent(seen.fraction)} of rows" if seen.fraction < 1 else ""
    return ", ".join(part for part in (shown, rare) if part)


def observed_text(seen: ObservedValues) -> str:
    """The range of observed numbers, `1 to 17`, or the observed values."""
    if seen.least is not None and seen.most is not None:
        return f"{_bound(seen.least)} to {_bound(seen.most)}"
    return values_text(seen.values, seen.distinct)


def values_text(values: Sequence[str], count: int | None = None) -> str:
    """The first values, quoted, and how many more there are. `count` is the number of all values, if not all are given."""
    more = (len(values) if count is None else count) - min(len(values), LISTED_VALUES)
    shown = ", ".join(map(repr, values[:LISTED_VALUES]))
    return f"{shown} and {more:,} more" if more > 0 else shown


def _bound(value: float) -> str:
    """A bound as schema.pbtxt has it: whole numbers without a point, others to six digits."""
    return f"{value:.0f}" if value == int(value) else f"{value:.6g}"


def type_text(feature: "Feature") -> str:
    """The type of a feature: INT, FLOAT or BYTES."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    return str(schema_pb2.FeatureType.Name(feature.type))


def presence_text(feature: "Feature") -> str:
    """Which rows must have a value."""
    if not feature.HasField("presence"):
        return ANY
    fraction, count = feature.presence.min_fraction, feature.presence.min_count
    parts = ["every row" if fraction == 1 else f"at least {percent(fraction)} of rows"] if fraction else []
    if count > 1 or (count and not parts):
        parts.append(f"at least {count:,} row{'s' if count > 1 else ''}")
    return " and ".join(parts) or ANY


def shape_text(feature: "Feature") -> str:
    """How many values a row has: `[1]` for a fixed shape."""
    from google.protobuf import text_format

    kind = feature.WhichOneof("shape_type")
    if kind == "shape":
        return f"[{', '.join(str(dim.size) for dim in feature.shape.dim)}]"
    if kind == "value_count":
        return f"{_count_text(feature.value_count.min, feature.value_count.max)} or none"
    return str(text_format.MessageToString(feature.value_counts, as_one_line=True)) if kind else ANY


def _count_text(least: int, most: int) -> str:
    if most > least:
        return f"{least:,} to {most:,} values"
    return f"{'' if most else 'at least '}{least:,} value{'' if least == 1 else 's'}"


def range_of(feature: "Feature") -> tuple[float | None, float | None]:
    """The least and the largest number that a feature may have; None stands for no bound."""
    kind = feature.WhichOneof("domain_info")
    if type_text(feature) == "BYTES" or kind not in {"bool_domain", "int_domain", "float_domain"}:
        return None, None
    if kind == "bool_domain":
        return 0, 1
    domain = getattr(feature, kind)
    return domain.min if domain.HasField("min") else None, domain.max if domain.HasField("max") else None


def range_text(least: float | None, most: float | None) -> str:
    """A range for a sentence: `0 to 729`, `at least 0`, `at most 1`."""
    if least is not None and most is not None:
        return f"{_bound(least)} to {_bound(most)}"
    if least is not None:
        return f"at least {_bound(least)}"
    return ANY if most is None else f"at most {_bound(most)}"


def domain_of(schema: "Schema", feature: "Feature") -> tuple[str, ...] | None:
    """The texts that a feature may have; None if it may have any."""
    kind = feature.WhichOneof("domain_info")
    if kind == "string_domain":
        return tuple(feature.string_domain.value)
    if kind == "domain":
        return next((tuple(domain.value) for domain in schema.string_domain if domain.name == feature.domain), None)
    is_text = kind == "bool_domain" and type_text(feature) == "BYTES"
    return (feature.bool_domain.true_value, feature.bool_domain.false_value) if is_text else None


def feature_text(schema: "Schema", feature: "Feature") -> str:
    """All that the schema says of a feature, in a few words."""
    parts = [type_text(feature), f"present in {presence_text(feature)}", f"shape {shape_text(feature)}"]
    values, bounds = domain_of(schema, feature), range_of(feature)
    if values is not None:
        parts.append(f"values {values_text(values)}")
    if bounds != (None, None):
        parts.append(f"range {range_text(*bounds)}")
    return ", ".join(part for part in parts if not part.endswith(ANY))
