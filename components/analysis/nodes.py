"""tf.Transform's graph of an analysis, walked in this process: a node gives lists of what Beam would have as collections."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzer_nodes, nodes
from tensorflow_transform.beam import analyzer_impls, beam_nodes

from components.analysis.accumulate import Accumulation, TokenCount
from components.errors import PerennialError

Values = list[Any]
FREQUENCY = analyzer_impls._VocabOrderingType.FREQUENCY  # noqa: SLF001 - it has no public name
NO_ROWS: tuple[int, tuple[str, ...]] = -1, ()
"""Of a node that gives something else than rows."""
LAST = "CreateSavedModel"
"""The label of the node that makes the SavedModel of it all."""


class UnknownAnalysisError(PerennialError):
    """What only tf.Transform on Beam finds out. The text names it."""


@dataclass(frozen=True)
class Outputs:
    """What a traced preprocessing_fn is asked for."""

    tensors: Mapping[str, Any]
    """Of its graph, by the names to give them."""
    known: Mapping[str, tf.Tensor]
    """What analyzers gave in earlier phases, by the name of the tensor in its place."""
    phase: int = 0


class RowsWanted(nodes.Visitor):  # type: ignore[misc]
    """Finds what adds up over the rows, by phase. The value of a node is the phase and the columns of the rows that it gives."""

    def __init__(self) -> None:
        self.accumulations: defaultdict[int, list[Accumulation]] = defaultdict(list)

    def visit(self, operation: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Called for each node once, those before it first.

        Raises:
            UnknownAnalysisError: the node is none of those below.
        """
        if type(operation) not in COMPUTE:
            raise UnknownAnalysisError(type(operation).__name__)
        phase, columns = inputs[0] if inputs else NO_ROWS
        match operation:
            case beam_nodes.ApplySavedModel():
                return ((operation.phase, ()),)
            case beam_nodes.ExtractFromDict() if phase >= 0:
                return ((phase, operation.keys),)
            case analyzer_nodes.PackedCombineAccumulate():
                self.accumulations[phase] += [Accumulation(one.label, one.keys, one.combiner) for one in operation.combiners]
            case analyzer_nodes.CacheableCombineAccumulate():
                self.accumulations[phase].append(Accumulation(operation.label, columns, operation.combiner))
            case analyzer_nodes.VocabularyAccumulate():
                _require(operation.vocab_ordering_type == FREQUENCY, "a vocabulary in another order than that of frequency")
                self.accumulations[phase].append(Accumulation(operation.label, columns, TokenCount()))
            case analyzer_nodes.VocabularyPrune():
                _require(operation.key_fn is None, "a vocabulary with a key_fn")
            case analyzer_nodes.VocabularyOrderAndWrite():
                _require(len(inputs) == 1 and not operation.fingerprint_shuffle, "a vocabulary with reserved tokens, or shuffled")
                _require(operation.file_format == "text", "a vocabulary that is not text")
        return tuple([NO_ROWS] * operation.num_outputs)

    def validate_value(self, value: Any) -> None:
        """Any will do."""


def _require(is_known: bool, what: str) -> None:
    if not is_known:
        raise UnknownAnalysisError(what)


@dataclass(frozen=True)
class Computation(nodes.Visitor):  # type: ignore[misc]
    """Computes what analyzers give, and has the SavedModel written."""

    look: Callable[[Outputs], Values]
    """The accumulators of each span, by label."""
    write: Callable[[Outputs], None]
    folder: Path
    """For vocabularies."""

    def visit(self, operation: Any, inputs: Sequence[Values]) -> tuple[Values, ...]:
        """Called for each node once, those before it first."""
        return COMPUTE[type(operation)](self, operation, *inputs)

    def validate_value(self, value: Any) -> None:
        """Any will do."""


Compute = Callable[..., tuple[Values, ...]]


def _saved_model(computation: Computation, operation: Any, *bindings: Values) -> tuple[Values, ...]:
    asked = Outputs(operation.output_signature, dict(binding for (binding,) in bindings))
    if operation.label == LAST:
        computation.write(asked)
    return ([asked],)


def _binding(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    (value,) = values
    return ([(operation.tensor_name, tf.constant(value, tf.dtypes.as_dtype(operation.dtype_enum)))],)


def _accumulated(computation: Computation, operation: Any, models: Values, _: Values) -> tuple[Values, ...]:
    return (computation.look(replace(models[0], phase=operation.phase)),)


def _extracted(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    """Of rows, whose accumulators are known already, all; else what is under a label."""
    return (values if isinstance(operation.keys, tuple) else [value[operation.keys] for value in values],)


def _as_it_is(_: Computation, __: Any, *values: Values) -> tuple[Values, ...]:
    return ([value for each in values for value in each],)


def _labelled(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    return ([(operation.key, value) for value in values],)


def _of_label(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    return ([value[operation.label] for value in values],)


def _combined(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    return ([_merged(operation.combiner, values)],)


def _combined_by_label(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    parts = {one.keys[0]: [value for label, value in values if label == one.keys[0]] for one in operation.combiners}
    return ([{one.label: _merged(one.combiner, parts[one.keys[0]]) for one in operation.combiners}],)


def _merged(combiner: Any, values: Values) -> Any:
    return combiner.extract_output(combiner.merge_accumulators([combiner.create_accumulator(), *values]))


def _outputs(_: Computation, __: Any, values: Values) -> tuple[Values, ...]:
    (outputs,) = values
    return tuple([output] for output in outputs)


def _tokens(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    return ([counted for span in values for counted in span[operation.label].items()],)


def _counts(_: Computation, __: Any, values: Values) -> tuple[Values, ...]:
    total = Counter[Any]()
    for token, count in values:
        total[token] += count
    return ([(count, token) for token, count in total.items()],)


def _pruned(_: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    kept = [(count, token) for count, token in values if count >= operation.frequency_threshold]
    if operation.input_dtype != tf.string.name:
        kept = [(count, tf.compat.as_bytes(tf.compat.as_str_any(token))) for count, token in kept]
    if operation.top_k is None:
        return (kept,)
    return (analyzer_impls.maybe_add_empty_vocabulary_dummy(sorted(kept, reverse=True)[: operation.top_k], operation.input_dtype),)


def _size(_: Computation, __: Any, values: Values) -> tuple[Values, ...]:
    return ([np.int64(max(len(values), 1))],)  # an empty vocabulary has a token in its file


def _written(computation: Computation, operation: Any, values: Values) -> tuple[Values, ...]:
    order = analyzer_impls._OrderElementsFn(operation.store_frequency, {"reverse": True}, operation.input_dtype)  # noqa: SLF001
    path = computation.folder / operation.vocab_filename
    path.write_bytes(b"".join(entry + b"\n" for entry in order.process(None, [values])))
    return ([np.array(str(path))],)


COMPUTE: Mapping[type, Compute] = {
    beam_nodes.CreateSavedModel: _saved_model,
    beam_nodes.CreateTensorBinding: _binding,
    beam_nodes.ExtractInputForSavedModel: _as_it_is,
    beam_nodes.ApplySavedModel: _accumulated,
    beam_nodes.ExtractFromDict: _extracted,
    beam_nodes.Flatten: _as_it_is,
    analyzer_nodes.PackedCombineAccumulate: _as_it_is,
    analyzer_nodes.AddKey: _labelled,
    analyzer_nodes.PackedCombineMerge: _combined_by_label,
    analyzer_nodes.ExtractPackedCombineMergeOutputs: _outputs,
    analyzer_nodes.CacheableCombineAccumulate: _of_label,
    analyzer_nodes.CacheableCombineMerge: _combined,
    analyzer_nodes.ExtractCombineMergeOutputs: _outputs,
    analyzer_nodes.VocabularyAccumulate: _tokens,
    analyzer_nodes.VocabularyMerge: _counts,
    analyzer_nodes.VocabularyPrune: _pruned,
    analyzer_nodes.VocabularyCount: _size,
    analyzer_nodes.VocabularyOrderAndWrite: _written,
}
"""The nodes that are known here."""
