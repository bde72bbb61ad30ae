"""A model that somebody has already: a new one begins with the weights of a Keras model, or scores with a SavedModel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.errors import ModelFolderError
from components.model.task import LearningTask
from pipelines.scaffold.features import Guess

START_FILE, START_FOLDER = "start.keras", "start"
"""The copy of it in the model's folder: of a Keras model, and of a SavedModel."""
SIGNATURE = "serving_default"
SCORED_ROWS = 1_000
"""So many show whether scores are probabilities."""


@dataclass(frozen=True)
class Start:
    """What a file, or the folder of a SavedModel, has."""

    inputs: tuple[str, ...]
    """The columns of source.sql that it takes, raw."""
    is_vector: bool
    """Whether it takes them as one tensor [batch, inputs], in that order; else each by its name."""
    is_saved: bool = False
    """Whether it is a SavedModel, whose weights stay as they are."""


@dataclass(frozen=True)
class _Shapes:
    """What a model takes and gives."""

    widths: Mapping[str, int]
    """How many numbers each input has; 0 of one that is no matrix."""
    scores: tuple[int | None, ...]


def read_start(path: Path, guess: Guess, task: LearningTask, *, order: Sequence[str]) -> Start:
    """Find out which features a model takes.

    Args:
        path: of a .keras file, or the folder of a SavedModel.
        guess: the features that there are.
        task: tells how many scores it must give.
        order: of the features, for a model with one input that has no names.

    Raises:
        ModelFolderError: it does not load, takes what is no feature, or gives other scores.
    """
    is_saved = path.is_dir()
    if not is_saved and path.suffix != ".keras":
        raise ModelFolderError(
            f'{path} is no .keras file, which alone goes into the folder: load it in Keras, and model.save("NAME.keras")'
        )
    shapes = _saved_shapes(path) if is_saved else _keras_shapes(path)
    widths = shapes.widths
    if shapes.scores != (None, task.score_count):
        raise ModelFolderError(f"{path} gives scores of shape {shapes.scores}, not (None, {task.score_count}), {task.score_meaning}")
    numbers = [feature.name for feature in guess.features if feature.is_number]
    if len(widths) == 1 and (order or [*widths.values()] != [1]):
        (width,) = widths.values()
        if len(order) != width:
            raise ModelFolderError(f"{path} takes {width} numbers in one tensor: name their columns in its order, --inputs A,B,…")
        _require_numbers(path, order, numbers)
        return Start(tuple(order), is_vector=True, is_saved=is_saved)
    wide = [name for name, width in widths.items() if width != 1]
    if wide:
        raise ModelFolderError(f"{path} has the input {wide[0]!r} of {widths[wide[0]]} numbers: each must be one number, [batch, 1]")
    _require_numbers(path, [*widths], numbers)
    return Start(tuple(widths), is_vector=False, is_saved=is_saved)


def require_probabilities(path: Path, start: Start, rows: pa.Table) -> None:
    """Refuse the SavedModel of a classifier that scores rows outside of [0, 1]: what is trained on top of it reads probabilities.

    Args:
        path: its folder.
        start: what it takes.
        rows: of source.sql.

    Raises:
        ModelFolderError: it gives other numbers.
    """
    import tensorflow as tf

    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]
    takes = signature.structured_input_signature[1]
    numbers = {name: rows.column(name).slice(0, SCORED_ROWS).cast("float64").fill_null(0).to_numpy()[:, None] for name in start.inputs}
    inputs = {next(iter(takes)): np.concatenate([*numbers.values()], axis=1)} if start.is_vector else numbers
    (scores,) = signature(**{name: tf.cast(value, takes[name].dtype) for name, value in inputs.items()}).values()
    wrong = scores.numpy()[~((scores.numpy() >= 0) & (scores.numpy() <= 1))]
    if len(wrong):
        raise ModelFolderError(
            f"{path} gives {wrong[0]:.4g}, which is no probability: let it end with a sigmoid, or a softmax for several classes"
        )


def start_files(path: Path | None) -> dict[str, bytes]:
    """The copy of it for a model's folder: bytes by their place in the folder."""
    if path is None:
        return {}
    if path.is_file():
        return {START_FILE: path.read_bytes()}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{START_FOLDER}/{file.relative_to(path).as_posix()}": file.read_bytes() for file in files}


def taking(guess: Guess, start: Start) -> Guess:
    """The guess with the features alone that a model takes."""
    why: Mapping[str, str] = {
        feature.column: "the model to begin with does not take it"
        for feature in guess.features
        if feature.name not in start.inputs and feature.column
    }
    kept = tuple(feature for feature in guess.features if feature.name in start.inputs)
    used = {feature.column for feature in kept}
    return replace(guess, features=kept, left_out={**guess.left_out, **{column: why[column] for column in why if column not in used}})


def _keras_shapes(path: Path) -> _Shapes:
    import keras

    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelFolderError(f'{path} is no Keras model that loads by itself ({said}): save it with model.save("NAME.keras")') from error
    if not getattr(model, "inputs", None):
        raise ModelFolderError(f"{path} has no inputs with names and shapes: save a functional or sequential model, after it was built")
    return _Shapes({tensor.name: _width(tensor.shape) for tensor in model.inputs}, tuple(model.output_shape))


def _saved_shapes(path: Path) -> _Shapes:
    import tensorflow as tf

    try:
        signatures = tf.saved_model.load(str(path)).signatures
    except (OSError, ValueError, tf.errors.OpError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelFolderError(f"{path} is no SavedModel that loads ({said}): give the folder that has saved_model.pb") from error
    if SIGNATURE not in signatures:
        raise ModelFolderError(f"{path} has no signature {SIGNATURE}, but {', '.join(signatures) or 'none'}: save it with that one")
    signature = signatures[SIGNATURE]
    outputs = [*signature.structured_outputs.values()]
    if len(outputs) != 1:
        raise ModelFolderError(
            f"{path} gives {len(outputs)} outputs ({', '.join(signature.structured_outputs)}): save it with the score alone"
        )
    specifications = signature.structured_input_signature[1]
    texts = [name for name, one in specifications.items() if not (one.dtype.is_floating or one.dtype.is_integer)]
    if texts:
        kind = specifications[texts[0]].dtype.name
        raise ModelFolderError(f"{path} takes {texts[0]!r}, which is {kind}: save it with a signature of numbers by name")
    return _Shapes({name: _width(one.shape) for name, one in specifications.items()}, tuple(outputs[0].shape))


def _width(shape: Sequence[int | None]) -> int:
    return (shape[-1] or 0) if len(shape) == 2 else 0


def _require_numbers(path: Path, names: Sequence[str], numbers: Sequence[str]) -> None:
    unknown = [name for name in names if name not in numbers]
    if unknown:
        raise ModelFolderError(f"{path} takes {unknown[0]!r}, which is no numeric feature of the table: those are {', '.join(numbers)}")
