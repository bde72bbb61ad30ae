"""The one way to score rows: for the service, for a batch, in the shadow, and when a logged prediction is explained.

A version's SavedModel is asked in a session, by its signature `packed`, always with a multiple of PADDING rows. A row's score is then the
same to the bit whatever rows are beside it: kernels treat single rows and odd tails otherwise. Bits still depend on TensorFlow, oneDNN and
the processor, which `Scorer.environment` names.
"""

import gc
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from components.deployment.smoke import import_tensorflow
from components.errors import RegistryError
from components.protocol.tensors import TensorSignature
from components.training.session import said
from components.training.signatures import OUTPUT, PACKED, PRESENT, Signatures, read_signatures

PADDING = 8
"""Rows are padded to a multiple of this number."""
MOST_ROWS_OF_A_CALL = 1024


@dataclass(frozen=True, eq=False)
class PackedRows:
    """Rows as the signature `packed` takes them: a matrix a type, padded to a multiple of PADDING."""

    inputs: Mapping[str, np.ndarray]
    """int64, float32 and string [padded, width], and `present` bool [padded, optional], as far as the version has such columns."""
    rows: int
    """How many of them are asked for."""


def padded(rows: int) -> int:
    """The next multiple of PADDING."""
    return rows + -rows % PADDING


def joined(parts: Sequence[PackedRows]) -> PackedRows:
    """The rows of several requests as one call."""
    if len(parts) == 1:
        return parts[0]
    rows = sum(part.rows for part in parts)
    return PackedRows({name: _padded_rows([part.inputs[name][: part.rows] for part in parts], rows) for name in parts[0].inputs}, rows)


def _padded_rows(arrays: Sequence[np.ndarray], rows: int) -> np.ndarray:
    width, dtype = arrays[0].shape[1], arrays[0].dtype
    whole = np.full((padded(rows), width), b"", object) if arrays[0].dtype.hasobject else np.zeros((padded(rows), width), dtype)
    np.concatenate(arrays, out=whole[:rows])
    return whole


class Scorer:
    """A version's SavedModel in a session, which gives all its memory back when it is closed."""

    def __init__(self, folder: Path, what: str) -> None:
        """`what` is in the folder: a version, as errors name it.

        Raises:
            RegistryError: it does not load.
        """
        self.folder = folder
        self.columns: Signatures = read_signatures(folder, what)
        import_tensorflow()
        import tensorflow as tf

        config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)  # work in the caller's thread
        self._session: Any = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        try:
            with self._session.graph.as_default():
                loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], str(folder))
            self._call = self._callable(loaded.signature_def[PACKED])
        except (OSError, ValueError, KeyError, RuntimeError, tf.errors.OpError) as error:
            self._session.close()
            raise RegistryError(
                f"{what} does not load in a session of TensorFlow {tf.__version__} ({said(error)}): train a new version"
            ) from error
        self.definitions: Mapping[str, Any] = dict(loaded.signature_def)

    def _callable(self, definition: Any) -> Any:
        """A private function of TensorFlow: `Session.run` takes three times as long. tests/components/serving/test_scorer.py holds it."""
        from tensorflow.core.protobuf import config_pb2

        self._inputs = [*self.columns.packed, *([PRESENT] if self.columns.optional else [])]
        options = config_pb2.CallableOptions(
            feed=[definition.inputs[name].name for name in self._inputs], fetch=[definition.outputs[OUTPUT].name]
        )
        return self._session._make_callable_from_options(options)  # noqa: SLF001

    @cached_property
    def signatures(self) -> Mapping[str, TensorSignature]:
        """What can be asked, by name, with the types of inputs and outputs."""
        from tensorflow.core.framework import types_pb2

        def types(tensors: Any) -> dict[str, str]:
            return {name: types_pb2.DataType.Name(tensors[name].dtype) for name in sorted(tensors)}

        return {name: TensorSignature(types(d.inputs), types(d.outputs), d.method_name) for name, d in self.definitions.items() if d.inputs}

    def score(self, packed: PackedRows) -> np.ndarray:
        """float32 [rows, scores]: the answers, in the order of the rows."""
        if packed.rows <= MOST_ROWS_OF_A_CALL:
            return self._score(packed.inputs, packed.rows)
        starts = range(0, packed.rows, MOST_ROWS_OF_A_CALL)
        parts = [{name: array[start : start + MOST_ROWS_OF_A_CALL] for name, array in packed.inputs.items()} for start in starts]
        return np.concatenate(
            [self._score(part, min(MOST_ROWS_OF_A_CALL, packed.rows - start)) for start, part in zip(starts, parts, strict=True)]
        )

    def _score(self, inputs: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
        scores: np.ndarray = self._call(*(inputs[name] for name in self._inputs))[0]
        return scores[:rows]

    def close(self) -> None:
        """Give the memory back. Nothing may be scoring."""
        del self._call  # it holds a handle of the session
        self._session.close()
        del self._session
        gc.collect()


def environment() -> str:
    """What the bits of a score depend on beside the version and the row: TensorFlow, oneDNN, the processor, the padding."""
    import tensorflow as tf

    is_off = os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0"  # noqa: TID251 - TensorFlow's own variable, not a setting
    return f"tensorflow {tf.__version__}, oneDNN {'off' if is_off else 'on'}, {_processor()}, padding {PADDING}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
