"""A Keras model that somebody has already: a new model begins with its weights, and is trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.errors import ModelFolderError
from components.model.task import LearningTask
from pipelines.scaffold.features import Guess

START_FILE = "start.keras"
"""The copy of it in the model's folder."""


@dataclass(frozen=True)
class KerasStart:
    """What a file has."""

    inputs: tuple[str, ...]
    """The columns of source.sql that it takes, raw."""
    is_vector: bool
    """Whether it takes them as one tensor [batch, inputs], in that order; else each by its name."""


def read_start(path: Path, guess: Guess, task: LearningTask, *, order: Sequence[str]) -> KerasStart:
    """Find out which features a Keras model takes.

    Args:
        path: of a .keras file.
        guess: the features that there are.
        task: tells how many scores it must give.
        order: of the features, for a model with one input that has no names.

    Raises:
        ModelFolderError: it does not load, takes what is no feature, or gives other scores.
    """
    if path.suffix != ".keras":
        raise ModelFolderError(
            f'{path} is no .keras file, which alone goes into the folder: load it in Keras, and model.save("NAME.keras")'
        )
    model = _loaded(path)
    if tuple(model.output_shape) != (None, task.score_count):
        raise ModelFolderError(f"{path} gives scores of shape {model.output_shape}, not (None, {task.score_count}), {task.score_meaning}")
    widths = {tensor.name: tensor.shape[-1] if len(tensor.shape) == 2 else 0 for tensor in model.inputs}
    numbers = [feature.name for feature in guess.features if feature.is_number]
    if len(widths) == 1 and (order or [*widths.values()] != [1]):
        (width,) = widths.values()
        if len(order) != width:
            raise ModelFolderError(f"{path} takes {width} numbers in one tensor: name their columns in its order, --inputs A,B,…")
        _require_numbers(path, order, numbers)
        return KerasStart(tuple(order), is_vector=True)
    wide = [name for name, width in widths.items() if width != 1]
    if wide:
        raise ModelFolderError(f"{path} has the input {wide[0]!r} of {widths[wide[0]]} numbers: each must be one number, [batch, 1]")
    _require_numbers(path, [*widths], numbers)
    return KerasStart(tuple(widths), is_vector=False)


def taking(guess: Guess, start: KerasStart) -> Guess:
    """The guess with the features alone that the Keras model takes."""
    why: Mapping[str, str] = {
        feature.column: "the Keras model does not take it"
        for feature in guess.features
        if feature.name not in start.inputs and feature.column
    }
    kept = tuple(feature for feature in guess.features if feature.name in start.inputs)
    used = {feature.column for feature in kept}
    return replace(guess, features=kept, left_out={**guess.left_out, **{column: why[column] for column in why if column not in used}})


def _loaded(path: Path) -> Any:
    import keras

    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelFolderError(f'{path} is no Keras model that loads by itself ({said}): save it with model.save("NAME.keras")') from error
    if not getattr(model, "inputs", None):
        raise ModelFolderError(f"{path} has no inputs with names and shapes: save a functional or sequential model, after it was built")
    return model


def _require_numbers(path: Path, names: Sequence[str], numbers: Sequence[str]) -> None:
    unknown = [name for name in names if name not in numbers]
    if unknown:
        raise ModelFolderError(f"{path} takes {unknown[0]!r}, which is no numeric feature of the table: those are {', '.join(numbers)}")
