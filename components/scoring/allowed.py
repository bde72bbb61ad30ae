"""What a version's features may be: their types, and the ranges and values that its pinned schema allows."""

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from components.errors import RegistryError
from components.storage.manifest import CODE
from components.training.signatures import Column, Signatures

TYPE_NAMES = {"int64": "a whole number", "float32": "a number", "string": "a text"}
SHOWN_VALUES = 12


@dataclass(frozen=True)
class Domain:
    """What the schema says of a feature's values. Nothing is said of what has no bound."""

    lowest: float = -math.inf
    highest: float = math.inf
    values: frozenset[bytes] | None = None
    nan: bool = True
    infinite: bool = True

    @property
    def sentence(self) -> str:
        """What is allowed."""
        if self.values is not None:
            listed = ", ".join(repr(value.decode(errors="replace")) for value in sorted(self.values)[:SHOWN_VALUES])
            more = len(self.values) - SHOWN_VALUES
            return f"one of {listed}" + (f" and {more} more" if more > 0 else "")
        bounds = [f"{word} {bound:.15g}" for word, bound in (("at least", self.lowest), ("at most", self.highest)) if math.isfinite(bound)]
        finite = {(True, True): [], (True, False): ["finite or NaN"], (False, True): ["no NaN"], (False, False): ["finite"]}
        return " and ".join([*bounds, *finite[self.nan, self.infinite]])


@dataclass(frozen=True)
class Features:
    """The columns of a version with their domains, and the columns that tell rows apart, which are logged and never scored."""

    signatures: Signatures
    domains: Mapping[str, Domain] = field(default_factory=dict)
    key: str | None = None
    span: str | None = None
    log: str | None = None
    """DATASET.TABLE of the predictions, as model.toml says."""
    log_day: str | None = None
    """The DATE column by which that table is partitioned."""

    def column(self, name: str) -> Column | None:
        """The column of a name; None if no feature has it."""
        return next((column for column in self.signatures.columns if column.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Of what a row may have."""
        return (*(column.name for column in self.signatures.columns), *(name for name in (self.key, self.span) if name))

    def expected(self, column: Column) -> str:
        """What a value of a column must be, as errors say it."""
        sentence = self.domains.get(column.name, Domain()).sentence
        kind = TYPE_NAMES[column.dtype] if column.shape == (1,) else f"{math.prod(column.shape)} values, each {TYPE_NAMES[column.dtype]}"
        return f"{kind}, {sentence}" if sentence else kind


def read_features(folder: Path, signatures: Signatures, what: str) -> Features:
    """The features of the version in a folder, by the model's own files that are kept with it.

    Raises:
        RegistryError: the files cannot be read.
    """
    model: Mapping[str, Any] = {}
    try:
        if (path := folder / CODE / "model.toml").is_file():
            model = tomllib.loads(path.read_text(encoding="utf-8"))
        domains = _read_domains(folder / CODE / "schema.pbtxt")
    except (OSError, ValueError) as error:
        raise RegistryError(f"the model's folder in {what} cannot be read ({error}): train a new version") from error
    features = {column.name for column in signatures.columns}
    rows, serving = model.get("rows", {}), model.get("serving", {})
    key, span = (name if (name := rows.get(field)) not in features else None for field in ("key", "span"))
    known = {name: domain for name, domain in domains.items() if name in features}
    return Features(signatures, known, key, span, serving.get("log"), serving.get("log_partition_field"))


def _read_domains(path: Path) -> dict[str, Domain]:
    if not path.is_file():
        return {}
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ValueError(f"schema.pbtxt: {error}") from error
    shared = {domain.name: domain for domain in schema.string_domain}
    return {feature.name: _domain(feature, shared) for feature in schema.feature}


def _domain(feature: Any, shared: Mapping[str, Any]) -> Domain:
    if feature.HasField("int_domain"):
        domain = feature.int_domain
        lowest = domain.min if domain.HasField("min") else -math.inf
        return Domain(lowest, domain.max if domain.HasField("max") else math.inf)
    if feature.HasField("float_domain"):
        domain = feature.float_domain
        lowest = domain.min if domain.HasField("min") else -math.inf
        return Domain(lowest, domain.max if domain.HasField("max") else math.inf, None, not domain.disallow_nan, not domain.disallow_inf)
    listed = feature.string_domain if feature.HasField("string_domain") else shared.get(feature.domain)
    mass = feature.distribution_constraints.min_domain_mass if feature.HasField("distribution_constraints") else 1.0
    if listed is None or mass < 1:  # new values may come
        return Domain()
    return Domain(values=frozenset(value.encode() for value in listed.value))


@dataclass(frozen=True, eq=False)
class Bounds:
    """What the numbers of a matrix may be, by column. An optional column is not bounded: where a row lacks it, 0 stands in its place."""

    columns: Sequence[Column]
    lowest: np.ndarray
    highest: np.ndarray
    refused: np.ndarray | None
    """bool [NaN and infinity, columns]: which columns do not allow them; None if all do."""

    @classmethod
    def of(cls, features: Features, group: Iterable[Column]) -> Self:
        """The bounds of the columns of one type, int64 or float32."""
        columns = [column for column in group for _ in range(column.width)]
        domains = [Domain() if column.optional else features.domains.get(column.name, Domain()) for column in columns]
        dtype = np.dtype(columns[0].dtype)
        limits = np.iinfo(np.int64)
        least, most = (limits.min, limits.max) if dtype == np.int64 else (-math.inf, math.inf)
        lowest = [domain.lowest if math.isfinite(domain.lowest) else least for domain in domains]
        highest = [domain.highest if math.isfinite(domain.highest) else most for domain in domains]
        refused = np.array([[not domain.nan for domain in domains], [not domain.infinite for domain in domains]])
        is_checked = dtype == np.float32 and refused.any()
        return cls(columns, np.array(lowest, dtype), np.array(highest, dtype), refused if is_checked else None)

    def first_outside(self, values: np.ndarray) -> tuple[int, int] | None:
        """Row and column of the first value that is not allowed; None if there is none."""
        outside = (values < self.lowest) | (values > self.highest)
        if self.refused is not None and not (finite := np.isfinite(values)).all():
            outside |= ~finite & np.where(np.isnan(values), *self.refused)
        if not outside.any():
            return None
        row, column = np.argwhere(outside)[0].tolist()
        return row, column


def listed_values(features: Features) -> list[tuple[int, Column, frozenset[bytes]]]:
    """The columns of text whose values the schema lists: place in the matrix, column, values."""
    columns = [column for column in features.signatures.packed.get("string", ()) for _ in range(column.width)]
    found = [(place, column, features.domains.get(column.name, Domain()).values) for place, column in enumerate(columns)]
    return [(place, column, values) for place, column, values in found if values is not None]
