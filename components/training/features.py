"""A team's features: what features.py makes of raw columns, and that it keeps the label, and gives it away nowhere."""

from collections.abc import Mapping
from typing import Any

from components.errors import ModelFolderError
from components.model.code import load_module, told_with_place
from components.model.folder import Model

FILE = "features.py"
JOINING = ("ConcatV2", "Pack")
"""Operations that make one tensor of several."""
TAKING = ("GatherNd", "GatherV2", "Slice", "StridedSlice")
"""Those that take a part of one."""


def transformed(model: Model, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the preprocessing_fn of a model's features.py gives.

    Args:
        model: whose.
        inputs: raw columns by name, label included, as TensorFlow Transform hands them over.

    Raises:
        ModelFolderError: it fails, gives no tensors by name, loses the label, or computes a feature from the label.
    """
    path = model.folder / FILE
    module = load_module(model.folder, FILE, "preprocessing_fn")
    with told_with_place(model.folder, FILE, "fails"):
        found: object = module.preprocessing_fn(dict(inputs))
    if not isinstance(found, dict) or not found:
        raise ModelFolderError(f"preprocessing_fn of {path} returns a {type(found).__name__}: return tensors by name, {{name: tensor}}")
    label = model.rows.label
    if label not in found:
        raise ModelFolderError(
            f"preprocessing_fn of {path} returns {', '.join(sorted(map(str, found)))}, and not the label {label!r}: "
            f"add outputs[{label!r}] = inputs[{label!r}]"
        )
    leaking = [name for name, tensor in found.items() if name != label and _depends_on(tensor, inputs[label])]
    if leaking:
        raise ModelFolderError(
            f"preprocessing_fn of {path} computes the feature {leaking[0]!r} from the label {label!r}, which is not known when the model "
            f"is asked: leave it out of what {leaking[0]!r} is made of"
        )
    return found


def _depends_on(tensor: Any, source: Any) -> bool:
    """Whether a tensor of a graph is certainly computed from another.

    What several outputs are made of is not known of each: an operation that splits, or calls a function, leads no further, and neither
    does one that joins what is taken apart again. Nor is anything known of what is no tensor of a graph.
    """
    wanted, pending, seen = getattr(source, "op", None), [(getattr(tensor, "op", None), False)], set[tuple[int, bool]]()
    while pending:
        operation, is_part = pending.pop()
        if operation is None or (id(operation), is_part) in seen:
            continue
        if operation is wanted:
            return True
        seen.add((id(operation), is_part))
        is_known = len(operation.outputs) == 1 and not _calls_function(operation) and not (is_part and operation.type in JOINING)
        if is_known:
            pending += [(each.op, is_part or operation.type in TAKING) for each in operation.inputs]
    return False


def _calls_function(operation: Any) -> bool:
    """Whether an operation is a call of a function of its graph, such as of a tf.function, of a branch or of a loop."""
    return any(attribute.HasField("func") or attribute.list.func for attribute in operation.node_def.attr.values())
