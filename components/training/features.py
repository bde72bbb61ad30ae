"""A team's features: what features.py makes of raw columns, and that it keeps the label, and gives it away nowhere."""

from collections.abc import Mapping
from typing import Any

from components.errors import ModelFolderError
from components.model.code import load_module, told_with_place
from components.model.folder import Model

FILE = "features.py"


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
    """Whether a tensor of a graph is computed from another. Of what is no tensor of a graph nothing is known."""
    wanted, pending, seen = getattr(source, "op", None), [getattr(tensor, "op", None)], set[int]()
    while pending:
        operation = pending.pop()
        if operation is None or id(operation) in seen:
            continue
        if operation is wanted:
            return True
        seen.add(id(operation))
        pending += [each.op for each in operation.inputs]
    return False
