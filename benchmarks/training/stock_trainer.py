"""The training of the stock pipeline: ours but for the rows, which TFX's Transform has written to disk, as in TFX's own tutorials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from components.training import trainer

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.components.trainer.fn_args_utils import FnArgs


def run_fn(arguments: "FnArgs") -> None:
    """What TFX's Trainer calls."""

    def try_nothing(*_: object) -> None:
        """Stock TFX keeps no rows to test a model by, and tries none; and these are transformed, which the signature does not take."""

    with mock.patch.object(trainer, "TransformedRows", RowsOfTransform), mock.patch.object(trainer, "_try", try_nothing):
        trainer.run_fn(arguments)


@dataclass(frozen=True)
class RowsOfTransform(trainer.TransformedRows):
    """How transformed examples become batches for Keras."""

    def read(self, patterns: Sequence[str], *, shuffle_seed: int | None = None) -> "tf.data.Dataset":
        """As `trainer.TransformedRows.read`, without the transform's graph."""
        import tensorflow as tf

        files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
        rows = tf.data.TFRecordDataset(files, compression_type="GZIP")
        if shuffle_seed is not None:
            rows = rows.shuffle(trainer.SHUFFLE_ROWS, seed=shuffle_seed, reshuffle_each_iteration=True)
        specification = self.transform.transformed_feature_spec()

        @tf.autograph.experimental.do_not_convert
        def parse(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            features = dict(tf.io.parse_example(batch, specification))
            label = features.pop(self.label)
            return features, label

        return rows.batch(self.batch_size).map(parse, num_parallel_calls=2, deterministic=True).prefetch(2)
