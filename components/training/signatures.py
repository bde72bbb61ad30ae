"""The signatures of a version, and the file in it that describes them: which columns, of which types, in which order.

A version is asked in one of three ways, which give the same scores: `serving_default` takes serialised tf.train.Examples, `raw` a tensor
for each column, `packed` a matrix for each type. Nothing here needs TensorFlow.
"""

import json
import keyword
import math
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from components.errors import RegistryError

FILE = Path("assets.extra") / "signatures.json"
"""In the SavedModel. Versions from before there was this file do not run in TensorFlow Serving."""
SIGNATURE = "serving_default"
RAW = "raw"
PACKED = "packed"
INPUT = "examples"
OUTPUT = "score"
PRESENT = "present"
"""The input of `raw` and `packed` that says which optional columns a row has."""
DTYPES = ("int64", "float32", "string")
"""What a tf.train.Example holds."""
TENSOR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
"""TensorFlow changes or refuses other names of inputs."""
UNSERVABLE = f"has no {FILE}: it was made before versions ran in TensorFlow Serving"


@dataclass(frozen=True)
class Column:
    """A column of source.sql that a version is asked with."""

    name: str
    dtype: str
    """One of DTYPES."""
    shape: tuple[int, ...] = (1,)
    """Of a row's value."""
    optional: bool = False
    """Whether a row may lack it."""

    @property
    def width(self) -> int:
        """How many columns of its matrix are its own."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Signatures:
    """What a version can be asked, and what it answers."""

    columns: tuple[Column, ...]
    """By name."""
    score_count: int
    """How many numbers it gives for a row."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the signatures. `raw` is there if the name of every column can be that of an input."""
        names = [column.name for column in self.columns] + ([PRESENT] if self.optional else [])
        return (SIGNATURE, RAW, PACKED) if _are_tensor_names(names) else (SIGNATURE, PACKED)

    @property
    def packed(self) -> dict[str, tuple[Column, ...]]:
        """The columns of each matrix of `packed`, in their order; a type that no column has is no input."""
        groups = {dtype: tuple(column for column in self.columns if column.dtype == dtype) for dtype in DTYPES}
        return {dtype: columns for dtype, columns in groups.items() if columns}

    @property
    def optional(self) -> tuple[Column, ...]:
        """The columns of `present`, in their order; where there are none, it is no input."""
        return tuple(column for column in self.columns if column.optional)

    def write(self, folder: Path) -> None:
        """Into the SavedModel in a folder."""
        inputs = {dtype: [column.name for column in columns] for dtype, columns in self.packed.items()}
        document = {
            "signatures": self.names,
            "columns": [asdict(column) for column in self.columns],
            "packed": inputs | ({PRESENT: [column.name for column in self.optional]} if self.optional else {}),
            "output": {"name": OUTPUT, "dtype": "float32", "shape": [self.score_count]},
        }
        (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def read_signatures(folder: Path, what: str) -> Signatures:
    """What `Signatures.write` wrote into the SavedModel in a folder, which holds `what`.

    Raises:
        RegistryError: it is not there, or cannot be read.
    """
    require_servable([FILE.as_posix()] if (folder / FILE).is_file() else [], what)
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
        columns = tuple(Column(c["name"], c["dtype"], tuple(c["shape"]), c["optional"]) for c in document["columns"])
        found = Signatures(columns, int(document["output"]["shape"][0]))
        inputs = {dtype: [column.name for column in group] for dtype, group in found.packed.items()}
        if {dtype: names for dtype, names in document["packed"].items() if dtype != PRESENT} != inputs:
            raise ValueError("the order of the columns")
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise RegistryError(f"{FILE} of {what} cannot be read ({error!r}): train a new version") from error
    return found


def require_servable(paths: Collection[str], what: str) -> None:
    """Refuse a version that does not run in TensorFlow Serving, by the paths of its files.

    Raises:
        RegistryError: the text says what to do instead.
    """
    if FILE.as_posix() not in paths:
        raise RegistryError(f"{what} {UNSERVABLE}; train the model again with `perennial train MODEL --force`, and deploy that version")


def _are_tensor_names(names: Collection[str]) -> bool:
    """Whether TensorFlow takes all of them, as they are, for the inputs of one signature."""
    differ = len({name.lower() for name in names}) == len(names)
    return differ and all(TENSOR_NAME.fullmatch(name) and not keyword.iskeyword(name) and name != "self" for name in names)
