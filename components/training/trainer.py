"""Train a network on examples, transformed as they are read: the same examples, code and parameters give the same weights, bit for bit."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.columns.column_file import kept_schema, read_kept
from components.columns.tensors import parsed
from components.errors import ModelFolderError
from components.examples.encode import encode_examples
from components.model.code import told_with_place
from components.model.folder import Model, read_model
from components.training.features import transformed
from components.training.network import build_network, fed, require_finite, require_probabilities
from components.training.servable import Answer, Tensors, columns_of, save_servable
from components.training.signatures import Signatures
from components.training.smoke import SmokeError, record_smoke, try_servable

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft
    from tfx.components.trainer.fn_args_utils import FnArgs

SHUFFLE_ROWS = 20_000
PARSED_ROWS = 8_192
"""Parsed and transformed at a time."""
KEPT_BYTES = 128 << 20
"""Transformed rows of a split are kept in memory up to here; more are read, parsed and transformed anew in every epoch."""


def preprocessing_fn(inputs: dict[str, Any], custom_config: Mapping[str, str]) -> dict[str, Any]:
    """What TFX's Transform calls: the preprocessing_fn of the model's features.py."""
    return transformed(read_model(Path(custom_config["models_folder"]), custom_config["model"]), inputs)


def run_fn(arguments: "FnArgs") -> None:
    """What TFX's Trainer calls: fit the network of the model's network.py and save it with its serving signature."""
    import keras
    import tensorflow as tf
    import tensorflow_transform as tft

    config = arguments.custom_config
    model = read_model(Path(config["models_folder"]), config["model"])
    keras.utils.set_random_seed(model.training.seed)
    tf.config.experimental.enable_op_determinism()

    transform = tft.TFTransformOutput(arguments.transform_graph_path)
    specification = transform.transformed_feature_spec()
    rows = TransformedRows(transform, model.rows.label, model.training.batch_size)
    network = build_network(model, {name: feature for name, feature in specification.items() if name != rows.label})
    features, _ = next(iter(rows.read(arguments.eval_files)))
    require_probabilities(model, network(fed(network, features), training=False))
    with told_with_place(model.folder, "network.py", "cannot be fitted"):
        history = network.fit(
            rows.read(arguments.train_files, shuffle_seed=model.training.seed),
            validation_data=rows.read(arguments.eval_files),
            epochs=model.training.epochs,
            verbose=2,
        )
    require_finite(model, network, history.history["loss"])
    folder = Path(arguments.model_run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.json").write_text(json.dumps(history.history))
    answers, signatures = _save(network, rows, model.score_count, Path(arguments.serving_model_dir))
    _try(model, answers, signatures, _paths(arguments.eval_files), Path(arguments.serving_model_dir))


@dataclass(frozen=True)
class TransformedRows:
    """How raw examples become batches of transformed features for Keras. Nothing transformed is kept on disk."""

    transform: "tft.TFTransformOutput"
    label: str
    batch_size: int
    kept: dict[tuple[str, ...], "Tensors | None"] = field(default_factory=dict)
    """Transformed features of all rows of files; None of those that have too many."""

    def read(self, patterns: Sequence[str], *, shuffle_seed: int | None = None) -> "tf.data.Dataset":
        """({name: [batch, 1]}, label [batch, 1]) of the files, always in the same order for the same seed."""
        import tensorflow as tf

        paths = tuple(_paths(patterns))
        if paths not in self.kept:
            self.kept[paths] = self._all(paths)
        kept = self.kept[paths]
        records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
        rows = records if kept is None else tf.data.Dataset.range(len(kept[self.label]))
        if shuffle_seed is not None:
            rows = rows.shuffle(SHUFFLE_ROWS, seed=shuffle_seed, reshuffle_each_iteration=True)

        @tf.autograph.experimental.do_not_convert
        def take(places: tf.Tensor) -> "Tensors":
            return {name: tf.gather(column, places) for name, column in (kept or {}).items()}

        @tf.autograph.experimental.do_not_convert
        def split(features: "Tensors") -> "tuple[Tensors, tf.Tensor]":
            return {name: feature for name, feature in features.items() if name != self.label}, features[self.label]

        parse = self._parser() if kept is None else take
        batches = rows.batch(self.batch_size).filter(_any).map(parse, num_parallel_calls=2, deterministic=True)
        return batches.map(split).prefetch(2)

    def _all(self, paths: Sequence[str]) -> "Tensors | None":
        """The transformed features of all rows; None if they are too many to be kept, or no numbers of one shape."""
        import tensorflow as tf

        parts, size = [], 0
        for part in self._transformed(paths):
            parts.append(part)
            if not all(isinstance(feature, tf.Tensor) and feature.dtype != tf.string for feature in part.values()):
                return None
            size += sum(feature.shape.num_elements() * feature.dtype.size for feature in part.values())
            if size > KEPT_BYTES:
                return None
        return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}

    def _transformed(self, paths: Sequence[str]) -> "Iterator[Tensors]":
        """The rows of files of examples, so many at a time, from their columns where these are kept."""
        import tensorflow as tf

        files, specification = list(map(Path, paths)), self.transform.raw_feature_spec()
        if kept_schema(files) is None:
            records = tf.data.TFRecordDataset(paths, compression_type="GZIP", buffer_size=1 << 20)
            yield from records.batch(PARSED_ROWS).map(self._parser(), num_parallel_calls=2, deterministic=True)
            return
        for batch in read_kept(files, PARSED_ROWS):
            raw = parsed(batch, specification)
            yield self._of_raw(tf.io.parse_example(encode_examples(batch).to_pylist(), specification) if raw is None else raw)

    @cached_property
    def _of_raw(self) -> "Callable[[Tensors], Tensors]":
        """From raw columns to transformed features."""
        import tensorflow as tf

        layer = self.transform.transform_features_layer()
        types = {
            name: tf.SparseTensorSpec([None, None], feature.dtype)
            if isinstance(feature, tf.io.VarLenFeature)
            else tf.TensorSpec([None, *feature.shape], feature.dtype)
            for name, feature in self.transform.raw_feature_spec().items()
        }
        return tf.function(lambda raw: dict(layer(raw)), input_signature=[types], autograph=False)  # type: ignore[no-any-return]

    def _parser(self) -> "Callable[[tf.Tensor], Tensors]":
        """From serialised examples to transformed features."""
        import tensorflow as tf

        specification, layer = self.transform.raw_feature_spec(), self.transform.transform_features_layer()

        @tf.autograph.experimental.do_not_convert  # nothing to convert, and converting takes a second
        def parse(batch: tf.Tensor) -> "Tensors":
            return dict(layer(tf.io.parse_example(batch, specification)))

        return parse  # type: ignore[no-any-return]


def _any(_: "tf.Tensor") -> bool:
    """Hides how many there are: Keras, if it knew, would begin epochs otherwise, and so shuffle otherwise than rows from files."""
    return True


def _paths(patterns: Sequence[str]) -> list[str]:
    """The files of the patterns, in order."""
    import tensorflow as tf

    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))


def _save(network: Any, rows: TransformedRows, score_count: int, folder: Path) -> tuple[Answer, Signatures]:
    """A SavedModel that is asked with raw columns without the label: training and serving transform alike."""
    import tensorflow as tf

    layer = rows.transform.transform_features_layer()
    specification = {name: feature for name, feature in rows.transform.raw_feature_spec().items() if name != rows.label}
    signatures = Signatures(columns_of(specification), score_count)

    @tf.function(autograph=False)  # so that what the signatures share is saved once
    def score(raw: Tensors) -> tf.Tensor:
        return network(fed(network, layer(raw)), training=False)

    return save_servable(score, signatures, [network, layer], folder), signatures


def _try(model: Model, answers: Answer, signatures: Signatures, files: Sequence[str], folder: Path) -> None:
    """Record what the model answers, and ask what was saved the same.

    Raises:
        ModelFolderError: what was saved does not run, or answers otherwise.
    """
    import tensorflow as tf

    recorded = record_smoke(answers, files, folder)
    try:
        try_servable(folder, tf.saved_model.load(str(folder)).signatures, signatures, recorded)
    except SmokeError as error:
        raise ModelFolderError(f"{model.folder / 'network.py'} makes a model that {error}: correct it") from error
