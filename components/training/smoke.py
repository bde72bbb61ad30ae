"""What a model answered on a few rows when it was trained: whoever loads it must get the same answers, however they ask.

The rows and the answers travel with the SavedModel. TensorFlow is imported when it is used, which few who read the names here do.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.errors import RegistryError
from components.training.servable import Answer, parse_columns
from components.training.session import SessionError, open_session, said
from components.training.signatures import FILE, INPUT, OUTPUT, PACKED, PRESENT, RAW, SIGNATURE, Signatures

FOLDER = Path("assets.extra") / "smoke"
"""In the SavedModel."""
EXAMPLES = "examples.tfrecord.gz"
"""Serialised raw tf.train.Examples."""
OUTPUTS = "outputs.json"
"""{"output": name, "values": [[float, ...], ...]}: a row of values for each example."""
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
"""The same rows as TensorFlow Serving reads them: it asks a version for them before it serves it."""
ROWS = 32
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Other processors round the last of seven digits differently, and a network adds that up; a wrong model is wrong in the second digit."""


class SmokeError(Exception):
    """A SavedModel does not load, or answers otherwise than when it was trained. The text says where, and is no sentence yet."""


@dataclass(frozen=True)
class Recorded:
    """Rows, and what the model answered when it was trained."""

    rows: Sequence[bytes]
    """Serialised tf.train.Examples."""
    values: Sequence[Sequence[float]]


def record_smoke(score: Answer, files: Sequence[str], saved_model: Path) -> Recorded:
    """Keep the first rows of the files, in their order, with what the signature `score` answers on them, in a SavedModel."""
    import tensorflow as tf

    rows = list(tf.data.TFRecordDataset(files, compression_type="GZIP").take(ROWS).as_numpy_iterator())
    folder = saved_model / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / EXAMPLES), options="GZIP") as writer:
        for row in rows:
            writer.write(row)
    values = score(tf.constant(rows, tf.string))[OUTPUT].numpy().tolist()
    (folder / OUTPUTS).write_text(json.dumps({"output": OUTPUT, "values": values}))
    _write_warm_up(saved_model / WARM_UP, rows)
    return Recorded(rows, values)


def _write_warm_up(path: Path, rows: Sequence[bytes]) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            record = prediction_log_pb2.PredictionLog()
            request = record.predict_log.request
            request.model_spec.signature_name = SIGNATURE
            request.inputs[INPUT].CopyFrom(tf.make_tensor_proto([row], tf.string))
            writer.write(record.SerializeToString(deterministic=True))


def read_smoke(folder: Path, what: str) -> Recorded:
    """What `record_smoke` kept in the SavedModel in a folder, which holds `what`; no rows if it kept none.

    Raises:
        RegistryError: it cannot be read.
    """
    import tensorflow as tf

    if not (folder / FOLDER / OUTPUTS).is_file():
        return Recorded((), ())
    try:
        rows = list(tf.data.TFRecordDataset(str(folder / FOLDER / EXAMPLES), compression_type="GZIP").as_numpy_iterator())
        return Recorded(rows, [[float(value) for value in row] for row in json.loads((folder / FOLDER / OUTPUTS).read_text())["values"]])
    except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        raise RegistryError(f"the recorded answers of {what} cannot be read ({type(error).__name__}): train a new version") from error


def try_servable(folder: Path, loaded: Mapping[str, Answer], signatures: Signatures, recorded: Recorded) -> float:
    """Ask all signatures of a SavedModel, in Python and in a session. Returns how far an answer is from the recorded one at most.

    Args:
        folder: where it is.
        loaded: the signatures by name, as tf.saved_model.load gives them.
        signatures: which it has.
        recorded: what to ask, and the answers.

    Raises:
        SmokeError: it does not load, or a signature gives no answer, or another one.
    """
    import tensorflow as tf

    try:
        inputs = _signature_inputs(recorded.rows, signatures)
    except tf.errors.OpError as error:
        raise SmokeError(f"cannot be asked its recorded rows by {FILE} ({said(error)})") from error
    answers = [*_in_python(loaded, inputs), *_in_a_session(folder, inputs)]
    return max(largest_difference(recorded.values, found, way) for way, found in answers) if recorded.rows else 0.0


def _signature_inputs(rows: Sequence[bytes], signatures: Signatures) -> dict[str, dict[str, np.ndarray]]:
    """What each signature is fed, by name, to be asked the rows. Where a row lacks an optional column, 0 or no text stands in its place."""
    import tensorflow as tf

    raw, present = {}, []
    for column, value in zip(signatures.columns, parse_columns(tf.constant(rows, tf.string), signatures.columns).values(), strict=True):
        if not column.optional:
            raw[column.name] = value.numpy()
        else:
            raw[column.name] = np.full((len(rows), 1), b"" if column.dtype == "string" else 0, value.dtype.as_numpy_dtype)
            is_there = np.zeros((len(rows), 1), bool)
            is_there[value.indices[:, 0].numpy()] = True
            raw[column.name][is_there] = value.values.numpy()
            present.append(is_there)
    mask = {PRESENT: np.concatenate(present, axis=1)} if present else {}
    packed = {
        dtype: np.concatenate([raw[column.name].reshape(len(rows), column.width) for column in columns], axis=1)
        for dtype, columns in signatures.packed.items()
    }
    inputs = {SIGNATURE: {INPUT: np.array(rows, object)}, RAW: raw | mask, PACKED: packed | mask}
    return {name: inputs[name] for name in signatures.names}


def _in_python(loaded: Mapping[str, Answer], inputs: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    import tensorflow as tf

    for name, values in inputs.items():
        try:
            found = loaded[name](**{key: tf.constant(value) for key, value in values.items()})[OUTPUT].numpy()
        except (KeyError, TypeError, tf.errors.OpError) as error:
            raise SmokeError(f"gives no answer by its signature {name} in Python ({said(error)})") from error
        yield f"by its signature {name} in Python", found


def _in_a_session(folder: Path, inputs: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    try:
        with open_session(folder) as ask:
            for name, values in inputs.items():
                yield f"by its signature {name} in a session", ask(name, values)
    except SessionError as error:
        raise SmokeError(f"does not run in a session, as TensorFlow Serving runs it ({error})") from error


def largest_difference(expected: Sequence[Sequence[float]], found: Sequence[Sequence[float]] | np.ndarray, way: str) -> float:
    """How far answers are from the recorded ones at most. What was no number then may be none now.

    Raises:
        SmokeError: one of them is too far; the text names the first row, and the `way` it was asked.
    """
    then, now = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if then.shape != now.shape:
        raise SmokeError(f"answers {_shape(now)} {way}, and gave {_shape(then)} when it was trained")
    differences = np.where((then == now) | (np.isnan(then) & np.isnan(now)), 0.0, abs(now - then))
    wrong = np.argwhere(~((differences == 0) | (differences <= ABSOLUTE + RELATIVE * abs(then))))
    if wrong.size:
        row, place = wrong[0]
        raise SmokeError(
            f"answers {now[row, place]:.7g} on recorded row {row + 1} {way}, and gave {then[row, place]:.7g} when it was trained"
        )
    return float(differences.max(initial=0.0))


def _shape(answers: np.ndarray) -> str:
    return f"{len(answers)} rows of {answers.shape[1] if answers.ndim > 1 else 'no'} values"
