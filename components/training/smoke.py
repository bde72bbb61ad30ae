"""What a model answered on a few rows when it was trained: whoever deploys it must get the same answers.

The rows and the answers travel with the SavedModel. TensorFlow is imported when it is used, which few who read the names here do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

FOLDER = Path("assets.extra") / "smoke"
"""In the SavedModel."""
EXAMPLES = "examples.tfrecord.gz"
"""Serialised raw tf.train.Examples."""
OUTPUTS = "outputs.json"
"""{"output": name, "values": [[float, ...], ...]}: a row of values for each example."""
SIGNATURE = "serving_default"
INPUT = "examples"
OUTPUT = "score"
ROWS = 32

Score = Callable[["tf.Tensor"], Mapping[str, "tf.Tensor"]]


def record_smoke(score: Score, files: Sequence[str], saved_model: Path) -> None:
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
