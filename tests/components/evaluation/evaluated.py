"""Examples, and networks that say what an example tells them to, for both roads of the evaluation."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from google.protobuf import json_format

from components.evaluation.evaluator import Judged, evaluate
from components.examples.encode import TFRecordFile
from components.settings import Settings
from tests.components.artifacts import Artifact, artifact, examples_artifact
from tests.components.columns.written import write_file

BEAM_ARGS = Settings.model_fields["beam_args"].default
EXACT_TO = 1e-9
"""Sums of floats in another order."""


def write_examples(folder: Path, *files: pa.RecordBatch | Sequence[bytes]) -> Artifact:
    """The split eval, a file each: of rows, with their columns, or of serialised examples."""
    (folder / "Split-eval").mkdir(parents=True)
    for place, rows in enumerate(files):
        if isinstance(rows, pa.RecordBatch):
            write_file(folder / "Split-eval" / f"data_tfrecord-{place}.gz", [rows])
            continue
        with TFRecordFile(folder / "Split-eval" / f"data_tfrecord-{place}.gz") as file:
            file.write(rows)
    return examples_artifact(folder, "eval")


def save_network(folder: Path, scores: Sequence[str]) -> Artifact:
    """A SavedModel whose outputs are these features, 0 where an example has none."""
    import tensorflow as tf

    specification = {name: tf.io.FixedLenFeature([1], tf.float32, default_value=0.0) for name in scores}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.io.parse_example(serialized, specification)
        return {"score": tf.concat([found[name] for name in scores], axis=1)}

    module = tf.Module()
    module.score = score
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": score})
    return artifact(folder, tfx_type="Model")


@dataclass(frozen=True)
class Road:
    """What one of the two roads left."""

    evaluation: Artifact
    blessing: Artifact

    @property
    def blessed(self) -> list[str]:
        """The names of the files of the blessing."""
        return sorted(path.name for path in Path(self.blessing.path).iterdir())


def take(folder: Path, config: str, examples: Artifact, trained: Artifact, *, stock: bool) -> Road:
    """Evaluate once."""
    road = Road(artifact(folder / "evaluation"), artifact(folder / "blessing"))
    evaluate(config, Judged(examples, trained, road.evaluation, road.blessing), beam_args=BEAM_ARGS, stock=stock)
    return road


def take_both(folder: Path, config: str, examples: Artifact, trained: Artifact) -> tuple[Road, Road]:
    """The stock Evaluator's and ours."""
    return take(folder / "stock", config, examples, trained, stock=True), take(folder / "ours", config, examples, trained, stock=False)


def assert_equal(stock: Road, ours: Road) -> int:
    """Every number that TFMA's readers find in either folder, and what is said of them. Returns how many numbers there are."""
    from tensorflow_model_analysis.api import model_eval_lib as tfma

    left, right = (tfma.load_eval_result(road.evaluation.path) for road in (stock, ours))
    numbers = 0
    for name in ("slicing_metrics", "plots", "attributions"):
        one, other = ({str(key): value for key, value in getattr(result, name)} for result in (left, right))
        numbers += _compare(one, other, name)
    assert left.config == right.config
    assert (left.data_location, left.file_format, left.model_location) == (right.data_location, right.file_format, right.model_location)
    for load in (tfma.load_metrics, tfma.load_plots, tfma.load_attributions):
        one, other = ({str(proto.slice_key): proto for proto in load(road.evaluation.path)} for road in (stock, ours))
        assert one.keys() == other.keys()
    one, other = (_validation(tfma.load_validation_result(road.evaluation.path)) for road in (stock, ours))
    numbers += _compare(one, other, "validations")
    assert stock.blessed == ours.blessed
    assert {name: stock.blessing.metadata.get(name) for name in ("blessed", "tfx_type")} == {
        name: ours.blessing.metadata.get(name) for name in ("blessed", "tfx_type")
    }
    return numbers


def _validation(result: Any) -> Any:
    """Its lists are in no order."""
    document = json_format.MessageToDict(result)
    for holder, name in ((document, "metricValidationsPerSlice"), (document.get("validationDetails", {}), "slicingDetails")):
        if name in holder:
            holder[name] = sorted(holder[name], key=lambda one: json.dumps(one.get("sliceKey", one), sort_keys=True))
    return document


def _compare(left: object, right: object, where: str) -> int:
    assert type(left) is type(right), (where, left, right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        assert left.keys() == right.keys(), where
        return sum(_compare(left[key], right[key], f"{where} {key}") for key in left)
    if isinstance(left, list) and isinstance(right, list):
        assert len(left) == len(right), where
        return sum(_compare(one, other, f"{where} {place}") for place, (one, other) in enumerate(zip(left, right, strict=True)))
    if isinstance(left, float) and isinstance(right, float):
        is_near = abs(left - right) <= EXACT_TO * max(1.0, abs(left), abs(right))
        assert is_near or left == right or (left != left and right != right), (where, left, right)
        return 1
    assert left == right, (where, left, right)
    return 0


Take = Callable[..., tuple[Road, Road]]
